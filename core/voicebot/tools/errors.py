"""What can be wrong with a tool, with a call of one, and what a tool itself can say is wrong."""

from __future__ import annotations

from voicebot.errors import VoicebotError

__all__ = ["BadArguments", "ToolError", "ToolLoadError"]


class ToolError(Exception):
    """Raised by a tool to tell the model what went wrong: "there is no city of that name".

    Of any other exception the model learns the type alone, as its text may hold what is nobody's business.
    """


class BadArguments(Exception):
    """The model's arguments are not what the tool takes; the text is for the model."""


class ToolLoadError(VoicebotError):
    """A function cannot be a tool, or cannot be found."""

    code = "tool"
