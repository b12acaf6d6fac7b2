"""What the engines that answer from a recording share. They are as late as the recorded ones were.

A request is answered by the recorded one of the same content; of several, by the first that has not been used. Where
there is none, one that is nearly the same will do: an answer to the same last words, a transcript of about as much of
the same utterance, a verdict on the same pause. What was asked and not found is noted in the `Course`, and fails.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, ClassVar, TypeVar

from pydantic import BaseModel, ConfigDict

from voicebot.interfaces import Capabilities, Kind
from voicebot.replaying import lines
from voicebot.replaying.recording import Recording, Request
from voicebot.replaying.shelf import Course, Shelf, raise_failure

__all__ = ["GRACE_S", "Player", "ending"]

A = TypeVar("A", bound=lines.Asked)

GRACE_S = 0.5
"""So much longer than in the call a replay's session may take to cancel what was cancelled in the call."""


class _NoConfig(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Player:
    """An engine of the recording.

    Args:
        link: its place in its chain.
    """

    kind: ClassVar[Kind]
    Config: ClassVar[type[BaseModel]] = _NoConfig
    capabilities: ClassVar[Capabilities] = Capabilities(streams=True, interim=True, word_times=True)

    def __init__(self, recording: Recording, link: int, course: Course) -> None:
        self.facts = recording.about.engines[self.kind][link]
        self._course = course
        self._link = link
        self._in_order = recording.about.redacted
        self._requests = recording.requests
        self._warmups = [
            request
            for request in recording.requests
            if isinstance(request.asked, lines.WarmUp)
            and (request.asked.kind, request.asked.link) == (self.kind, link)
        ]

    @classmethod
    def required_models(cls, config: Any) -> Sequence[str]:
        return ()

    async def warmup(self) -> None:
        # Engines that were warm when the call came have none.
        if self._warmups:
            await ending(self._warmups.pop(0), self._course, "warming up to its end")

    async def aclose(self) -> None: ...

    def _shelf(self, kind: type[A]) -> Shelf[A]:
        return Shelf(self._requests, kind, self._link, in_order=self._in_order)


async def ending(request: Request, course: Course, what: str) -> None:
    """Wait for as long as the recorded request went on, and end as it did.

    Raises:
        EngineError: it failed, or ended only because nobody wanted more of it.
    """
    await asyncio.sleep(request.left_s + (GRACE_S if request.stopped else 0.0))
    if request.stopped:
        raise course.cannot(request.asked.e, what)
    if request.over is not None and request.over.failure is not None:
        raise_failure(request.over.failure)
