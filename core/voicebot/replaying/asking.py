"""A request to an engine, noted while it is being answered."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from hashlib import blake2b
from typing import Any, Self, TypeVar

from pydantic import BaseModel

from voicebot.audio import AudioChunk, Samples
from voicebot.clock import now
from voicebot.errors import VoicebotError
from voicebot.interfaces import ChatMessage
from voicebot.replaying import lines
from voicebot.replaying.recorder import Recorder

__all__ = ["Asked", "digest_of", "failure_of", "message_of"]

T = TypeVar("T")


class Asked:
    """A request that is being answered. As a context it notes how the request ended."""

    def __init__(self, recorder: Recorder, link: int) -> None:
        self.recorder = recorder
        self.id = recorder.request()
        self.link = link
        self.t = recorder.t()
        self.since_s: float | None = now()
        """When it was asked for what it gives next; None while nobody waits."""

    @property
    def after_s(self) -> float:
        return 0.0 if self.since_s is None else round(max(0.0, now() - self.since_s), 6)

    def begun(self, kind: type[BaseModel], /, **fields: object) -> None:
        """Note what was asked."""
        self.recorder.note(kind, id=self.id, t=self.t, link=self.link, **fields)

    def gave(self, kind: type[BaseModel], sound: AudioChunk | None = None, /, **fields: object) -> None:
        """Note a result, `sound` being a voice's."""
        heard = None if sound is None else ("voice", sound)
        self.recorder.note(kind, heard, id=self.id, after_s=self.after_s, **fields)

    def over(self, how: str, error: BaseException | None = None) -> None:
        failure = None if error is None else failure_of(error)
        self.recorder.note(lines.Over, id=self.id, after_s=self.after_s, how=how, failure=failure)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error is None:
            self.over("done")
        elif isinstance(error, Exception):
            self.over("failed", error)
        else:
            self.over("cancelled")

    async def stream(
        self, stream: AsyncGenerator[T, None], note: Callable[[Asked, T], None]
    ) -> AsyncGenerator[T, None]:
        """Its results, each noted before it is passed on."""
        with self:
            async with aclosing(stream):
                while True:
                    self.since_s = now()
                    try:
                        item = await anext(stream)
                    except StopAsyncIteration:
                        return
                    note(self, item)
                    self.since_s = None
                    yield item


def failure_of(error: BaseException) -> dict[str, Any]:
    """The fields of a `lines.Failure`: an engine's error as the session reports it."""
    if not isinstance(error, VoicebotError):
        name = type(error).__name__
        return {"message": f"{name}: {error}" if str(error) else name}
    return {
        "message": error.message,
        "retryable": getattr(error, "retryable", False),
        "retry_after_s": getattr(error, "retry_after_s", None),
    }


def digest_of(*pieces: Samples) -> str:
    """Tells one stretch of audio from another."""
    digest = blake2b(digest_size=8)
    for piece in pieces:
        digest.update(piece.tobytes())
    return digest.hexdigest()


def message_of(message: ChatMessage) -> dict[str, Any]:
    """The fields of a `lines.Message`."""
    return {
        "role": message.role,
        "content": message.content,
        "tool_calls": tuple((call.id, call.name, call.arguments) for call in message.tool_calls),
        "tool_call_id": message.tool_call_id,
    }
