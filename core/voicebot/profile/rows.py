"""What the keys of a settings model are, those of models within it included."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from pydantic import BaseModel

from voicebot.profile.schema import SettingsSchema

__all__ = ["COMPUTED", "REQUIRED", "Row", "field_rows"]

REQUIRED = "required"
COMPUTED = "computed"


class Row(NamedTuple):
    """A key of a settings model, as people read it."""

    key: str
    """`rtc.port` within a mapping, `ice_servers[].urls` within each entry of a list, `voices.*.pitch` within each
    value of a mapping whose keys are free."""
    type: str
    """With its limits."""
    default: str
    """JSON, or REQUIRED, or COMPUTED where it is known only when the settings are built.

    Of a mapping it holds just what differs from the defaults of its own keys: usually `{}`.
    """
    description: str


def field_rows(model: type[BaseModel]) -> list[Row]:
    """A row for each key, in the order of the fields; the keys within a mapping come right after it.

    A model that contains itself is described once.
    """
    schema = model.model_json_schema(schema_generator=SettingsSchema)
    return list(dict.fromkeys(_rows(schema, schema.get("$defs", {}), "", frozenset())))


def _rows(
    schema: dict[str, Any], definitions: dict[str, Any], prefix: str, above: frozenset[str]
) -> Iterator[Row]:
    for suffix, mapping, seen in _mappings(schema, definitions, "", above):
        start = f"{prefix}{suffix}." if prefix else ""
        for name, field in mapping["properties"].items():
            if name in mapping.get("required", ()):
                default = REQUIRED
            elif "default" in field:
                default = json.dumps(_own(field["default"], field, definitions), ensure_ascii=False)
            else:
                default = COMPUTED
            described = field if "description" in field else _target(field, definitions)
            yield Row(f"{start}{name}", _type(field, definitions), default, described.get("description", ""))
            yield from _rows(field, definitions, f"{start}{name}", seen)


def _mappings(
    schema: dict[str, Any], definitions: dict[str, Any], suffix: str, above: frozenset[str]
) -> Iterator[tuple[str, dict[str, Any], frozenset[str]]]:
    """The mappings with known keys that a value may be or hold: how to get there, each one's schema, its ancestors."""
    if "$ref" in schema:
        name = _name(schema)
        if name in above:
            return
        above, schema = above | {name}, definitions.get(name, {})
    if "properties" in schema:
        yield suffix, schema, above
        return
    for option in _options(schema):
        yield from _mappings(option, definitions, suffix, above)
    for items in (schema.get("items"), *schema.get("prefixItems", ())):
        if isinstance(items, dict):
            yield from _mappings(items, definitions, f"{suffix}[]", above)
    if isinstance(values := schema.get("additionalProperties"), dict):
        yield from _mappings(values, definitions, f"{suffix}.*", above)


def _own(default: Any, field: dict[str, Any], definitions: dict[str, Any]) -> Any:
    """A mapping's default without what its own keys have for a default."""
    inside = [mapping for suffix, mapping, _ in _mappings(field, definitions, "", frozenset()) if not suffix]
    if not isinstance(default, dict) or len(inside) != 1:
        return default
    known = inside[0]["properties"]
    return {
        key: _own(value, known.get(key, {}), definitions)
        for key, value in default.items()
        if "default" not in known.get(key, {}) or known[key]["default"] != value
    }


def _name(schema: dict[str, Any]) -> str:
    return str(schema["$ref"]).rsplit("/", 1)[-1]


def _target(schema: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    """What a schema stands for, where it is a reference (pydantic before 2.11 wraps one in `allOf`)."""
    while "$ref" in schema or len(schema.get("allOf", ())) == 1:
        schema = definitions.get(_name(schema), {}) if "$ref" in schema else schema["allOf"][0]
    return schema


def _options(schema: dict[str, Any]) -> list[dict[str, Any]]:
    return [option for how in ("anyOf", "oneOf", "allOf") for option in schema.get(how, ())]


_TYPES = {
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
    "string": "text",
    "null": "null",
}
_LIMITS = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}


def _type(field: dict[str, Any], definitions: dict[str, Any]) -> str:
    field = _target(field, definitions)
    if options := _options(field):
        return " or ".join(dict.fromkeys(_type(option, definitions) for option in options))
    if "enum" in field:
        return ", ".join(f"`{value}`" for value in field["enum"])
    if "const" in field:
        return f"`{field['const']}`"
    kind = field.get("type", "anything")
    if kind == "array":
        return _list(field, definitions)
    if kind == "object":
        values = field.get("additionalProperties")
        return (
            f"mapping of {_type(values, definitions)}" if isinstance(values, dict) and values else "mapping"
        )
    limits = [f"{sign} {field[key]:.15g}" for key, sign in _LIMITS.items() if key in field]
    return ", ".join([_TYPES.get(kind, kind), *limits])


def _list(field: dict[str, Any], definitions: dict[str, Any]) -> str:
    entries = [_type(entry, definitions) for entry in field.get("prefixItems", ())]
    if entries:
        alike = len(set(entries)) == 1
        return f"list of {len(entries)} × {entries[0]}" if alike else f"list of {'; '.join(entries)}"
    return f"list of {_type(field['items'], definitions)}" if field.get("items") else "list"
