"""What pydantic found wrong, in plain words and at its place in the profile."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
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
        known = sorted([*_fields(model, loc[:-1]), *(() if prefix or loc[1:] else ("extends",))])
        close = nearest(str(loc[-1]), known)
        return "is not a known key; " + (
            f"did you mean {close!r}?" if close else f"known: {', '.join(known)}"
        )
    if kind == "missing":
        return _PLAIN[kind]
    if kind in ("value_error", "assertion_error"):
        return str(details.get("ctx", {}).get("error", "")) or details["msg"]
    message = _PLAIN.get(kind) or details["msg"].replace("Input should", "should")
    node, depth = tree.find([*prefix, *loc])
    secret = node.secret or "Secret" in _annotation(model, loc)
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


def _fields(model: type[BaseModel], loc: Sequence[str | int]) -> Iterable[str]:
    """Names of the keys that may stand at a place inside a model."""
    for part in loc:
        field = model.model_fields.get(str(part))
        inner = [
            candidate
            for candidate in ((field.annotation, *get_args(field.annotation)) if field else ())
            if isinstance(candidate, type) and issubclass(candidate, BaseModel)
        ]
        if not inner:
            return ()
        model = inner[0]
    return model.model_fields


def _annotation(model: type[BaseModel], loc: Sequence[str | int]) -> str:
    field = model.model_fields.get(str(loc[0])) if loc else None
    return repr(field.annotation) if field else ""


def _secrets(tree: Node) -> set[str]:
    return {node.value for node in tree.scalars() if node.secret and isinstance(node.value, str)}


def _secret_values(model: type[BaseModel], section: Node) -> set[str]:
    return {
        str(leaf.value)
        for key, child in section.children().items()
        if "Secret" in _annotation(model, [key])
        for leaf in child.scalars()
    }


def _redacted(message: str, hidden: set[str]) -> str:
    for value in sorted(hidden, key=len, reverse=True):
        if len(value) >= 4:
            message = message.replace(value, "***")
    return message
