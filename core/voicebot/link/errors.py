from __future__ import annotations

from voicebot.errors import VoicebotError

__all__ = ["LinkError"]


class LinkError(VoicebotError):
    """The link between a front and a call worker cannot go on.

    Attributes:
        code: as in the protocol (`wrong_version`, `wrong_transport`, `bad_message`, `busy`), or `unreachable`
            (nobody listens at the socket) or `closed` (the connection is gone).
    """

    def __init__(self, code: str, message: str, *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.code = code
