"""What a docstring in Google's style says: of the function, and of each argument.

Own code, as the parsers on PyPI read several styles and bring models of their own for what is one section of one here.
"""

from __future__ import annotations

import inspect
import re

__all__ = ["parse_docstring"]

_SECTION = re.compile(
    r"(args|arguments|parameters|returns?|yields?|raises|attributes|examples?|notes?|references|todo):\s*",
    re.IGNORECASE,
)
_ARGUMENTS = ("args", "arguments", "parameters")
_ITEM = re.compile(r"(\w+)(?:[ \t]*\([^()\n]*\))?[ \t]*:(.*)")


def parse_docstring(docstring: str) -> tuple[str, dict[str, str]]:
    """(what stands before the first section, what is said of each argument), space evened out."""
    description: list[str] = []
    arguments: dict[str, list[str]] = {}
    section, indent, item = "", -1, ""
    for line in inspect.cleandoc(docstring).splitlines():
        text = line.strip()
        depth = len(line) - len(line.lstrip())
        if depth == 0 and text:
            found = _SECTION.fullmatch(text)
            if found:
                section, indent, item = found[1].lower(), -1, ""
                continue
            if section in _ARGUMENTS:
                section = "none"
        if not section:
            description.append(text)
        elif section in _ARGUMENTS and text:
            indent = depth if indent < 0 else indent
            begun = _ITEM.fullmatch(text) if depth <= indent else None
            if begun:
                item = begun[1]
                arguments[item] = [begun[2].strip()]
            elif item:
                arguments[item].append(text)
    whole = re.sub(r"\n{3,}", "\n\n", "\n".join(description)).strip()
    return whole, {name: " ".join(lines).strip() for name, lines in arguments.items()}
