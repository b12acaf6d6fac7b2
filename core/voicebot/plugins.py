"""Finding plugins by entry point, and loading just the one that is asked for.

A plugin of kind K is an entry point in the group `voicebot.K`. Listing reads the metadata of what is
installed and imports nothing; loading imports one plugin, and what goes wrong there names its distribution.
"""

from __future__ import annotations

import importlib.util
import inspect
import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from importlib import metadata
from typing import Any

from pydantic import BaseModel

from voicebot.errors import (
    ExtraNotInstalled,
    PluginLoadError,
    PluginNotFound,
    VoicebotError,
)
from voicebot.interfaces import KINDS, Capabilities, Kind, Provider, ProviderContext

__all__ = [
    "PluginInfo",
    "Section",
    "create",
    "ensure_installed",
    "entries",
    "find_plugin",
    "list_plugins",
    "load",
    "load_plugin",
    "nearest",
]

METHODS: dict[str, str] = {
    "vad": "start",
    "stt": "start",
    "turn": "predict",
    "llm": "generate",
    "tts": "synthesize",
    "transport": "connections",
}


@dataclass(frozen=True, slots=True)
class PluginInfo:
    """What a distribution's metadata says about one of its plugins."""

    kind: str
    name: str
    distribution: str
    version: str
    target: str
    """`module:attribute`, not imported."""
    problem: str = ""
    """Why it cannot be loaded, as far as metadata tells; "" where nothing is wrong."""

    @property
    def origin(self) -> str:
        return f"{self.distribution} {self.version}".strip()


@dataclass(frozen=True, slots=True)
class Section:
    """A plugin that a profile chose, with its validated settings."""

    info: PluginInfo
    provider_class: type[Provider]
    config: BaseModel

    @property
    def use(self) -> str:
        return self.info.name


def nearest(word: str, choices: Iterable[str]) -> str | None:
    """The choice most like `word`, or None where nothing is close."""
    from rapidfuzz import fuzz, process, utils

    found = process.extractOne(
        word, list(choices), scorer=fuzz.ratio, processor=utils.default_process, score_cutoff=60
    )
    return found[0] if found else None


def entries(group: str) -> list[PluginInfo]:
    """The entry points of a group, sorted by name; two with one name carry a `problem`.

    A distribution that is on `sys.path` twice counts once; one whose metadata cannot be read is passed over.
    """
    found: defaultdict[str, dict[tuple[str, str], PluginInfo]] = defaultdict(dict)
    seen: dict[str, int] = {}
    for index, distribution in enumerate(metadata.distributions()):
        try:
            points = [point for point in distribution.entry_points if point.group == group]
            if not points:
                continue
            name, version = str(distribution.metadata["Name"]), str(distribution.version)
        except Exception:  # somebody else's broken metadata is no reason to list nothing
            continue
        normal = re.sub(r"[-_.]+", "-", name).lower()
        if seen.setdefault(normal, index) != index:
            continue
        for point in points:
            info = PluginInfo(group.removeprefix("voicebot."), point.name, name, version, point.value)
            found[point.name][normal, point.value] = info
    listed = []
    for name in sorted(found):
        rivals = list(found[name].values())
        problem = ""
        if len(rivals) > 1:
            claims = " and ".join(f"{rival.origin} ({rival.target})" for rival in rivals)
            problem = f"two plugins have this name: {claims}"
        listed += [replace(rival, problem=problem) for rival in rivals]
    return listed


def list_plugins(kind: Kind | None = None) -> list[PluginInfo]:
    """All installed plugins (of one kind), without importing any."""
    return [info for one in ((kind,) if kind else KINDS) for info in entries(f"voicebot.{one}")]


def find_plugin(kind: Kind, name: str) -> PluginInfo:
    """The plugin of that name.

    Raises:
        PluginNotFound: none has the name.
        PluginLoadError: several distributions claim it.
    """
    installed = list_plugins(kind)
    matches = [info for info in installed if info.name == name]
    if not matches:
        names = sorted({info.name for info in installed})
        close = nearest(name, names)
        raise PluginNotFound(
            f"there is no {kind} plugin {name!r}" + (f"; did you mean {close!r}?" if close else ""),
            kind=kind,
            name=name,
            hint=f"Installed {kind} plugins: {', '.join(names) or 'none'}.",
        )
    if matches[0].problem:
        raise PluginLoadError(
            f"the {kind} plugin {name!r} cannot be chosen: {matches[0].problem}",
            kind=kind,
            name=name,
            distribution=", ".join(info.distribution for info in matches),
            hint="Uninstall all but one of them.",
        )
    return matches[0]


