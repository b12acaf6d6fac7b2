"""The profile reference in Markdown, written from the models: `python -m voicebot.profile.reference FILE`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from voicebot.interfaces import KINDS
from voicebot.plugins import list_plugins, load_plugin
from voicebot.profile.model import CHAIN_KINDS, SETTINGS, VALUES, Profile

__all__ = ["field_rows", "profile_reference"]

_HEAD = """\
# Profile reference

Every key of a profile, with its type, its default and its limits. How profiles work is in
[profiles.md](profiles.md); `voicebot plugins show NAME` tells the same of plugins installed from elsewhere.

This page is written from the models by `python -m voicebot.profile.reference docs/profile-reference.md`.
"""


def profile_reference(distribution: str = "voicebot-kit") -> str:
    """The reference of the core's sections and of one distribution's plugins."""
    values = [row for row in field_rows(Profile) if row[0] in VALUES]
    parts = [_HEAD, "## Single values\n", _table(values), "## The core's sections\n"]
    for name in SETTINGS:
        field = Profile.model_fields[name]
        assert isinstance(field.annotation, type)
        parts.append(f"### `{name}`\n\n{field.description}\n\n{_table(field_rows(field.annotation))}")
    for kind in KINDS:
        field = Profile.model_fields[kind]
        chain = " Takes a list, too: an ordered fallback chain." if kind in CHAIN_KINDS else ""
        required = "Required." if field.is_required() else f"Default: `{field.default[0].use}`."
        parts.append(f"## `{kind}`\n\n{field.description}{chain} {required}\n")
        for info in list_plugins(kind):
            if info.distribution == distribution:
                table = _table(field_rows(load_plugin(kind, info.name).Config))
                parts.append(f"### `{kind}: {info.name}`\n\n{table}")
    return "\n".join(parts)


def field_rows(model: type[BaseModel]) -> list[tuple[str, str, str, str]]:
    """Key, type with its limits, default ("required" where there is none) and description of each field."""
    schema = model.model_json_schema()
    required = schema.get("required", [])
    rows = []
    for name, field in schema.get("properties", {}).items():
        default = "required" if name in required else json.dumps(field.get("default"), ensure_ascii=False)
        rows.append((name, _type(field, schema.get("$defs", {})), default, field.get("description", "")))
    return rows


def _table(rows: list[tuple[str, str, str, str]]) -> str:
    if not rows:
        return "No settings.\n"
    lines = ["| key | type | default | |", "|---|---|---|---|"]
    for key, kind, default, description in rows:
        cells = (f"`{key}`", kind, default if default == "required" else f"`{default}`", description)
        lines.append("| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |")
    return "\n".join(lines) + "\n"


_TYPES = {
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
    "string": "text",
    "null": "null",
}


def _type(field: dict[str, Any], definitions: dict[str, Any]) -> str:
    if "$ref" in field:
        field = definitions.get(field["$ref"].rsplit("/", 1)[-1], {})
    if "anyOf" in field:
        return " or ".join(dict.fromkeys(_type(option, definitions) for option in field["anyOf"]))
    if "enum" in field:
        return ", ".join(f"`{value}`" for value in field["enum"])
    if "const" in field:
        return f"`{field['const']}`"
    kind = field.get("type", "anything")
    if kind == "array":
        return (
            f"list of {_type(field['items'], definitions)}"
            if isinstance(field.get("items"), dict)
            else "list"
        )
    limits = [
        f"{sign} {field[key]:g}"
        for key, sign in (
            ("minimum", "≥"),
            ("exclusiveMinimum", ">"),
            ("maximum", "≤"),
            ("exclusiveMaximum", "<"),
        )
        if key in field
    ]
    return ", ".join([_TYPES.get(kind, "mapping" if kind == "object" else kind), *limits])


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(profile_reference(), encoding="utf-8")
