"""JSON Schema of a profile, for editors: the core's sections and those of all installed plugins."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue, JsonSchemaWarningKind
from pydantic_core.core_schema import WithDefaultSchema

from voicebot.errors import PluginError
from voicebot.interfaces import KINDS, Kind
from voicebot.plugins import list_plugins, load_plugin
from voicebot.profile.model import CHAIN_KINDS, SETTINGS, VALUES, Profile

__all__ = ["SettingsSchema", "profile_schema"]

_FROM_ENVIRONMENT = {"type": "string", "pattern": r"\$\{", "description": "A value from the environment."}


class SettingsSchema(GenerateJsonSchema):
    """pydantic's JSON Schema with the defaults that factories make.

    There is no default where it cannot be said: one made from other values, a factory that fails, no JSON.
    """

    def default_schema(self, schema: WithDefaultSchema) -> JsonSchemaValue:
        """See pydantic."""
        if "default_factory" in schema and not schema.get("default_factory_takes_data"):
            with suppress(Exception):
                schema = {**schema, "default": schema["default_factory"]()}  # type: ignore[call-arg]
        return super().default_schema(schema)

    def emit_warning(self, kind: JsonSchemaWarningKind, detail: str) -> None:
        """Nothing: that a default is left out is no news to who reads the schema."""


def profile_schema() -> dict[str, Any]:
    """The schema (draft 2020-12) of a profile file with the plugins installed here.

    A plugin that cannot be loaded is left out; `$comment` names it and says why.
    """
    definitions: dict[str, Any] = {"from_environment": _FROM_ENVIRONMENT}
    left_out: list[str] = []
    properties: dict[str, Any] = {
        "extends": {
            "type": "string",
            "description": "Another profile that this one builds on: its path, relative to this one, or a "
            "bundled one's name.",
        }
    }
    for kind in KINDS:
        properties[kind] = _kind_schema(kind, definitions, left_out)
    for name in SETTINGS:
        model = Profile.model_fields[name].annotation
        assert isinstance(model, type)
        definitions[name] = _model_schema(model, name, definitions)
        properties[name] = {"$ref": f"#/$defs/{name}"}
    values = Profile.model_json_schema()["properties"]
    properties |= {name: _or_from_environment(values[name]) for name in VALUES}
    required = [name for name in KINDS if Profile.model_fields[name].is_required()]
    named = {"if": {"type": "object"}, "then": {"required": ["use"]}}
    schema: dict[str, Any] = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "voicebot profile",
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
        # A profile that extends another may leave out what that one says.
        "if": {"required": ["extends"]},
        "else": {"required": required, "properties": dict.fromkeys(KINDS, named)},
        "$defs": definitions,
    }
    if left_out:
        schema["$comment"] = f"Left out: {'; '.join(left_out)}"
    return schema


def _kind_schema(kind: Kind, definitions: dict[str, Any], left_out: list[str]) -> dict[str, Any]:
    names: list[str] = []
    for name in sorted({info.name for info in list_plugins(kind)}):
        try:
            config = load_plugin(kind, name).Config
            schema = _model_schema(config, f"{kind}.{name}", definitions)
        except PluginError as error:
            left_out.append(error.message)
            continue
        except Exception as error:
            left_out.append(f"the {kind} plugin {name!r}: no schema of its settings: {type(error).__name__}")
            continue
        schema["properties"] = {"use": {"const": name}} | schema.get("properties", {})
        definitions[f"{kind}.{name}"] = schema
        names.append(name)
    definitions[kind] = {
        "anyOf": [
            {"enum": names},
            {
                "type": "object",
                "properties": {"use": {"enum": names, "description": f"Name of an installed {kind} plugin."}},
                "allOf": [
                    {
                        "if": {"properties": {"use": {"const": name}}, "required": ["use"]},
                        "then": {"$ref": f"#/$defs/{kind}.{name}"},
                    }
                    for name in names
                ],
            },
        ]
    }
    one = {"$ref": f"#/$defs/{kind}"}
    description = {"description": Profile.model_fields[kind].description}
    if kind not in CHAIN_KINDS:
        return one | description
    chain = {
        "type": "array",
        "items": one,
        "minItems": 1,
        "description": "A fallback chain, the preferred one first.",
    }
    return {"anyOf": [one, chain]} | description


def _model_schema(model: type[BaseModel], name: str, definitions: dict[str, Any]) -> dict[str, Any]:
    schema = model.model_json_schema(
        ref_template=f"#/$defs/{name}.{{model}}", schema_generator=SettingsSchema
    )
    for inner, definition in schema.pop("$defs", {}).items():
        definitions[f"{name}.{inner}"] = _or_from_environment(definition)
    return _or_from_environment(schema)


def _or_from_environment(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema of a value in which all that is not free text may also be written `${NAME}`."""
    schema = dict(schema)
    for key in ("anyOf", "prefixItems"):
        if key in schema:
            schema[key] = [_or_from_environment(option) for option in schema[key]]
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), dict):
            schema[key] = _or_from_environment(schema[key])
    if "properties" in schema:
        schema["properties"] = {
            key: _or_from_environment(value) for key, value in schema["properties"].items()
        }
    free_text = schema.get("type") == "string" and not schema.keys() & {"enum", "pattern"}
    if free_text or "const" in schema or schema.get("type") not in ("integer", "number", "boolean", "string"):
        return schema
    outer = {key: schema.pop(key) for key in ("title", "description", "default") if key in schema}
    return outer | {"anyOf": [schema, {"$ref": "#/$defs/from_environment"}]}
