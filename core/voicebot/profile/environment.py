"""Overrides from the environment: `VOICEBOT_<SECTION>__<KEY>=value`, read by pydantic-settings."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pydantic import create_model
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, EnvSettingsSource, SettingsConfigDict

from voicebot.errors import ProfileError
from voicebot.plugins import nearest
from voicebot.profile.model import Profile
from voicebot.profile.nodes import Node, Place

__all__ = ["PREFIX", "RESERVED", "overrides"]

PREFIX = "VOICEBOT_"
RESERVED = frozenset(
    PREFIX + name for name in ("DEBUG", "INDEX_URL", "LOG", "LOG_FORMAT", "MODELS_DIR", "OTEL_TRANSCRIPTS")
)
"""Variables that mean something other than a profile's field."""


class _Base(BaseSettings):
    model_config = SettingsConfigDict(env_prefix=PREFIX, env_nested_delimiter="__", extra="ignore")


# Values stay text: the section's own model converts them, so that `VOICEBOT_LLM__MODEL=123` is a name.
_Sections = create_model(
    "_Sections",
    __base__=_Base,
    **dict.fromkeys(Profile.model_fields, (dict[str, Any] | str | None, None)),
)  # type: ignore[call-overload]


class _Source(EnvSettingsSource):
    """pydantic-settings' reader over a given mapping; a section's shorthand may stand beside its keys."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        super().__init__(_Sections)

    def _load_env_vars(self) -> Mapping[str, str | None]:
        return {name.lower(): value for name, value in self._environ.items()}

    def prepare_field_value(
        self, field_name: str, field: FieldInfo, value: Any, value_is_complex: bool
    ) -> Any:
        nested = self.explode_env_vars(field_name, field, self.env_vars)
        decoded = _decoded(value)
        if isinstance(decoded, str) and nested:
            decoded = {"use": decoded}
        if isinstance(decoded, dict):
            return decoded | nested
        return nested or None if decoded is None else decoded


def _decoded(value: Any) -> Any:
    """A JSON object or list where the text is one; anything else as it is."""
    if isinstance(value, str) and value.lstrip()[:1] in ("{", "["):
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value


def overrides(environ: Mapping[str, str], problems: list[ProfileError]) -> Node:
    """What the environment says about the profile; what is wrong with it goes into `problems`."""
    variables = {}
    for variable, value in environ.items():
        if not variable.upper().startswith(PREFIX) or variable.upper() in RESERVED:
            continue
        if message := _misnamed(variable):
            problems.append(ProfileError(message, key=variable))
        else:
            variables[variable] = value
    names = {variable.lower(): variable for variable in variables}
    for lower, variable in names.items():
        owner = next((other for other in names if lower.startswith(f"{other}__") and "__" in other), None)
        if owner and not isinstance(_decoded(variables[names[owner]]), dict):
            problems.append(
                ProfileError(f"{names[owner]} is set to a value, so it has no keys", key=variable)
            )
    if any(problem.key in variables for problem in problems):
        return Node({}, Place())
    return _node(_Source(variables)(), PREFIX.lower(), names, Place())


def _misnamed(variable: str) -> str:
    section, *keys = variable[len(PREFIX) :].lower().split("__")
    if len(keys) > 16 or not all(keys):
        return "should be named VOICEBOT_SECTION__KEY"
    if section in Profile.model_fields:
        return ""
    for known in Profile.model_fields:
        if section.startswith(f"{known}_"):
            right = "__".join([known, section.removeprefix(f"{known}_").strip("_"), *keys])
            return f"is not a setting; did you mean {PREFIX}{right.upper()} (two underscores)?"
    close = nearest(section, Profile.model_fields)
    if close:
        return f"is not a setting; did you mean {'__'.join([PREFIX + close, *keys]).upper()}?"
    return f"is not a setting: the profile has no section {section!r}"


def _node(value: Any, lower: str, names: Mapping[str, str], place: Place) -> Node:
    place = Place(variable=names[lower]) if lower in names else place
    if isinstance(value, dict):
        separator = "" if lower == PREFIX.lower() else "__"
        children = {
            str(key): _node(child, f"{lower}{separator}{str(key).lower()}", names, place)
            for key, child in value.items()
        }
        if children and not place.variable:
            # A section of which single keys are set: one of them stands for it.
            place = next(iter(children.values())).place
        return Node(children, place, secret=True)
    if isinstance(value, list):
        return Node([_node(child, "", {}, place) for child in value], place, secret=True)
    decoded = _decoded(value)
    if decoded is not value:
        return _node(decoded, lower, names, place)
    return Node(value, place, secret=True)
