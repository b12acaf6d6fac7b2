"""Finding plugins by entry point, and loading just the one that is asked for.

A plugin of kind K is an entry point in the group `voicebot.K`. For experiments it may also be a file `K_NAME.py`, or a
package of that name, in the folder `plugins/` beside the profile that a user names. Listing reads metadata and file
names, and imports nothing; loading imports one plugin, and what goes wrong there names its distribution or file.
"""

from __future__ import annotations

import importlib.util
import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from voicebot.errors import (
    ExtraNotInstalled,
    PluginLoadError,
    PluginNotFound,
    VoicebotError,
)
from voicebot.importing import describe, import_path, line_in
from voicebot.interfaces import API_VERSION, KINDS, Kind, Provider, ProviderContext
from voicebot.shapes import api_problem, provider_classes, shape_problems

__all__ = [
    "PluginInfo",
    "Section",
    "api_hint",
    "create",
    "ensure_installed",
    "entries",
    "find_plugin",
    "folder_beside",
    "import_plugin",
    "list_plugins",
    "load",
    "load_plugin",
    "nearest",
]


@dataclass(frozen=True, slots=True)
class PluginInfo:
    """What a distribution's metadata, or a file's name, says about a plugin."""

    kind: str
    name: str
    distribution: str
    version: str
    target: str
    """`module:attribute`, or the file's path; not imported."""
    file: Path | None = None
    """Where it is no installed plugin: its file, or its package's folder. The distribution is then `plugins/…`."""
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


def folder_beside(profile: Path) -> Path:
    """Where plugins that are not installed may lie: only beside the profile that the user names."""
    return profile.resolve().parent / "plugins"


def entries(group: str, folder: Path | None = None) -> list[PluginInfo]:
    """The plugins of a group, sorted by name; two with one name carry a `problem`.

    A distribution that is on `sys.path` twice counts once; one whose metadata cannot be read is passed over.

    Args:
        folder: look here too, as `folder_beside` says.
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
    for info in _files(group.removeprefix("voicebot."), folder) if folder else ():
        found[info.name][info.distribution, info.target] = info
    listed = []
    for name in sorted(found):
        rivals = list(found[name].values())
        problem = ""
        if len(rivals) > 1:
            claims = " and ".join(f"{rival.origin} ({rival.target})" for rival in rivals)
            problem = f"two plugins have this name: {claims}"
        listed += [replace(rival, problem=problem) for rival in rivals]
    return listed


def _files(kind: str, folder: Path) -> list[PluginInfo]:
    prefix = f"{kind}_"
    try:
        paths = [
            path
            for path in sorted(folder.glob(f"{prefix}*"))
            if (path.suffix == ".py" and path.is_file()) or (path / "__init__.py").is_file()
        ]
    except OSError:  # a folder that may not be read
        return []
    modules = [(path, path.stem if path.is_file() else path.name) for path in paths]
    return [
        PluginInfo(kind, module.removeprefix(prefix), f"plugins/{path.name}", "", str(path), path)
        for path, module in modules
        if module.isidentifier() and module != prefix  # `stt_demo.bak` is none
    ]


def list_plugins(kind: Kind | None = None, folder: Path | None = None) -> list[PluginInfo]:
    """All plugins (of one kind), without importing any: the installed ones, and those of a folder."""
    return [info for one in ((kind,) if kind else KINDS) for info in entries(f"voicebot.{one}", folder)]


def find_plugin(kind: Kind, name: str, folder: Path | None = None) -> PluginInfo:
    """The plugin of that name: installed, or in a folder.

    Raises:
        PluginNotFound: none has the name.
        PluginLoadError: several distributions or files claim it.
    """
    listed = list_plugins(kind, folder)
    matches = [info for info in listed if info.name == name]
    if not matches:
        names = sorted({info.name for info in listed})
        close = nearest(name, names)
        looked = f" There is no {kind}_{name}.py in {folder} either." if folder and folder.is_dir() else ""
        raise PluginNotFound(
            f"there is no {kind} plugin {name!r}" + (f"; did you mean {close!r}?" if close else ""),
            kind=kind,
            name=name,
            hint=f"Installed {kind} plugins: {', '.join(names) or 'none'}.{looked}",
        )
    if matches[0].problem:
        files = [str(info.file) for info in matches if info.file]
        raise PluginLoadError(
            f"the {kind} plugin {name!r} cannot be chosen: {matches[0].problem}",
            kind=kind,
            name=name,
            distribution=", ".join(info.distribution for info in matches),
            hint=f"Rename or remove {files[-1]}." if files else "Uninstall all but one of them.",
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
        PluginLoadError: it raised on import (even SystemExit), is written for another version of the plugin API, or
            does not have the shape that `voicebot.interfaces` asks for.
    """
    try:
        loaded = import_plugin(info)
        if info.file is not None:
            loaded = _only_provider(info, loaded)
        wrong = api_problem(loaded)
        missing = [] if wrong else shape_problems(info.kind, loaded)
    except (KeyboardInterrupt, PluginLoadError):
        raise
    except BaseException as error:
        raise _load_error(info, f"could not be imported: {describe(error)}{_place(info, error)}") from error
    if wrong:
        raise _load_error(info, wrong, api_hint(info, loaded))
    if missing:
        raise _load_error(info, f"({info.target}) is not a {info.kind} provider: {'; '.join(missing)}")
    return loaded  # type: ignore[no-any-return]


