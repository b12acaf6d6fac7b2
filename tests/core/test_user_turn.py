"""The recognition of one user turn, however long."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voicebot.audio import AudioChunk
from voicebot.errors import EngineError, EngineTimeout
from voicebot.interfaces import InterimTranscript
from voicebot.testing import ScriptedSTT, as_engine, run_virtual
from voicebot.user_turn import ROLL_MARGIN_S, UserTurn

SECOND = AudioChunk(np.zeros(16_000, np.int16), 16_000)


class Turn:
    """A turn on a scripted recogniser whose window is 10 s."""

    def __init__(self, stt: ScriptedSTT, *, deadline_s: float = 5.0) -> None:
        stt.max_utterance_s = 10.0
        self.stt = stt
        self.interims: list[str] = []
        self.spawned: list[asyncio.Task[str | EngineError]] = []
        self.turn = UserTurn(
            1,
            as_engine("stt", stt),
            deadline_s=deadline_s,
            spawn=self.spawn,
            on_interim=lambda text, faded: self.interims.append(text),
        )

    def spawn(self, work: Coroutine[Any, Any, str | EngineError]) -> asyncio.Task[str | EngineError]:
        self.spawned.append(asyncio.create_task(work))
        return self.spawned[-1]

    def push(self, seconds: int) -> None:
        for _ in range(seconds):
            self.turn.push(SECOND)


def test_a_short_turn_is_one_utterance() -> None:
    stt = ScriptedSTT([" hello there "])

    async def main() -> None:
        made = Turn(stt)
        made.push(2)
        assert made.interims == ["hello there", "hello there"]
        assert made.turn.interim_text == "hello there"
        assert await made.turn.transcript() == "hello there"
        made.push(1)
        assert await made.turn.transcript() == "hello there"
        await made.turn.aclose()
        await made.turn.aclose()

    run_virtual(main())
    (utterance,) = stt.utterances
    assert (utterance.audio_s, utterance.finals, utterance.closed) == (3.0, 2, True)


def test_a_turn_without_audio_says_nothing() -> None:
    async def main() -> None:
        made = Turn(ScriptedSTT(["never"]))
        assert await made.turn.transcript() == ""
        await made.turn.aclose()

    run_virtual(main())


def test_a_long_turn_goes_on_in_the_next_utterance() -> None:
    stt = ScriptedSTT(["one", "two", "three"])

    async def main() -> None:
        made = Turn(stt)
        made.push(20)
        assert (made.turn.rolled, made.turn.longest_s) == (2, 10 - ROLL_MARGIN_S)
        assert made.turn.interim_text == "one two three"
        assert await made.turn.transcript() == "one two three"
        # What is finished is let go of before the turn ends.
        assert [utterance.closed for utterance in stt.utterances] == [True, True, False]
        await made.turn.aclose()

    run_virtual(main())
    assert [utterance.audio_s for utterance in stt.utterances] == [8, 8, 4]


@given(st.lists(st.integers(1, 48_000), max_size=30))
@settings(max_examples=40)
def test_no_audio_is_lost_and_no_utterance_too_long(sizes: list[int]) -> None:
    stt = ScriptedSTT(f"u{n}" for n in range(100))

    async def main() -> None:
        made = Turn(stt)
        for size in sizes:
            made.turn.push(AudioChunk(np.zeros(size, np.int16), 16_000))
        assert sum(u.audio_s for u in stt.utterances) == pytest.approx(sum(sizes) / 16_000)
        assert all(u.audio_s <= 10 - ROLL_MARGIN_S + 1e-9 for u in stt.utterances)
        assert made.turn.longest_s == pytest.approx(max((u.audio_s for u in stt.utterances), default=0))
        expected = " ".join(f"u{n}" for n in range(len(stt.utterances)))
        assert await made.turn.transcript() == expected
        await made.turn.aclose()
        assert all(utterance.closed for utterance in stt.utterances)

    run_virtual(main())


def test_a_late_interim_of_a_full_utterance_is_not_heard_again() -> None:
    stt = ScriptedSTT(["one", "two"])

    async def main() -> None:
        made = Turn(stt)
        made.push(9)
        stt.utterances[0]._on_interim(InterimTranscript("one", 8.0))
        assert made.turn.interim_text == "one two"
        assert made.interims[-1] == "one two"
        await made.turn.transcript()
        await made.turn.aclose()
        told = len(made.interims)
        stt.utterances[1]._on_interim(InterimTranscript("too late", 9.0))
        made.push(1)
        assert len(made.interims) == told
        assert stt.utterances[1].audio_s == 1

    run_virtual(main())


def test_a_failure_of_an_earlier_utterance_fails_the_transcript_and_closes_it() -> None:
    stt = ScriptedSTT(["one", "two"])

    async def main() -> None:
        made = Turn(stt)
        made.push(8)
        made.push(1)
        stt.fail_with = RuntimeError("out of memory")
        with pytest.raises(EngineError, match="out of memory"):
            await made.turn.transcript()
        assert stt.utterances[0].closed
        await made.turn.aclose()

    run_virtual(main())
    assert stt.utterances[1].closed


def test_a_missed_deadline_fails_the_transcript() -> None:
    async def main() -> None:
        made = Turn(ScriptedSTT(["one"], final_s=9))
        made.push(1)
        with pytest.raises(EngineTimeout, match="no final transcript within 5 s"):
            await made.turn.transcript()
        await made.turn.aclose()

    run_virtual(main())


def test_a_recogniser_that_refuses_audio_fails_the_transcript_not_the_call() -> None:
    stt = ScriptedSTT(["one"])

    async def main() -> None:
        made = Turn(stt)
        stt.fail_with = RuntimeError("cannot start")
        made.push(2)
        with pytest.raises(EngineError, match="cannot start") as caught:
            await made.turn.transcript()
        assert caught.value.plugin == "scripted"
        await made.turn.aclose()

    run_virtual(main())
    assert stt.utterances == []


@pytest.mark.parametrize("started", [False, True])
def test_closing_stops_everything_and_closes_every_utterance(started: bool) -> None:
    """Also those whose finalising had not begun, or was in the middle."""
    stt = ScriptedSTT(["one", "two", "three"], final_s=3)

    async def main() -> None:
        made = Turn(stt)
        made.push(17)
        if started:
            await asyncio.sleep(1)
        await made.turn.aclose()
        assert all(task.done() for task in made.spawned)

    run_virtual(main())
    assert [utterance.closed for utterance in stt.utterances] == [True] * 3
    assert [utterance.finals for utterance in stt.utterances] == [0] * 3
