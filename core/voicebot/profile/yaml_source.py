"""YAML text to a tree of nodes that know their lines.

Built from `yaml.compose`, so that nothing is constructed but mappings with text keys, lists and scalars.
Plain scalars follow YAML 1.2's core schema: `yes`, `no` and `on` are text, as are dates and `12:30`.
"""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from voicebot.errors import ProfileError
from voicebot.profile.nodes import Node, Place, Scalar

__all__ = ["MAX_BYTES", "MAX_NODES", "parse", "read"]

MAX_BYTES = 1_000_000
"""A profile is written by hand; a larger file is not one."""
MAX_NODES = 20_000
"""Nodes after aliases are expanded: what stops a "billion laughs" file."""


class _Loader(yaml.SafeLoader):
    """SafeLoader with YAML 1.2's core schema in place of 1.1's."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 - PyYAML's own form


_DECIMAL, _HEX, _OCTAL = r"[-+]?[0-9]+", r"0x[0-9a-fA-F]+", r"0o[0-7]+"
for _tag, _pattern, _first in (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", rf"{_DECIMAL}|{_HEX}|{_OCTAL}", list("-+0123456789")),
    (
        "float",
        r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
        list("-+0123456789."),
    ),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(rf"^(?:{_pattern})$"), _first)


def read(file: Path) -> Node:
    """Read a profile file.

    Raises:
        ProfileError: it cannot be read, is not UTF-8, or `parse` refuses it.
    """
    try:
        if file.stat().st_size > MAX_BYTES:
            raise ProfileError(f"is larger than {MAX_BYTES:,} bytes; this is not a profile", file=file)
        data = file.read_bytes()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise ProfileError(f"cannot be read: {reason}", file=file) from error
    return parse(data, file)


def parse(data: bytes, file: Path) -> Node:
    """The mapping that a YAML document holds.

    Raises:
        ProfileError: not UTF-8, bad syntax, several documents, duplicate or non-text keys, tags, an alias
            that contains itself or expands too far, nesting too deep, an empty document, or not a mapping.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ProfileError(
            "is not UTF-8 text", file=file, line=line, hint="Save the file as UTF-8."
        ) from error
    try:
        root = yaml.compose(text, Loader=_Loader)
        if root is None:
            raise ProfileError(
                "is empty", file=file, hint="A profile names at least vad, stt, llm, tts and transport."
            )
        if not isinstance(root, yaml.MappingNode):
            raise ProfileError("should be a mapping of sections (`stt: …`)", file=file, line=_line(root))
        return _Builder(file).build(root, Place(file, 1))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        at = mark.line + 1 if mark else None
        raise ProfileError(_syntax(error), file=file, line=at, hint=_hint(error, text, at)) from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise ProfileError("holds a control character, which YAML forbids", file=file, line=line) from error
    except RecursionError:
        raise ProfileError("is nested too deeply", file=file) from None


class _Builder:
    def __init__(self, file: Path) -> None:
        self.file = file
        self.count = 0
        self.open: set[int] = set()

    def build(self, node: yaml.Node, place: Place) -> Node:
        self.count += 1
        if self.count > MAX_NODES:
            raise self.error(node, f"expands to more than {MAX_NODES:,} values")
        if id(node) in self.open:
            raise self.error(node, "an alias stands for something that contains it")
        self.open.add(id(node))
        try:
            if isinstance(node, yaml.MappingNode):
                self.check_tag(node, "map")
                return Node(self.mapping(node), place)
            if isinstance(node, yaml.SequenceNode):
                self.check_tag(node, "seq")
                return Node([self.build(item, self.place(item)) for item in node.value], place)
            return Node(self.scalar(node), place)
        finally:
            self.open.discard(id(node))

    def mapping(self, node: yaml.MappingNode) -> dict[str, Node]:
        built: dict[str, Node] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode) or not isinstance(key := self.scalar(key_node), str):
                shown = f"{key_node.value!r} " if isinstance(key_node, yaml.ScalarNode) else ""
                raise self.error(key_node, f"the key {shown}should be text")
            if key in built:
                raise self.error(key_node, f"is written twice; first in line {built[key].place.line}", key)
            built[key] = self.build(value_node, self.place(key_node))
        return built

    def scalar(self, node: yaml.Node) -> Scalar:
        text = str(node.value)
        match node.tag.removeprefix("tag:yaml.org,2002:"):
            case "str":
                return text
            case "null":
                return None
            case "bool" if text.lower() in ("true", "false"):
                return text.lower() == "true"
            case "int" | "float" as kind:
                return self.number(node, text, kind)
        raise self.error(node, f"the tag {node.tag!r} is not supported")

    def number(self, node: yaml.Node, text: str, kind: str) -> int | float:
        try:
            if kind == "float":
                return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
            return int(text, 0) if text[:2] in ("0x", "0o") else int(text)
        except ValueError:
            raise self.error(node, f"{text[:40]!r} is not a number") from None

    def check_tag(self, node: yaml.Node, expected: str) -> None:
        if node.tag != f"tag:yaml.org,2002:{expected}":
            raise self.error(node, f"the tag {node.tag!r} is not supported")

    def place(self, node: yaml.Node) -> Place:
        return Place(self.file, _line(node))

    def error(self, node: yaml.Node, message: str, key: str = "") -> ProfileError:
        return ProfileError(message, file=self.file, line=_line(node), key=key)


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


def _syntax(error: yaml.MarkedYAMLError) -> str:
    problem = ", ".join(part for part in (error.context, error.problem) if part)
    return f"is not valid YAML: {problem}"


def _hint(error: yaml.MarkedYAMLError, text: str, line: int | None) -> str:
    written = text.splitlines()[line - 1] if line and line <= len(text.splitlines()) else ""
    if "\\t" in (error.problem or ""):
        return "Indent with spaces: YAML allows no tabs there."
    if "${" in written and ("{" in written.replace("${", "") or "[" in written):
        return 'Between { } or [ ] put "${NAME}" in quotes.'
    if "mapping values" in (error.problem or ""):
        return "Text that holds `: ` needs quotes; or the line is indented too far."
    return ""