def load_plugin(kind: Kind, name: str) -> type[Provider]:
    """Import the plugin of that name and check that it is a provider of its kind.

    Raises:
        PluginNotFound: none has the name.
        PluginLoadError: several distributions claim it, or as `load`.
    """
    return load(find_plugin(kind, name))


def load(info: PluginInfo) -> type[Provider]:
    """Import one plugin and check that it is a provider of its kind.

    Raises:
        PluginLoadError: it raised on import (even SystemExit), or it does not have the shape that
            `voicebot.interfaces` asks for.
    """
    try:
        loaded = metadata.EntryPoint(info.name, info.target, f"voicebot.{info.kind}").load()
        missing = _shape_problems(info.kind, loaded)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise _load_error(info, f"could not be imported: {_describe(error)}") from error
    if missing:
        raise _load_error(info, f"({info.target}) is not a {info.kind} provider: {'; '.join(missing)}")
    return loaded  # type: ignore[no-any-return]


def ensure_installed(info: PluginInfo, provider_class: type[Provider]) -> None:
    """Check that the packages of a provider's engine can be imported, without importing them.

    Raises:
        ExtraNotInstalled: one is missing; the hint is the pip line.
    """
    capabilities = provider_class.capabilities
    missing = [module for module in capabilities.modules if not _importable(module)]
    if missing:
        package = (
            f"'voicebot-kit[{capabilities.extra}]'"
            if capabilities.extra
            else f"--upgrade {info.distribution}"
        )
        raise ExtraNotInstalled(
            f"{info.kind}: {info.name} needs the Python package {', '.join(missing)}, which is not installed",
            kind=info.kind,
            name=info.name,
            distribution=info.distribution,
            hint=f"Run: pip install {package}",
        )


def create(kind: Kind, section: Section, context: ProviderContext) -> Any:
    """Build a provider (not warmed up yet).

    Raises:
        ExtraNotInstalled: its engine's package is missing.
        PluginLoadError: its constructor raised anything but a VoicebotError.
    """
    ensure_installed(section.info, section.provider_class)
    try:
        return section.provider_class(section.config, context)
    except VoicebotError:
        raise
    except Exception as error:
        raise _load_error(
            replace(section.info, kind=kind), f"could not be built: {_describe(error)}"
        ) from error


def _shape_problems(kind: str, loaded: object) -> list[str]:
    if not inspect.isclass(loaded):
        return [f"it is a {type(loaded).__name__}, not a class"]
    problems = []
    config = getattr(loaded, "Config", None)
    if not (inspect.isclass(config) and issubclass(config, BaseModel)):
        problems.append("`Config` must be a pydantic BaseModel subclass")
    if not isinstance(getattr(loaded, "capabilities", None), Capabilities):
        problems.append("`capabilities` must be a voicebot.interfaces.Capabilities")
    methods = ("required_models", "warmup", METHODS[kind], "aclose")
    problems += [
        f"it has no method `{name}`" for name in methods if not callable(getattr(loaded, name, None))
    ]
    streaming = METHODS[kind] if kind in ("llm", "tts", "transport") else ""
    if streaming and inspect.iscoroutinefunction(getattr(loaded, streaming, None)):
        problems.append(
            f"`{streaming}` must be an async generator (`async def` with `yield`), not a coroutine"
        )
    return problems


def _load_error(info: PluginInfo, what: str) -> PluginLoadError:
    return PluginLoadError(
        f"the {info.kind} plugin {info.name!r} of {info.origin} {what}",
        kind=info.kind,
        name=info.name,
        distribution=info.distribution,
        hint=f"The fault is in {info.distribution}: report it there, or choose another {info.kind} plugin.",
    )


def _describe(error: BaseException) -> str:
    try:
        text = str(error)
    except Exception:
        text = ""
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _importable(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except Exception:  # a dotted name imports its parent, which may raise anything
        return False
