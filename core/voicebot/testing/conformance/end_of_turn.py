"""What is asked of an end-of-turn detector."""

from __future__ import annotations

import asyncio
from itertools import cycle

from voicebot.audio import Samples
from voicebot.interfaces import EndOfTurn, TurnContext, TurnVerdict
from voicebot.testing.conformance.activity import Activity
from voicebot.testing.conformance.memory import memory_over
from voicebot.testing.conformance.provider import ProviderConformance, checked
from voicebot.testing.conformance.rules import cancel, expect
from voicebot.testing.connection import tone

__all__ = ["EndOfTurnConformance"]

_LONGEST = 8 * 16_000
"""Samples."""
_LENGTHS = (0, 1, 159, 333, 4_001, _LONGEST)
_TEXTS = ("", "So um", "That is all, thank you.")


class EndOfTurnConformance(ProviderConformance[EndOfTurn]):
    held_bytes = 1 << 20

    async def first_result(self, provider: EndOfTurn) -> TurnVerdict:
        return await provider.predict(TurnContext(_sound(_LONGEST), "That is all, thank you."))

    async def verdicts(self, turn: EndOfTurn) -> list[TurnVerdict]:
        """On turns of all lengths."""
        found = self.stage.found
        if "verdicts" not in found:
            found["verdicts"] = [
                await turn.predict(TurnContext(_sound(length), text))
                for length, text in zip(_LENGTHS, cycle(_TEXTS), strict=False)
            ]
        verdicts: list[TurnVerdict] = found["verdicts"]
        return verdicts

    @checked
    async def test_it_gives_verdicts(self, turn: EndOfTurn) -> None:
        """A `TurnVerdict` on 0, 1, 159, 333, 4,001 samples and eight seconds, with text and without."""
        wrong = [verdict for verdict in await self.verdicts(turn) if not isinstance(verdict, TurnVerdict)]
        expect(not wrong, f"{wrong[:1]} is no TurnVerdict.")

    @checked
    async def test_delays_are_durations(self, turn: EndOfTurn) -> None:
        """`delay_ms` is 0 or more, and `again_ms` where it is given."""
        for verdict in await self.verdicts(turn):
            for name, value in _delays(verdict).items():
                expect(value is None or value >= 0, f"Its {name} is negative: {value}.")

    @checked
    async def test_probabilities_are_probabilities(self, turn: EndOfTurn) -> None:
        """`probability` is from 0 to 1 where it is given."""
        for verdict in await self.verdicts(turn):
            probability = getattr(verdict, "probability", None)
            expect(probability is None or 0 <= probability <= 1, f"{probability} is no probability.")

    @checked
    async def test_turns_side_by_side(self, turn: EndOfTurn) -> None:
        """Verdicts that are asked for at a time are those given one after the other."""
        contexts = [TurnContext(_sound(length), _TEXTS[-1]) for length in (4_001, _LONGEST)]
        apart = [await turn.predict(context) for context in contexts]
        together = await asyncio.gather(*(turn.predict(context) for context in contexts))
        alike = all(_delays(one) == _delays(other) for one, other in zip(apart, together, strict=True))
        expect(alike, f"One after the other it says {apart}, at a time {together}.")

    @checked
    async def test_audio_is_left_alone(self, turn: EndOfTurn) -> None:
        """The samples it is given are as they were: others use them too."""
        audio = _sound(_LONGEST)
        await turn.predict(TurnContext(audio, ""))
        expect(bool((audio == _sound(_LONGEST)).all()), "It changes the samples that it is given.")

    @checked
    async def test_cancelling_ends_as_cancelled(self, turn: EndOfTurn) -> None:
        """A cancelled `predict()` ends, and its work with it, within `cancel_s`."""
        activity = Activity(self.rest_s)
        await cancel(asyncio.create_task(turn.predict(TurnContext(_sound(_LONGEST), ""))), self.cancel_s)
        ended = await activity.ends_within(self.cancel_s)
        expect(ended, f"It still works {self.cancel_s:g} s after its predict() was cancelled.")

    @checked
    async def test_memory_stays_level(self, turn: EndOfTurn) -> None:
        """The audio of a turn is let go after its verdict."""
        await self.verdicts(turn)  # what is imported for them counts for nothing
        with memory_over(self.held_bytes) as too_much:
            for _ in range(self.held_bytes // (2 * _LONGEST) + 2):
                await turn.predict(TurnContext(_sound(_LONGEST), ""))
            kept = too_much()
        expect(not kept, f"It keeps the audio: more than {self.held_bytes >> 10} KiB are held.")


def _delays(verdict: TurnVerdict) -> dict[str, int | None]:
    """Of what may be no verdict at all."""
    return {name: getattr(verdict, name, None) for name in ("delay_ms", "again_ms")}


def _sound(length: int) -> Samples:
    """So many samples."""
    return tone(length / 16_000)