def import_plugin(info: PluginInfo) -> Any:
    """What its entry point names, or the module of its file; not looked at yet.

    Raises:
        BaseException: whatever importing it raises.
    """
    if info.file is not None:
        return import_path(info.file, "plugin")
    return metadata.EntryPoint(info.name, info.target, f"voicebot.{info.kind}").load()


def api_hint(info: PluginInfo, plugin: object) -> str:
    """The line that brings a plugin and voicebot together, where they have different versions of the plugin API."""
    wanted = getattr(plugin, "api_version", 1)
    if info.file is not None:
        return f"Write {info.file} for plugin API {API_VERSION}: docs/plugins.md says what has changed."
    if isinstance(wanted, bool) or not isinstance(wanted, int) or wanted < API_VERSION:
        return f"Run: pip install --upgrade {info.distribution}"
    try:
        needed = [need.split(";")[0].strip() for need in metadata.requires(info.distribution) or ()]
    except Exception:  # somebody else's broken metadata
        needed = []
    ours = [need for need in needed if re.match(r"voicebot[-_.]kit\b", need, re.IGNORECASE)]
    return f"Run: pip install --upgrade '{ours[0] if ours else 'voicebot-kit'}'"


def _only_provider(info: PluginInfo, module: Any) -> Any:
    classes = provider_classes(module)
    if len(classes) == 1:
        return classes[0]
    if not classes:
        raise _load_error(info, "holds no provider: no class with a `Config` and `capabilities`")
    names = ", ".join(one.__name__ for one in classes)
    raise _load_error(
        info, f"holds several providers ({names}): begin the names of all but one with an underscore"
    )


def ensure_installed(info: PluginInfo, provider_class: type[Provider]) -> None:
    """Check that the packages of a provider's engine can be imported, without importing them.

    Raises:
        ExtraNotInstalled: one is missing; the hint is the pip line.
    """
    capabilities = provider_class.capabilities
    missing = [module for module in capabilities.modules if not _importable(module)]
    if missing:
        package = f"--upgrade {info.distribution}"
        if capabilities.extra:
            package = f"'voicebot-kit[{capabilities.extra}]'"
        raise ExtraNotInstalled(
            f"{info.kind}: {info.name} needs the Python package {', '.join(missing)}, which is not installed",
            kind=info.kind,
            name=info.name,
            distribution=info.distribution,
            hint=f"Install what {info.file} needs." if info.file else f"Run: pip install {package}",
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
            replace(section.info, kind=kind), f"could not be built: {describe(error)}"
        ) from error


def _load_error(info: PluginInfo, what: str, hint: str = "") -> PluginLoadError:
    place = f"{info.file}: mend it" if info.file else f"{info.distribution}: report it there"
    return PluginLoadError(
        f"the {info.kind} plugin {info.name!r} of {info.origin} {what}",
        kind=info.kind,
        name=info.name,
        distribution=info.distribution,
        hint=hint or f"The fault is in {place}, or choose another {info.kind} plugin.",
    )


def _place(info: PluginInfo, error: BaseException) -> str:
    where = line_in(info.file, error) if info.file else ""
    return f" ({where})" if where else ""


def _importable(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except Exception:  # a dotted name imports its parent, which may raise anything
        return False
