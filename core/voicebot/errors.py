"""Every error that voicebot raises on purpose.

    VoicebotError                 anything a person can act on; the CLI prints it without a traceback, exit code 2
    ├── ProfileError              a profile file is wrong (carries file, line and key)
    ├── PluginError               a plugin (carries kind, name and distribution)
    │   ├── PluginNotFound        no such plugin; names the nearest
    │   ├── PluginLoadError       it raised on import, or is not a provider
    │   └── ExtraNotInstalled     its engine's package is missing; carries the pip line
    ├── ModelError                a model file
    │   ├── ModelMissing          not on this machine; carries the command that fetches it
    │   ├── ChecksumMismatch      its bytes are not the manifest's
    │   └── DownloadError         no source could be read
    ├── RecordingError            a recorded call that cannot be read
    ├── AudioError                a WAV or an audio buffer that cannot be used
    └── EngineError               an engine failed while it worked (carries kind, plugin, distribution, retryable)
        └── EngineTimeout         it gave no result within its deadline

Messages are whole sentences for the user; `hint` says what to do next.
"""

from __future__ import annotations

from pathlib import Path

__all__ = [
    "AudioError",
    "ChecksumMismatch",
    "DownloadError",
    "EngineError",
    "EngineTimeout",
    "ExtraNotInstalled",
    "ModelError",
    "ModelMissing",
    "PluginError",
    "PluginLoadError",
    "PluginNotFound",
    "ProfileError",
    "RecordingError",
    "VoicebotError",
]


class VoicebotError(Exception):
    """Base of all errors that a user can act on.

    Attributes:
        code: short machine-readable name, stable between releases.
        hint: what to do about it, or "".
    """

    code = "error"

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n  {self.hint}" if self.hint else self.message


class ProfileError(VoicebotError):
    """A profile is wrong: `file:line: key: what`."""

    code = "profile"

    def __init__(
        self,
        message: str,
        *,
        file: Path | str | None = None,
        line: int | None = None,
        key: str = "",
        hint: str = "",
    ) -> None:
        place = ":".join(str(part) for part in (file, line) if part is not None)
        super().__init__(": ".join(part for part in (place, key, message) if part), hint=hint)
        self.file = Path(file) if file is not None else None
        self.line = line
        self.key = key


class PluginError(VoicebotError):
    """Something is wrong with one plugin; the others are unaffected."""

    code = "plugin"

    def __init__(self, message: str, *, kind: str, name: str, distribution: str = "", hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.kind = kind
        self.name = name
        self.distribution = distribution


class PluginNotFound(PluginError):
    code = "plugin_not_found"


class PluginLoadError(PluginError):
    code = "plugin_load"


class ExtraNotInstalled(PluginError):
    code = "extra_not_installed"


class ModelError(VoicebotError):
    code = "model"


class ModelMissing(ModelError):
    code = "model_missing"


class ChecksumMismatch(ModelError):
    code = "checksum"


class DownloadError(ModelError):
    code = "download"


class RecordingError(VoicebotError):
    code = "recording"


class AudioError(VoicebotError):
    code = "audio"


class EngineError(VoicebotError):
    """An engine failed while it worked.

    Attributes:
        kind, plugin, distribution: who failed; the session fills in what the engine left empty.
        retryable: whether the same request may succeed if it is made again.
        retry_after_s: how long the server asks to wait before that, where it says so.
    """

    code = "engine"

    def __init__(
        self,
        message: str,
        *,
        kind: str = "",
        plugin: str = "",
        distribution: str = "",
        retryable: bool = False,
        retry_after_s: float | None = None,
        hint: str = "",
    ) -> None:
        super().__init__(message, hint=hint)
        self.kind = kind
        self.plugin = plugin
        self.distribution = distribution
        self.retryable = retryable
        self.retry_after_s = retry_after_s

    def __str__(self) -> str:
        who = f"the {self.kind} plugin {self.plugin!r}" if self.plugin else ""
        origin = f" of {self.distribution}" if who and self.distribution else ""
        return f"{who}{origin}: {super().__str__()}" if who else super().__str__()


class EngineTimeout(EngineError):
    code = "engine_timeout"
