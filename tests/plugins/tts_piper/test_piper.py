"""A real Piper voice."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
import pytest

from voicebot.audio import AudioChunk, Samples, first_audible
from voicebot.errors import EngineError, ModelError
from voicebot.interfaces import ProviderContext
from voicebot.models import ModelStore
from voicebot.synthesis.silence import SILENT_BELOW
from voicebot_tts_piper import PiperConfig, PiperTTS
from voicebot_tts_piper.voice import Speech, Voice, load_voice, voice_file

pytestmark = pytest.mark.engine
STEADY: dict[str, Any] = {"noise_scale": 0.0, "noise_w": 0.0, "volume": 1.0}
"""Without its random numbers a voice says the same text in the same way; at full volume, as the model made it."""


async def spoken(tts: PiperTTS, text: str) -> list[Samples]:
    chunks = []
    async for event in tts.synthesize(text):
        assert isinstance(event, AudioChunk)
        assert event.sample_rate == 22_050
        assert len(event.samples) > 0
        chunks.append(event.samples)
    return chunks


@pytest.fixture(scope="module")
def voice(model_store: ModelStore) -> Voice:
    file = voice_file(model_store.path("piper-en_US-joe-medium"))
    return load_voice(file, PiperConfig(**STEADY), threads=1)


def ready(voice: Voice, **config: Any) -> PiperTTS:
    """A provider whose voice has been loaded before; loading takes seconds."""
    settings = PiperConfig(**STEADY | config)
    tts = PiperTTS(settings, ProviderContext(models=ModelStore()))
    tts._voice = Voice(voice.piper, settings)
    return tts


def say(tts: PiperTTS, text: str) -> Samples:
    chunks = asyncio.run(spoken(tts, text))
    return np.concatenate([np.zeros(0, np.int16), *chunks])


def sentences(voice: Voice, text: str) -> list[Samples]:
    speech = voice.say(text)
    made = []
    while (samples := speech.next_sentence()) is not None:
        made.append(samples)
    return made


@pytest.mark.parametrize(("tag", "own"), [("en", True), ("en-GB", True), ("EN-us", True), ("de", False)])
def test_it_knows_its_language(voice: Voice, tag: str, own: bool) -> None:
    assert voice.speaks(tag) is own


def test_a_voice_of_another_language_is_told(
    model_store: ModelStore, caplog: pytest.LogCaptureFixture
) -> None:
    async def work() -> None:
        tts = PiperTTS(PiperConfig(), ProviderContext(models=model_store, language="de"))
        await tts.warmup()
        await tts.aclose()

    asyncio.run(work())
    assert "speaks the language en-us, and the call's is de" in caplog.text


def test_it_loads_from_the_store_and_speaks(
    model_store: ModelStore, caplog: pytest.LogCaptureFixture
) -> None:
    async def work() -> None:
        tts = PiperTTS(PiperConfig(), ProviderContext(models=model_store))
        await tts.warmup()
        chunks = await spoken(tts, "Good morning.")
        await tts.aclose()
        assert 0.4 < sum(map(len, chunks)) / 22_050 < 2
        assert max(np.abs(chunk).max() for chunk in chunks) > 10_000

    asyncio.run(work())
    assert caplog.text == ""


def test_it_speaks_a_chunk_per_sentence_and_loses_none(voice: Voice) -> None:
    text = "Hello there. How are you today? The meeting is at ten."
    raw = sentences(voice, text)
    assert len(raw) == 3
    chunks = asyncio.run(spoken(ready(voice), text))
    audio, whole = np.concatenate(chunks), np.concatenate(raw)
    assert len(chunks) in (3, 4)  # a chunk per sentence, and the silence kept after the last
    loud = np.flatnonzero(np.abs(whole.astype(int)) >= SILENT_BELOW)
    start = max(0, int(loud[0]) - 220)
    np.testing.assert_array_equal(audio, whole[start : start + len(audio)])
    assert len(audio) == int(loud[-1]) + 1 - start + 1764


def test_a_word_takes_as_long_as_a_word_takes(voice: Voice) -> None:
    text = "Please bring the signed papers along to the meeting on Thursday."
    seconds = len(np.concatenate(asyncio.run(spoken(ready(voice), text)))) / 22_050
    assert 0.15 < seconds / len(text.split()) < 0.6


def test_speed_and_volume(voice: Voice) -> None:
    text = "Please bring the signed papers along."
    normal, fast = say(ready(voice), text), say(ready(voice, speed=1.5, volume=0.25), text)
    assert 1.3 < len(normal) / len(fast) < 1.7
    assert 3 < np.abs(normal).max() / np.abs(fast).max() < 5


@pytest.mark.parametrize("tail_ms", [0, 80])
def test_silence_is_trimmed_to_the_gap_that_is_asked_for(voice: Voice, tail_ms: int) -> None:
    audio = say(ready(voice, tail_silence_ms=tail_ms), "Sure.")
    start = first_audible(audio)
    assert start is not None
    assert start < 0.03 * 22_050
    after = len(audio) - 1 - np.flatnonzero(np.abs(audio.astype(int)) >= SILENT_BELOW)[-1]
    assert after <= round(tail_ms * 22.05)


@pytest.mark.parametrize("text", ["", "  ", "...", "?!", "\x00\x01", "\ud800"])
def test_nothing_to_say_gives_nothing(voice: Voice, text: str) -> None:
    assert asyncio.run(spoken(ready(voice), text)) == []


def test_phoneme_markup_is_read_as_text(voice: Voice) -> None:
    obeyed = sum(map(len, sentences(voice, "a")))
    assert sum(map(len, sentences(voice, "[[a]]"))) <= 1.5 * obeyed
    # As phonemes this would be three sounds; spelled out it is much longer.
    assert sum(map(len, sentences(voice, "[[[h@l]]]"))) > 1.5 * sum(map(len, sentences(voice, "hal")))


def test_a_text_without_end_is_spoken_in_pieces(voice: Voice) -> None:
    async def work() -> int:
        generator = ready(voice).synthesize("and so on " * 500)
        first = await anext(generator)
        await generator.aclose()
        assert isinstance(first, AudioChunk)
        return len(first.samples)

    assert 5 < asyncio.run(work()) / 22_050 < 60


def test_stop_ends_the_sentence_that_is_being_made(voice: Voice, monkeypatch: pytest.MonkeyPatch) -> None:
    speech = voice.say("This sentence is never finished, however long it may be.")
    run = type(voice.piper.session).run
    ended = []

    def stopped_meanwhile(session: Any, *args: Any) -> Any:
        speech._options.terminate = True  # as `stop` does, but once the run has been entered
        try:
            return run(session, *args)
        except Exception:
            ended.append(True)
            speech._stopped = True
            raise

    monkeypatch.setattr(type(voice.piper.session), "run", stopped_meanwhile)
    assert speech.next_sentence() is None
    assert ended == [True]
    monkeypatch.undo()
    assert len(sentences(voice, "The next one is fine.")) == 1


def test_closing_the_generator_stops_and_the_next_clause_is_clean(
    voice: Voice, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Speech] = []
    ask = Speech.next_sentence

    def counting(speech: Speech) -> Samples | None:
        asked.append(speech)
        return ask(speech)

    monkeypatch.setattr(Speech, "next_sentence", counting)

    async def work() -> None:
        tts = ready(voice)
        expected = await spoken(tts, "Second clause.")
        asked.clear()
        generator = tts.synthesize("One is enough. Two is too many. Three would be worse.")
        await anext(generator)
        await generator.aclose()
        assert len(asked) == 1
        assert asked[0]._stopped
        after = await spoken(tts, "Second clause.")
        np.testing.assert_array_equal(np.concatenate(after), np.concatenate(expected))

    asyncio.run(work())


def test_cancelling_the_task_stops_the_speech(voice: Voice, monkeypatch: pytest.MonkeyPatch) -> None:
    began = asyncio.Event()
    made: list[Speech] = []
    say_ = Voice.say

    def noting(voice: Voice, text: str) -> Speech:
        made.append(say_(voice, text))
        began.set()
        return made[-1]

    monkeypatch.setattr(Voice, "say", noting)

    async def work() -> None:
        task = asyncio.create_task(spoken(ready(voice), "A sentence that takes some time to say aloud."))
        await began.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert made[0]._stopped

    asyncio.run(work())


def test_two_clauses_at_once_do_not_mix(voice: Voice) -> None:
    async def work() -> None:
        tts = ready(voice)
        texts = ["Hello there.", "Good morning to you all."]
        alone = [np.concatenate(await spoken(tts, text)) for text in texts]
        both = await asyncio.gather(*(spoken(tts, text) for text in texts))
        for one, other in zip(alone, both, strict=True):
            np.testing.assert_array_equal(one, np.concatenate(other))

    asyncio.run(work())


def test_an_engine_failure_is_an_engine_error(voice: Voice, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(session: Any, *args: Any) -> Any:
        raise RuntimeError("out of memory.\nmore lines")

    monkeypatch.setattr(type(voice.piper.session), "run", broken)
    with pytest.raises(EngineError, match=r"Piper failed to speak: out of memory\.$") as caught:
        voice.say("Hello").next_sentence()
    assert (caught.value.kind, caught.value.plugin) == ("tts", "piper")


def test_closing_twice_ends_the_service(voice: Voice) -> None:
    async def work() -> None:
        tts = ready(voice)
        await tts.aclose()
        await tts.aclose()
        with pytest.raises(EngineError, match="not warmed up"):
            await spoken(tts, "Hello")

    asyncio.run(work())


def test_a_speaker_that_the_voice_does_not_have(voice: Voice) -> None:
    with pytest.raises(ModelError, match="has no speaker 3; it has 1"):
        ready(voice, speaker=3)
