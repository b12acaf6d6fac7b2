"""From the templates to a package.

The templates are files that work as they are, as a plugin named `demo`; a few words in them are replaced.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from voicebot._version import __version__
from voicebot.errors import VoicebotError
from voicebot.scaffold.naming import check_name

__all__ = ["package_files", "write_package"]

_TEMPLATES = Path(__file__).parent / "templates"
_PROVIDERS = {
    "vad": "VAD",
    "stt": "STT",
    "turn": "Turn",
    "llm": "LLM",
    "tts": "TTS",
    "transport": "Transport",
    "hooks": "Hooks",
}
_RENAMED = {"github": ".github", "gitignore": ".gitignore", "pyproject.template": "pyproject.toml"}
"""Tools would take notice of these here."""


def package_files(kind: str, name: str) -> dict[str, str]:
    """What a new plugin's package holds: each file's path and text.

    Args:
        kind: one of `SCAFFOLDED`.
        name: as `check_name` allows.
    """
    words = {
        "demo": name,
        "Demo": "".join(word.capitalize() for word in name.split("_")),
        "voicebot-KIND-demo": _distribution(kind, name),
        "KIND": kind,
        "PROVIDER": _PROVIDERS[kind],
        "VERSION": __version__,
    }
    own = dict(_read(_TEMPLATES / kind))
    words |= {"ABOUT": own.pop("about.md").strip(), "PROFILE": own["profile.yaml"].strip()}
    words |= {key: _render(words[key], words) for key in ("ABOUT", "PROFILE")}
    files = dict(_read(_TEMPLATES / "common")) | own
    return {_render(path, words): _render(text, words) for path, text in files.items()}


def write_package(kind: str, name: str, into: Path) -> Path:
    """Write a new plugin's package; the folder it is in.

    Raises:
        VoicebotError: the name will not do, the folder is there already, or it cannot be written.
    """
    check_name(name)
    folder = into / _distribution(kind, name)
    try:
        if folder.exists():
            raise VoicebotError(
                f"{folder} is there already.", hint="Choose another name, or --into another folder."
            )
        for path, text in package_files(kind, name).items():
            file = folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise VoicebotError(f"{folder} cannot be written: {error.strerror}") from error
    return folder


def _distribution(kind: str, name: str) -> str:
    return f"voicebot-{kind}-{name.replace('_', '-')}"


def _read(folder: Path) -> Iterator[tuple[str, str]]:
    for file in sorted(folder.rglob("*")):
        first, *others = parts = file.relative_to(folder).parts
        if file.is_file() and not any(part.startswith((".", "__pycache__")) for part in parts):
            yield "/".join([_RENAMED.get(first, first), *others]), file.read_text(encoding="utf-8")


def _render(text: str, words: dict[str, str]) -> str:
    longest_first = sorted(words, key=len, reverse=True)
    return re.sub("|".join(longest_first), lambda found: words[found[0]], text)
