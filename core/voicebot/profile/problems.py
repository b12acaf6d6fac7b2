"""What pydantic found wrong, in plain words and at its place in the profile."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from voicebot.errors import ProfileError
from voicebot.plugins import nearest
from voicebot.profile.nodes import Node

__all__ = ["combined", "explain", "problem_at"]

_PLAIN = {
    "missing": "is required",
    "int_parsing": "should be a whole number",
    "int_type": "should be a whole number",
    "int_from_float": "should be a whole number",
    "float_parsing": "should be a number",
    "float_type": "should be a number",
    "bool_parsing": "should be true or false",
    "bool_type": "should be true or false",
    "string_type": "should be text",
    "list_type": "should be a list",
    "tuple_type": "should be a list",
    "dict_type": "should be a mapping",
    "model_type": "should be a mapping",
    "model_attributes_type": "should be a mapping",
}


def combined(problems: Sequence[ProfileError], file: Path | None) -> ProfileError:
    """One error for all problems of a profile; of several at one place the first counts, as the others follow."""
    first: dict[object, ProfileError] = {}
    for problem in problems:
        first.setdefault((problem.file, problem.line, problem.key), problem)
    problems = list(first.values())
    if len(problems) == 1:
        return problems[0]
    problems = sorted(problems, key=lambda problem: (str(problem.file or ""), problem.line or 0))
    lines = "\n".join(f"  {problem.message}" for problem in problems)
    hints = dict.fromkeys(problem.hint for problem in problems if problem.hint)
    return ProfileError(f"{len(problems)} problems\n{lines}", file=file, hint="\n  ".join(hints))


def explain(
    error: ValidationError, model: type[BaseModel], tree: Node, prefix: Sequence[str | int] = ()
) -> list[ProfileError]:
    """A ProfileError for each thing that pydantic found.

    Args:
        error: what validating `model` raised.
        tree: the profile as it was read.
        prefix: where in the profile the model's data begins.
    """
    hidden = _secrets(tree) | _secret_values(model, tree.find(prefix)[0])
    return [
        problem_at(
            tree,
            [*prefix, *details["loc"]],
            _redacted(_message(details, model, tree, prefix), hidden),
            details,
        )
        for details in error.errors(include_url=False)
    ]


def problem_at(
    tree: Node, path: Sequence[str | int], message: str, details: ErrorDetails | None = None, hint: str = ""
) -> ProfileError:
    """A problem with the value at a path, placed where the profile comes closest to it."""
    node, depth = tree.find(path)
    # Beyond what was written, pydantic's path names union members that it tried, or the missing key.
    shown = path if details and details["type"] == "missing" else path[:depth] or path
    key = ".".join(str(part) for part in shown)
    return node.place.error(message, key, hint)


def _message(details: ErrorDetails, model: type[BaseModel], tree: Node, prefix: Sequence[str | int]) -> str:
    kind, loc = details["type"], details["loc"]
    if kind == "extra_forbidden":
        return _unknown(str(loc[-1]), model, loc[:-1], () if prefix or loc[1:] else ("extends",))
    if kind == "missing":
        return _PLAIN[kind]
    if kind in ("value_error", "assertion_error"):
        return str(details.get("ctx", {}).get("error", "")) or details["msg"]
    message = _PLAIN.get(kind) or details["msg"].replace("Input should", "should")
    node, depth = tree.find([*prefix, *loc])
    secret = node.secret or _is_secret(model, loc)
    return message if secret or depth == 0 else f"{message}, not {_shown(details['input'])}"


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    """The models in an annotation: `list[Server] | None` has Server."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models(inner)


def _follow(model: type[BaseModel], loc: Sequence[str | int]) -> tuple[list[type[BaseModel]], list[Any]]:
    """The models that may stand at a place inside a model, and the annotations of the fields that lead there."""
    models, annotations = [model], []
    for part in loc:
        found = [inner.model_fields[str(part)] for inner in models if str(part) in inner.model_fields]
        # A part that is no field is an entry of a list, a free key of a mapping, or pydantic's name of a union member.
        if found:
            annotations += [field.annotation for field in found]
            models = [inner for field in found for inner in _models(field.annotation)]
    return models, annotations


def _unknown(key: str, model: type[BaseModel], loc: Sequence[str | int], more: Iterable[str] = ()) -> str:
    """What to say of a key that is not known where it stands."""
    models, _ = _follow(model, loc)
    fields = {name: field for inner in models for name, field in inner.model_fields.items()}
    # The reference writes nested keys with a dot, variables have `__` in its place: both get into files by mistake.
    for name, field in fields.items():
        for inner in _models(field.annotation):
            for below in inner.model_fields:
                if key.lower() in (f"{name}.{below}", f"{name}_{below}"):
                    return f"is not a known key; did you mean {below!r} within {name!r}?"
    known = sorted([*fields, *more])
    close = nearest(key, known)
    said = f"did you mean {close!r}?" if close else f"known: {', '.join(known)}"
    return f"is not a known key; {said}"


def _is_secret(model: type[BaseModel], loc: Sequence[str | int]) -> bool:
    return "Secret" in repr(_follow(model, loc)[1])


def _secrets(tree: Node) -> set[str]:
    return {node.value for node in tree.scalars() if node.secret and isinstance(node.value, str)}


def _secret_values(model: type[BaseModel], node: Node, loc: tuple[str | int, ...] = ()) -> set[str]:
    """The texts in a section that its model holds for secrets."""
    if isinstance(node.value, dict | list):
        inside = node.value.items() if isinstance(node.value, dict) else enumerate(node.value)
        return {text for part, child in inside for text in _secret_values(model, child, (*loc, part))}
    return {str(node.value)} if _is_secret(model, loc) else set()


def _redacted(message: str, hidden: set[str]) -> str:
    for value in sorted(hidden, key=len, reverse=True):
        if len(value) >= 4:
            message = message.replace(value, "***")
    return message
