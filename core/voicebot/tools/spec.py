"""A Python function as a tool: what the model is told of it, what it takes, and how its result is told."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, get_type_hints

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model
from pydantic.fields import FieldInfo
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaWarningKind
from pydantic_core import to_json

from voicebot.interfaces import ToolSpec
from voicebot.tools.docstring import parse_docstring
from voicebot.tools.errors import BadArguments, ToolLoadError

__all__ = ["Tool", "result_text", "shortened", "tool_from"]

MAX_COMPLAINT = 300
"""Characters of a complaint to the model."""
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")  # what OpenAI's API and those like it take
_TAKEN_BY_NAME = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


@dataclass(frozen=True, slots=True)
class Tool:
    """A function that the model may call. Made by `tool_from`."""

    spec: ToolSpec
    function: Callable[..., Any]
    arguments: type[BaseModel]
    origin: str
    """Where it came from: `weather.tools:forecast`, or a distribution."""
    deadline_s: float | None = None
    """None: as all tools."""
    filler: str | None = None
    """What is said when the user waits for it; "" for nothing, None: as for all tools."""

    @property
    def is_async(self) -> bool:
        """Whether it runs on the event loop; else in a thread."""
        # What wraps a coroutine function is seldom one itself.
        return any(map(inspect.iscoroutinefunction, (self.function, inspect.unwrap(self.function))))

    def read_arguments(self, text: str) -> dict[str, Any]:
        """The function's arguments from the JSON that the model wrote.

        Raises:
            BadArguments: it is not what the function takes.
        """
        try:
            # Some models write nothing at all where there is nothing to say.
            values = self.arguments.model_validate_json(text if text.strip() else "{}")
        except ValidationError as error:
            raise BadArguments(_complaint(error)) from None
        except Exception as error:  # a validator of the tool's own
            raise BadArguments(f"the arguments could not be read: {type(error).__name__}") from error
        fields = type(values).model_fields
        return {str(field.alias): getattr(values, name) for name, field in fields.items()}


def tool_from(
    function: object,
    *,
    name: str = "",
    origin: str = "",
    deadline_s: float | None = None,
    filler: str | None = None,
) -> Tool:
    """A tool made of a function with type hints and a docstring.

    An argument's description is its `Annotated[..., Field(description=...)]`, or its entry in the docstring's `Args`.

    Args:
        name: instead of the function's own.
        origin: for messages; the function's module and name by default.

    Raises:
        ToolLoadError: it is no function, or lacks what the model must be told.
    """
    if not (inspect.isfunction(function) or inspect.ismethod(function)):
        kind = "a class" if inspect.isclass(function) else f"of type {type(function).__name__}"
        raise ToolLoadError(
            f"{origin or 'the tool'} is {kind}, not a function", hint="A tool is a Python function."
        )
    own_name = str(getattr(function, "__name__", ""))
    origin = origin or f"{function.__module__}:{own_name}"
    name = name or own_name
    if not _NAME.fullmatch(name):
        raise ToolLoadError(
            f"{name!r} cannot be the name of a tool: ASCII letters, digits, _ and - are, 64 at most",
            hint="Give it a name: {use: MODULE:FUNCTION, name: NAME}.",
        )
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise ToolLoadError(f"{origin} is a generator; a tool returns its result at once")
    description, said = parse_docstring(function.__doc__ or "")
    if not description:
        raise ToolLoadError(
            f"{origin} has no docstring",
            hint="It is what the model is told of the tool: say what it does, and when it is of use.",
        )
    arguments = _arguments_model(function, origin, said)
    try:
        schema = arguments.model_json_schema(schema_generator=_ToolSchema)
    except Exception as error:
        raise ToolLoadError(f"{origin} takes what JSON cannot say: {_first_line(error)}") from error
    for described in (schema, *schema.get("$defs", {}).values()):
        described.pop("title", None)
    return Tool(ToolSpec(name, description, schema), function, arguments, origin, deadline_s, filler)


def result_text(value: object, max_chars: int) -> str:
    """A tool's result as the model is told it: text as it is, anything else as JSON, cut where it is too long.

    Raises:
        ValueError: it cannot be told as JSON.
    """
    text = value if isinstance(value, str) else to_json(value, inf_nan_mode="strings").decode()
    # A lone surrogate cannot be sent.
    text = text.encode("utf-8", "replace").decode()
    if len(text) <= max_chars:
        return text
    return f"{text[:max_chars]}… (cut off: {len(text):,} characters in all)"


class _ToolSchema(GenerateJsonSchema):
    """Without titles: they say what the names say, and each is paid for with every request."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False

    def emit_warning(self, kind: JsonSchemaWarningKind, detail: str) -> None:
        """Nothing: a default that JSON cannot say is left out."""


def _arguments_model(function: Callable[..., Any], origin: str, said: dict[str, str]) -> type[BaseModel]:
    try:
        parameters = inspect.signature(function).parameters.values()
        hints = get_type_hints(function, include_extras=True)
    except Exception as error:
        raise ToolLoadError(f"the type hints of {origin} cannot be read: {_first_line(error)}") from error
    fields: dict[str, Any] = {}
    for number, parameter in enumerate(parameters):
        name = parameter.name
        if parameter.kind not in _TAKEN_BY_NAME:
            raise ToolLoadError(
                f"{origin} takes {str(parameter).split(':')[0]!r}, which the model cannot give by name"
            )
        if name not in hints:
            raise ToolLoadError(
                f"{origin}: the argument {name!r} has no type hint",
                hint=f"Say what it takes, such as {name}: str.",
            )
        if isinstance(parameter.default, FieldInfo):
            raise ToolLoadError(
                f"{origin}: the argument {name!r} has a Field for its default",
                hint=f"Write {name}: Annotated[TYPE, Field(...)] instead.",
            )
        try:
            described = bool(FieldInfo.from_annotation(hints[name]).description)
        except Exception as error:
            raise ToolLoadError(
                f"{origin}: the type of {name!r} cannot be used: {_first_line(error)}"
            ) from error
        more: dict[str, Any] = {"description": said[name]} if said.get(name) and not described else {}
        default = ... if parameter.default is parameter.empty else parameter.default
        # Under names of our own: an argument may be called `schema` or `_id`, a model's field may not.
        fields[f"a{number}"] = (hints[name], Field(default, alias=name, **more))
    try:
        return create_model("Arguments", __config__=ConfigDict(extra="forbid"), **fields)
    except Exception as error:
        raise ToolLoadError(f"the type hints of {origin} cannot be used: {_first_line(error)}") from error


def _complaint(error: ValidationError) -> str:
    problems = error.errors(include_url=False, include_context=False, include_input=False)
    said = []
    for problem in problems[:3]:
        place = ".".join(map(str, problem["loc"]))
        said.append(f"{place}: {problem['msg']}" if place else problem["msg"])
    more = f" (and {len(problems) - 3} more)" if len(problems) > 3 else ""
    return shortened(f"wrong arguments: {'; '.join(said)}{more}")


def shortened(text: str) -> str:
    """A complaint on one line that is short enough for the model."""
    text = " ".join(text.encode("utf-8", "replace").decode().split())
    return text if len(text) <= MAX_COMPLAINT else f"{text[: MAX_COMPLAINT - 1]}…"


def _first_line(error: Exception) -> str:
    lines = str(error).splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
