"""What a transport can get wrong."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Any

import numpy as np
from tests.conformance.proof import breaks
from tests.conformance.right import FrontedTransport, RightFront, RightTransport

from voicebot.audio import AudioChunk
from voicebot.errors import EngineError
from voicebot.events import Event
from voicebot.testing import Say, ScriptedConnection
from voicebot.testing.conformance import TransportConformance as Kit


class BrokenFront(FrontedTransport):
    """With a front that is broken."""

    Front: type[RightFront]

    def front(self) -> RightFront:
        return self.Front()


@breaks(Kit, "test_the_front_says_where", "on_ready is called with '', which is no address.")
class Nowhere(BrokenFront):
    class Front(RightFront):
        async def serve(self, on_ready: Callable[[str], None]) -> None:
            await super().serve(lambda address: on_ready(""))


@breaks(Kit, "test_the_front_serves_until_cancelled", "serve() ends by itself.")
class Brief(BrokenFront):
    class Front(RightFront):
        async def serve(self, on_ready: Callable[[str], None]) -> None:
            on_ready("http://here/")


@breaks(Kit, "test_the_front_ends_as_cancelled", "Cancelling serve() does not end it as cancelled.")
class KeepsTheCancelledError(BrokenFront):
    class Front(RightFront):
        async def serve(self, on_ready: Callable[[str], None]) -> None:
            try:
                await super().serve(on_ready)
            except asyncio.CancelledError:
                return


@breaks(
    Kit,
    "test_the_front_serves_again",
    "A second front cannot serve in the first one's place: the port is taken",
)
class LetsNothingGo(FrontedTransport):
    """Until it is closed; a warm one finds another port."""

    taken = False

    def front(self) -> RightFront:
        if self.taken and not self.warm:
            raise EngineError("the port is taken")
        self.taken = True
        return RightFront()


class BrokenCall(RightTransport):
    """With a call that is broken."""

    Call: type[ScriptedConnection]

    async def connections(self) -> AsyncGenerator[ScriptedConnection, None]:
        yield self.Call([Say(1)])


@breaks(Kit, "test_a_call_brings_int16_mono", "The user's audio is float32, 1-dimensional.")
class Floating(BrokenCall):
    class Call(ScriptedConnection):
        async def receive(self) -> AsyncIterator[AudioChunk]:
            async for chunk in super().receive():
                samples: Any = chunk.samples.astype(np.float32)
                yield AudioChunk(samples, chunk.sample_rate)


@breaks(Kit, "test_heard_is_what_was_sent", "Of 480 samples sent, 481 are heard, after 0.")
class HearsTooMuch(BrokenCall):
    class Call(ScriptedConnection):
        def heard_samples(self) -> int:
            return 480 * len(self.sent) + 1


@breaks(Kit, "test_cancel_discards", "2400 samples are heard after cancel().")
class PlaysOn(BrokenCall):
    class Call(ScriptedConnection):
        asked = 0

        def heard_samples(self) -> int:
            self.asked += bool(self.cancelled)
            return 480 * len(self.sent) if self.asked > 1 else 0


@breaks(Kit, "test_events_are_taken", "notify() raised KeyError('state_changed').")
class KnowsNoEvents(BrokenCall):
    class Call(ScriptedConnection):
        def notify(self, event: Event) -> None:
            raise KeyError("state_changed")


@breaks(
    Kit,
    "test_a_call_may_be_closed_again",
    "A second aclose() of a call raised RuntimeError('closed already').",
)
class ClosesOnce(BrokenCall):
    class Call(ScriptedConnection):
        async def aclose(self) -> None:
            await super().aclose()
            if self.closes == 2:
                raise RuntimeError("closed already")
