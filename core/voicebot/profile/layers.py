"""Putting a profile together: the files it extends, the file itself, the environment.

The later layer wins. Mappings are merged key by key, lists are replaced. One rule is the profile's own:
where a layer changes which plugin a section uses, the former plugin's settings do not carry over.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from voicebot.errors import ProfileError
from voicebot.interfaces import KINDS
from voicebot.profile.find import bundled_dir
from voicebot.profile.interpolate import interpolate
from voicebot.profile.nodes import Node
from voicebot.profile.yaml_source import read

__all__ = ["merge", "read_chain"]

MAX_FILES = 16


def read_chain(file: Path, environ: Mapping[str, str], problems: list[ProfileError]) -> Node:
    """A profile file merged onto the files it extends.

    `problems` gets what is wrong between the layers; what is wrong with a text stays with its node.

    Raises:
        ProfileError: a file cannot be read or is not YAML, `extends` names no file, or it goes in a circle.
    """
    chain: list[Path] = []
    layers: list[Node] = []
    step: Path | None = file
    while step is not None:
        chain.append(step)
        node = interpolate(read(step), environ)
        layers.append(node)
        step = _extended(node, chain)
    merged = layers.pop()
    while layers:
        merged = merge(merged, layers.pop(), problems)
    return Node({key: child for key, child in merged.children().items() if key != "extends"}, merged.place)


def _extended(node: Node, chain: list[Path]) -> Path | None:
    base = node.children().get("extends")
    if base is None:
        return None

    def error(message: str, hint: str = "") -> ProfileError:
        return base.place.error(message, "extends", hint)

    if base.problems:
        raise base.problems[0]
    if not isinstance(base.value, str) or not base.value.strip():
        raise error(
            "should be the path of another profile, relative to this one, or the name of a bundled one"
        )
    said = base.value.strip()
    path = chain[-1].parent / said
    try:
        if not path.is_file() and Path(said).name == said:
            path = bundled_dir() / f"{said}.yaml"
        if not path.is_file():
            name = Path(said).stem
            bundled = (bundled_dir() / f"{name}.yaml").is_file()
            raise error(
                f"there is no file {chain[-1].parent / said}, and no bundled profile of that name",
                f"For the bundled profile write its name alone: extends: {name}" if bundled else "",
            )
        if any(path.samefile(earlier) for earlier in chain):
            raise error(f"goes round in a circle: {' -> '.join(str(step) for step in [*chain, path])}")
    except (OSError, ValueError) as failure:
        raise error(f"cannot be read: {failure}") from failure
    if len(chain) == MAX_FILES:
        raise error(f"more than {MAX_FILES} files extend one another")
    return path


def merge(base: Node, over: Node, problems: list[ProfileError]) -> Node:
    """One layer on top of another."""
    merged = dict(base.children())
    for key, child in over.children().items():
        below = merged.get(key)
        merged[key] = (
            _merge_section(below, child, key, problems) if key in KINDS else _merge_values(below, child)
        )
    return Node(merged, base.place)


def _merge_values(base: Node | None, over: Node) -> Node:
    if base is None or not isinstance(base.value, dict) or not isinstance(over.value, dict):
        return over
    merged = dict(base.value)
    for key, child in over.value.items():
        merged[key] = _merge_values(merged.get(key), child)
    return Node(merged, over.place if not over.place.variable else base.place, base.secret)


def _merge_section(base: Node | None, over: Node, kind: str, problems: list[ProfileError]) -> Node:
    over = _spelled_out(over)
    if not isinstance(over.value, dict):
        return over
    base = None if base is None else _spelled_out(base)
    if over.place.variable and over.value and all(key.isdecimal() for key in over.value):
        below = [] if base is None else base.value if isinstance(base.value, list) else [base]
        return _merge_entries(below, over, kind, problems)
    if base is None:
        return over
    if "use" not in over.value and isinstance(base.value, list):
        hint = f"Give the whole list, or set one entry's keys: VOICEBOT_{kind.upper()}__0__…"
        problems.append(over.place.error("is a fallback chain below; which entry is meant?", kind, hint))
        return base
    if "use" in over.value and over.value["use"].value != _use(base):
        return over
    return _merge_values(base, over)


def _merge_entries(entries: list[Node], over: Node, kind: str, problems: list[ProfileError]) -> Node:
    """`VOICEBOT_LLM__0__MODEL`: single entries of a chain; the index after the last one adds an entry."""
    entries = [_spelled_out(entry) for entry in entries]
    for key, child in sorted(over.children().items(), key=lambda item: (len(item[0]), item[0])):
        index = int(key) if len(key) < 4 else len(entries) + 1
        if index > len(entries):
            message = f"there is no entry {key} in the chain: it has {len(entries)}"
            problems.append(child.place.error(message, kind))
        elif index == len(entries):
            entries.append(_spelled_out(child))
        else:
            entries[index] = _merge_section(entries[index], child, kind, problems)
    return Node(list(entries), over.place)


def _spelled_out(node: Node) -> Node:
    """The shorthand `tts: espeak` as `tts: {use: espeak}`."""
    if isinstance(node.value, str):
        return Node({"use": node}, node.place, node.secret)
    return node


def _use(node: Node) -> object:
    use = node.children().get("use")
    return use.value if use else None
