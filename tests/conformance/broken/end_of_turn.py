"""What an end-of-turn detector can get wrong."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.conformance.proof import breaks, wait_for_the_end
from tests.conformance.right import RightTurn

from voicebot.audio import Samples
from voicebot.interfaces import TurnContext, TurnVerdict
from voicebot.testing.conformance import EndOfTurnConformance as Kit


@breaks(Kit, "test_it_gives_verdicts", "[400] is no TurnVerdict.")
class PlainNumbers(RightTurn):
    async def predict(self, context: TurnContext) -> Any:
        return 400


@breaks(Kit, "test_delays_are_durations", "Its delay_ms is negative: -1.")
class Hasty(RightTurn):
    async def predict(self, context: TurnContext) -> TurnVerdict:
        return TurnVerdict(-1)


@breaks(Kit, "test_probabilities_are_probabilities", "1.5 is no probability.")
class TooSure(RightTurn):
    async def predict(self, context: TurnContext) -> TurnVerdict:
        return TurnVerdict(400, 1.5)


@breaks(
    Kit,
    "test_turns_side_by_side",
    "One after the other it says [TurnVerdict(delay_ms=400, …], at a time [TurnVerdict(delay_ms=400, …].",
)
class OneAtATime(RightTurn):
    busy = False

    async def predict(self, context: TurnContext) -> TurnVerdict:
        if self.busy:
            return TurnVerdict(0)
        self.busy = True
        try:
            return await super().predict(context)
        finally:
            self.busy = False


@breaks(Kit, "test_audio_is_left_alone", "It changes the samples that it is given.")
class Scribbles(RightTurn):
    async def predict(self, context: TurnContext) -> TurnVerdict:
        context.audio[:] = 0
        return await super().predict(context)


@breaks(
    Kit,
    "test_cancelling_ends_as_cancelled",
    "Cancelled work does not end as cancelled: it keeps the CancelledError to itself.",
)
class KeepsTheCancelledError(RightTurn):
    async def predict(self, context: TurnContext) -> TurnVerdict:
        try:
            return await super().predict(context)
        except asyncio.CancelledError:
            return TurnVerdict(400)


@breaks(Kit, "test_cancelling_ends_as_cancelled", "Cancelled work goes on for longer than … s.")
class IgnoresCancelling(RightTurn):
    async def predict(self, context: TurnContext) -> TurnVerdict:
        try:
            return await super().predict(context)
        except asyncio.CancelledError:
            await asyncio.sleep(60)
            raise


@breaks(Kit, "test_cancelling_ends_as_cancelled", "It still works … s after its predict() was cancelled.")
class GoesOnInAThread(RightTurn):
    async def predict(self, context: TurnContext) -> TurnVerdict:
        try:
            return await super().predict(context)
        except asyncio.CancelledError:
            asyncio.get_running_loop().run_in_executor(None, wait_for_the_end)
            raise


@breaks(Kit, "test_memory_stays_level", "It keeps the audio: more than … KiB are held.")
class KeepsEverything(RightTurn):
    def __init__(self) -> None:
        super().__init__()
        self.kept: list[Samples] = []

    async def predict(self, context: TurnContext) -> TurnVerdict:
        self.kept.append(context.audio)
        return await super().predict(context)
