"""`RemoteUtterance`: its interims, which may become finals."""

from __future__ import annotations

import asyncio
import logging

import numpy as np
import pytest
from tests.plugins.stt_openai.recogniser import BLOCK, LOUD, QUIET, RATE, WINDOW, Recogniser, play

from voicebot.audio import AudioChunk
from voicebot.errors import EngineError
from voicebot.interfaces import InterimTranscript
from voicebot_stt_openai.utterance import RemoteUtterance


def test_interims_follow_the_audio() -> None:
    async def test(
        recogniser: Recogniser, utterance: RemoteUtterance, interims: list[InterimTranscript]
    ) -> None:
        for _ in range(3):
            utterance.push(LOUD)
            await asyncio.sleep(2)
        texts = ["1 blocks", "2 blocks", "3 blocks"]
        assert interims == [InterimTranscript(t, n * BLOCK / RATE) for n, t in enumerate(texts, 1)]

    play(test, interval_ms=500, takes_s=0.3)


def test_where_the_speech_fades_the_interim_becomes_the_final() -> None:
    async def test(
        recogniser: Recogniser, utterance: RemoteUtterance, interims: list[InterimTranscript]
    ) -> None:
        utterance.push(LOUD)
        await asyncio.sleep(2)
        utterance.push(AudioChunk(np.concatenate([LOUD.samples, QUIET.samples]), RATE))
        await asyncio.sleep(0.2)
        began = asyncio.get_running_loop().time()
        assert (await utterance.finalize()).text == "2 blocks"
        assert asyncio.get_running_loop().time() - began == pytest.approx(0.1)
        assert recogniser.answered[-1] == 2 + WINDOW / BLOCK
        assert [interim.text for interim in interims] == ["1 blocks"]  # the other came as a final
        utterance.push(QUIET)
        before = len(recogniser.asked)
        assert (await utterance.finalize()).text == "2 blocks"
        assert len(recogniser.asked) == before

    play(test, interval_ms=500, takes_s=0.3)


def test_a_final_stops_the_interim_before_it() -> None:
    async def test(
        recogniser: Recogniser, utterance: RemoteUtterance, interims: list[InterimTranscript]
    ) -> None:
        utterance.push(LOUD)
        await asyncio.sleep(0.5)
        utterance.push(LOUD)
        assert (await utterance.finalize()).text == "2 blocks"
        assert recogniser.cancelled == [1]
        assert interims == []

    play(test, interval_ms=500)


def test_an_interim_that_never_ran_does_not_stop_later_ones() -> None:
    async def test(
        recogniser: Recogniser, utterance: RemoteUtterance, interims: list[InterimTranscript]
    ) -> None:
        utterance.push(LOUD)  # starts an interim, which the final cancels before its first step
        utterance.push(LOUD)
        await utterance.finalize()
        assert recogniser.asked == [2]
        for _ in range(2):
            utterance.push(LOUD)
            await asyncio.sleep(5)
        assert [interim.text for interim in interims] == ["3 blocks", "4 blocks"]

    play(test, interval_ms=500)


def test_a_failed_interim_is_the_last_and_the_final_is_asked_for_anew(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def test(
        recogniser: Recogniser, utterance: RemoteUtterance, interims: list[InterimTranscript]
    ) -> None:
        recogniser.fail = EngineError("The server is busy.")
        utterance.push(LOUD)
        utterance.push(QUIET)
        final = asyncio.create_task(utterance.finalize())
        await asyncio.sleep(1.5)
        recogniser.fail = None
        assert (await final).text == "1 blocks"
        assert len(recogniser.asked) == 2
        utterance.push(LOUD)
        await asyncio.sleep(10)
        assert len(recogniser.asked) == 2
        assert interims == []

    with caplog.at_level(logging.WARNING):
        play(test, interval_ms=500)
    assert [record.getMessage() for record in caplog.records] == [
        "No more interim transcripts of this utterance: The server is busy."
    ]
