"""What a new plugin may be called."""

from __future__ import annotations

import keyword
import re

from voicebot.errors import VoicebotError
from voicebot.interfaces import KINDS

__all__ = ["SCAFFOLDED", "check_name"]

SCAFFOLDED: tuple[str, ...] = (*KINDS, "hooks")
"""The kinds of plugins that there are templates for: all."""

LONGEST = 20
_NAME = re.compile(r"[a-z][a-z0-9]+(_[a-z0-9]+)*")


def check_name(name: str) -> None:
    """See that a name can be that of a plugin, of a module and, its words capitalised, of a class.

    Raises:
        VoicebotError: it cannot; the hint has one like it that can, where there is one.
    """
    if _will_do(name):
        return
    better = re.sub(r"[^a-z0-9]+", "_", name.lower()).lstrip("_0123456789")[:LONGEST].rstrip("_")
    if _is_pythons(better):
        better = f"my_{better}"
    hint = f" Call it {better}, for example." if _will_do(better) else ""
    if _is_pythons(name):
        raise VoicebotError(f"{name!r} is a word of Python's own.", hint=hint.strip())
    raise VoicebotError(
        f"{name!r} cannot be a plugin's name.",
        hint=f"A name is lower-case letters and digits, begins with a letter, and has 2 to {LONGEST} characters; words "
        f"are joined by single underscores.{hint}",
    )


def _will_do(name: str) -> bool:
    return bool(_NAME.fullmatch(name)) and len(name) <= LONGEST and not _is_pythons(name)


def _is_pythons(name: str) -> bool:
    return keyword.iskeyword(name) or keyword.issoftkeyword(name)
