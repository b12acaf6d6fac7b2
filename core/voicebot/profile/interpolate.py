"""`${NAME}` in a profile: values from the environment, for secrets above all."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from voicebot.errors import ProfileError
from voicebot.profile.nodes import Node

__all__ = ["interpolate"]

_REFERENCE = re.compile(r"\$\$\{|\$\{(?P<inner>[^}]*)(?P<end>\}?)")
_INNER = re.compile(r"(?P<name>[A-Za-z_][A-Za-z0-9_]*)(:-(?P<default>.*))?", re.DOTALL)


def interpolate(node: Node, environ: Mapping[str, str], key: str = "") -> Node:
    """The tree with every reference replaced.

    `${NAME}` is the variable's value, `${NAME:-text}` is the text where the variable is unset or empty, and
    `$${` stands for `${` itself. What came from a variable is text, and is marked as secret. What is wrong
    stays with its node: another layer may have something else in its place.
    """
    if isinstance(node.value, dict):
        children = {
            name: interpolate(child, environ, f"{key}.{name}" if key else name)
            for name, child in node.value.items()
        }
        return replace(node, value=children)
    if isinstance(node.value, list):
        items = [interpolate(child, environ, f"{key}.{i}") for i, child in enumerate(node.value)]
        return replace(node, value=items)
    if not isinstance(node.value, str) or "${" not in node.value:
        return node

    problems: list[ProfileError] = []
    secret = False

    def problem(message: str, hint: str = "") -> str:
        problems.append(node.place.error(message, key, hint))
        return ""

    def replaced(match: re.Match[str]) -> str:
        nonlocal secret
        if match["inner"] is None:
            return "${"
        if not match["end"]:
            return problem("a `${` is not closed by `}`", "Write `$${` for a literal `${`.")
        inner = _INNER.fullmatch(match["inner"])
        if inner is None:
            return problem(
                f"`{match[0]}` does not name a variable", "Write ${NAME}, or $${ for a literal ${."
            )
        value = environ.get(inner["name"])
        if inner["default"] is not None and not value:
            return inner["default"]
        if value is None:
            return problem(
                f"the environment variable {inner['name']} is not set",
                f"Set it, or give a default: ${{{inner['name']}:-text}}.",
            )
        secret = True
        return value

    text = _REFERENCE.sub(replaced, node.value)
    return Node(text, node.place, secret or node.secret, tuple(problems))
