"""`RemoteUtterance`: its finals, and what happens to their requests."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.plugins.stt_openai.recogniser import BLOCK, LOUD, QUIET, RATE, WINDOW, Recogniser, play

from voicebot.audio import AudioChunk
from voicebot.errors import AudioError, EngineError
from voicebot.interfaces import FinalTranscript, InterimTranscript
from voicebot_stt_openai.utterance import RemoteUtterance


def test_nothing_is_asked_before_the_end_and_silence_is_left_out() -> None:
    async def test(recogniser: Recogniser, utterance: RemoteUtterance, _: object) -> None:
        for chunk in (LOUD, LOUD, QUIET):
            utterance.push(chunk)
            await asyncio.sleep(5)
        assert recogniser.asked == []
        found = await utterance.finalize()
        assert found == FinalTranscript("2 blocks", 2.5 * BLOCK / RATE, "en", 0.5)
        assert recogniser.asked == [2 + WINDOW / BLOCK]

    play(test)


def test_where_only_silence_has_come_since_nothing_is_asked_again() -> None:
    async def test(recogniser: Recogniser, utterance: RemoteUtterance, _: object) -> None:
        utterance.push(LOUD)
        utterance.push(QUIET)
        first = await utterance.finalize()
        utterance.push(QUIET)
        again = await utterance.finalize()
        assert again.text == first.text
        assert again.audio_s == 2 * BLOCK / RATE
        assert len(recogniser.asked) == 1
        utterance.push(LOUD)
        assert (await utterance.finalize()).text == "3 blocks"
        assert len(recogniser.asked) == 2

    play(test)


def test_a_later_final_supersedes_an_earlier_one() -> None:
    async def test(recogniser: Recogniser, utterance: RemoteUtterance, _: object) -> None:
        utterance.push(LOUD)
        first = asyncio.create_task(utterance.finalize())
        await asyncio.sleep(0.5)
        utterance.push(LOUD)
        second = await utterance.finalize()
        assert second.text == "2 blocks"
        assert (await first).text == "2 blocks"
        assert recogniser.cancelled == [1]
        assert recogniser.answered == [2]

    play(test)


def test_cancelling_a_final_stops_its_request() -> None:
    async def test(recogniser: Recogniser, utterance: RemoteUtterance, _: object) -> None:
        utterance.push(LOUD)
        final = asyncio.create_task(utterance.finalize())
        await asyncio.sleep(0.5)
        final.cancel()
        await asyncio.wait([final])
        for _turn in range(3):
            await asyncio.sleep(0)
        assert recogniser.cancelled == [1]
        assert (await utterance.finalize()).text == "1 blocks"

    play(test)


def test_who_cancels_a_final_and_asks_the_same_again_gets_the_same_request() -> None:
    async def test(recogniser: Recogniser, utterance: RemoteUtterance, _: object) -> None:
        utterance.push(LOUD)
        utterance.push(QUIET)
        final = asyncio.create_task(utterance.finalize())
        await asyncio.sleep(0.5)
        utterance.push(QUIET)
        final.cancel()
        again = asyncio.create_task(utterance.finalize())
        assert (await again).text == "1 blocks"
        assert final.cancelled()
        assert len(recogniser.asked) == 1

    play(test)


def test_one_of_two_that_wait_may_leave() -> None:
    async def test(recogniser: Recogniser, utterance: RemoteUtterance, _: object) -> None:
        utterance.push(LOUD)
        one, other = (asyncio.create_task(utterance.finalize()) for _ in range(2))
        await asyncio.sleep(0.5)
        one.cancel()
        assert (await other).text == "1 blocks"
        assert recogniser.asked == [1]

    play(test)


@pytest.mark.parametrize("waiters", [1, 2])
def test_a_failed_final_fails_for_all_who_wait_and_may_be_asked_for_again(waiters: int) -> None:
    async def test(recogniser: Recogniser, utterance: RemoteUtterance, _: object) -> None:
        recogniser.fail = EngineError("The server is busy.", retryable=True)
        utterance.push(LOUD)
        finals = await asyncio.gather(*(utterance.finalize() for _ in range(waiters)), return_exceptions=True)
        assert [str(error) for error in finals] == ["The server is busy."] * waiters
        assert recogniser.asked == [1]
        recogniser.fail = None
        assert (await utterance.finalize()).text == "1 blocks"

    play(test)


def test_closing_stops_the_request_and_whoever_waits_for_it() -> None:
    async def test(recogniser: Recogniser, utterance: RemoteUtterance, _: object) -> None:
        utterance.push(LOUD)
        final = asyncio.create_task(utterance.finalize())
        await asyncio.sleep(0.5)
        await utterance.aclose()
        assert recogniser.cancelled == [1]
        with pytest.raises(EngineError, match="was closed"):
            await final
        utterance.push(LOUD)
        with pytest.raises(EngineError, match="was closed"):
            await utterance.finalize()
        assert len(recogniser.asked) == 1

    play(test)


def test_an_utterance_without_audio_is_still_an_utterance() -> None:
    async def test(recogniser: Recogniser, utterance: RemoteUtterance, _: object) -> None:
        assert (await utterance.finalize()).audio_s == 0
        assert recogniser.asked == [0]

    play(test)


def test_what_exceeds_30_s_is_dropped(caplog: pytest.LogCaptureFixture) -> None:
    async def test(recogniser: Recogniser, utterance: RemoteUtterance, _: object) -> None:
        for _second in range(40):
            utterance.push(LOUD)
        assert utterance.audio_s == 30
        await utterance.finalize()
        assert recogniser.asked == [30 * RATE / BLOCK]

    play(test)
    assert len(caplog.records) == 1


def test_another_rate_is_refused() -> None:
    async def test(recogniser: Recogniser, utterance: RemoteUtterance, _: object) -> None:
        with pytest.raises(AudioError, match="8000 Hz"):
            utterance.push(AudioChunk(LOUD.samples, 8_000))

    play(test)


STEPS = st.lists(
    st.sampled_from(["loud", "quiet", "final", "cancel", "pause", "long pause", "fail", "recover"]),
    max_size=30,
)


@given(STEPS, st.sampled_from([0, 200, 700]), st.sampled_from([0.0, 0.3, 2.0]))
def test_whatever_happens_a_final_covers_all_speech_before_it(
    steps: list[str], interval_ms: float, takes_s: float
) -> None:
    async def test(
        recogniser: Recogniser, utterance: RemoteUtterance, interims: list[InterimTranscript]
    ) -> None:
        blocks = 0.0
        loud_until = 0.0
        finals: list[tuple[float, asyncio.Task[FinalTranscript]]] = []
        for step in steps:
            match step:
                case "loud":
                    utterance.push(LOUD)
                    blocks += 1
                    loud_until = blocks
                case "quiet":
                    utterance.push(QUIET)
                    blocks += 0.5
                case "final":
                    finals.append((loud_until, asyncio.create_task(utterance.finalize())))
                    await asyncio.sleep(0)
                case "cancel" if finals:
                    finals[-1][1].cancel()
                case "pause":
                    await asyncio.sleep(0.25)
                case "long pause":
                    await asyncio.sleep(3)
                case "fail":
                    recogniser.fail = EngineError("busy")
                case "recover":
                    recogniser.fail = None
        recogniser.fail = None
        finals.append((loud_until, asyncio.create_task(utterance.finalize())))
        await asyncio.wait([task for _, task in finals])
        for needed, task in finals:
            if not task.cancelled() and task.exception() is None:
                assert int(task.result().text.split()[0]) >= int(needed)
        assert finals[-1][1].exception() is None or "busy" in str(finals[-1][1].exception())
        audio = [interim.audio_s for interim in interims]
        assert audio == sorted(audio)

    play(test, interval_ms=interval_ms, takes_s=takes_s)
