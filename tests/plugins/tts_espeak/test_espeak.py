"""The real eSpeak NG; it brings its voices along and needs no model files."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voicebot.audio import AudioChunk, Samples, first_audible
from voicebot.errors import EngineError
from voicebot.interfaces import ProviderContext, WordMark
from voicebot.models import ModelStore
from voicebot.synthesis.silence import SILENT_BELOW
from voicebot_tts_espeak import EspeakConfig, EspeakTTS
from voicebot_tts_espeak.engine import Engine, Sink, VoiceSettings, WordEvent, load_engine

TEXT = "Good morning, the meeting is at ten thirty. Please bring the signed papers along."
PLAIN = VoiceSettings("en-us", 165, 50, 100)


def provider(**config: Any) -> EspeakTTS:
    return EspeakTTS(EspeakConfig(**config), ProviderContext(models=ModelStore()))


async def spoken(tts: EspeakTTS, text: str) -> tuple[Samples, list[WordMark], int]:
    """All audio, all marks, and the number of chunks."""
    audio, marks = [np.zeros(0, np.int16)], []
    async for event in tts.synthesize(text):
        if isinstance(event, AudioChunk):
            assert event.sample_rate == 22_050
            assert len(event.samples) > 0
            audio.append(event.samples)
        else:
            marks.append(event)
    return np.concatenate(audio), marks, len(audio) - 1


def say(text: str, **config: Any) -> tuple[Samples, list[WordMark], int]:
    async def work() -> tuple[Samples, list[WordMark], int]:
        tts = provider(**config)
        await tts.warmup()
        try:
            return await spoken(tts, text)
        finally:
            await tts.aclose()

    return asyncio.run(work())


def raw(text: str) -> Samples:
    """What the engine gives in one go, untrimmed."""
    spy = Spy(load_engine())
    spy.speak(text, PLAIN, lambda samples, words: True)
    return np.concatenate(spy.chunks[0])


class Spy:
    """The engine, noting what it hands to each sink; the fourth chunk waits for `gate`."""

    def __init__(self, engine: Engine) -> None:
        self.sample_rate = engine.sample_rate
        self.chunks: list[list[Samples]] = []
        self.gate = threading.Event()
        self.gate.set()
        self._engine = engine

    def speak(self, text: str, settings: VoiceSettings, sink: Sink) -> None:
        self.chunks.append([])

        def noting(samples: Samples, words: list[WordEvent]) -> bool:
            self.chunks[-1].append(samples)
            if len(self.chunks[-1]) == 4:
                assert self.gate.wait(30)
            return sink(samples, words)

        self._engine.speak(text, settings, noting)


def assert_same_speech(a: Samples, b: Samples) -> None:
    """eSpeak's phase and jitter go on from one text to the next, so samples differ where the speech does not."""
    assert abs(len(a) - len(b)) < 0.01 * len(b) + 50
    count = min(len(a), len(b)) // 1764  # windows of 80 ms, a little longer in the longer one
    first, second = (
        np.array([np.abs(part.astype(float)).mean() for part in np.array_split(x, count)]) for x in (a, b)
    )
    assert np.corrcoef(first, second)[0, 1] > 0.9


def test_streamed_chunks_are_the_engines_audio_without_gap_or_repeat() -> None:
    async def work() -> None:
        tts = provider()
        await tts.warmup()
        spy = Spy(load_engine())
        tts._engine = spy  # type: ignore[assignment]
        audio, _, chunks = await spoken(tts, TEXT)
        assert chunks > 50
        whole = np.concatenate(spy.chunks[0])
        loud = np.flatnonzero(np.abs(whole.astype(int)) >= SILENT_BELOW)
        start = max(0, int(loud[0]) - 220)
        np.testing.assert_array_equal(audio, whole[start : int(loud[-1]) + 1 + 1764])

    asyncio.run(work())


def test_the_pace_is_what_was_asked_for() -> None:
    seconds = {rate: len(say(TEXT, rate_wpm=rate)[0]) / 22_050 for rate in (110, 165, 300)}
    words = len(TEXT.split())
    assert 0.2 < seconds[165] / words < 0.6
    assert seconds[110] > 1.3 * seconds[165] > 1.3 * 1.3 * seconds[300]


def test_speed_2_takes_half_the_time() -> None:
    assert len(say(TEXT, speed=2)[0]) == pytest.approx(len(say(TEXT)[0]) / 2, rel=0.15)
    assert len(say(TEXT, speed=2)[0]) == pytest.approx(len(say(TEXT, rate_wpm=330)[0]), rel=0.02)


@pytest.mark.parametrize("settings", [{"speed": 3}, {"speed": 0.25}, {"rate_wpm": 450, "speed": 1.01}])
def test_a_speed_that_espeak_cannot_speak_at_is_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="`rate_wpm` times `speed` is"):
        EspeakConfig(**settings)


@pytest.mark.parametrize(
    ("tag", "voice"),
    [
        ("en", "en-us"),
        ("en-US", "en-us"),
        ("en-GB", "en-gb"),
        ("de", "de"),
        ("de-AT", "de"),
        ("pt-BR", "pt-br"),
    ],
)
def test_it_speaks_the_calls_language(tag: str, voice: str) -> None:
    async def work() -> str:
        tts = EspeakTTS(EspeakConfig(), ProviderContext(models=ModelStore(), language=tag))
        await tts.warmup()
        await tts.aclose()
        return tts._settings.voice

    assert asyncio.run(work()) == voice


def test_a_voice_that_was_named_is_taken_whatever_the_language() -> None:
    async def work() -> Samples:
        tts = EspeakTTS(EspeakConfig(voice="fr"), ProviderContext(models=ModelStore(), language="de"))
        await tts.warmup()
        try:
            return (await spoken(tts, "Bonjour"))[0]
        finally:
            await tts.aclose()

    assert_same_speech(asyncio.run(work()), say("Bonjour", voice="fr")[0])


def test_a_language_without_a_voice_is_told() -> None:
    tts = EspeakTTS(EspeakConfig(), ProviderContext(models=ModelStore(), language="xx-YY"))
    with pytest.raises(EngineError, match="no voice of the call's language 'xx-YY'") as caught:
        asyncio.run(tts.warmup())
    assert "`voice`" in caught.value.hint


def test_the_pitch_is_what_was_asked_for() -> None:
    def fundamental(pitch: int) -> float:
        """Hz, between 50 and 180, by autocorrelation of the first vowel."""
        vowel = say("mama", pitch=pitch)[0][1500:4500].astype(float)
        similar = np.correlate(vowel, vowel, "full")[len(vowel) - 1 :]
        return 22_050 / (122 + int(np.argmax(similar[122:441])))

    low, normal, high = (fundamental(pitch) for pitch in (10, 50, 90))
    assert 1.2 * low < normal < high / 1.2


def test_volume_scales_the_samples_and_the_trimming_follows() -> None:
    quiet, normal = say("Hello there.", volume=10)[0], say("Hello there.")[0]
    assert np.abs(quiet).max() < 0.15 * np.abs(normal).max()
    assert abs(len(quiet) - len(normal)) < 500


@pytest.mark.parametrize("tail_ms", [0, 80, 250])
def test_silence_is_trimmed_to_the_gap_that_is_asked_for(tail_ms: int) -> None:
    audio, _, _ = say("Hello there.", tail_silence_ms=tail_ms)
    start = first_audible(audio)
    assert start is not None
    assert start <= 0.015 * 22_050
    after = len(audio) - 1 - np.flatnonzero(np.abs(audio.astype(int)) >= SILENT_BELOW)[-1]
    assert after == round(tail_ms * 22.05)


def test_every_word_has_its_mark_and_sounds_there() -> None:
    text = "Wait — the price of the “Ménage” is 1,250 euros, isn't it? 😀 Yes."
    audio, marks, _ = say(text)
    assert [mark.text for mark in marks] == text.split()
    times = [mark.start_s for mark in marks]
    assert times == sorted(times)
    assert times[0] == 0
    assert times[-1] < len(audio) / 22_050


def test_marks_agree_with_the_audio() -> None:
    """Between the sentences the engine pauses; the word after the pause must begin at its end."""
    audio, marks, _ = say("Stop. Go.")
    loud = np.flatnonzero(np.abs(audio.astype(int)) >= SILENT_BELOW)
    pauses = np.flatnonzero(np.diff(loud) > 2205)  # 100 ms without a sound
    assert len(pauses) == 1
    resumes = loud[pauses[0] + 1] / 22_050
    assert marks[1].text == "Go."
    assert abs(marks[1].start_s - resumes) < 0.06


def test_a_long_text_is_spoken_piece_by_piece_as_a_whole() -> None:
    text = "The quick brown fox jumps over the lazy dog again. " * 20
    audio, marks, _ = say(text)
    assert [mark.text for mark in marks] == text.split()
    times = [mark.start_s for mark in marks]
    assert times == sorted(times)
    assert len(audio) / 22_050 > 50
    # As steady at the seams as anywhere: no word takes much longer than in the first sentence.
    assert max(np.diff(times)) < 2 * max(np.diff(times[:20]))


@pytest.mark.parametrize("text", ["", "   ", "...", "\x00\x01", "\ud800"])
def test_nothing_to_say_gives_nothing(text: str) -> None:
    assert say(text)[1:] == ([], 0)


def test_markup_is_read_and_never_obeyed() -> None:
    # As a command, each of these would change or silence what follows.
    plain = len(say("hello")[0])
    assert len(say("[[h@l'oU]]")[0]) > 1.5 * plain
    assert len(say("<break time='9s'/>hello")[0]) > 3 * plain
    assert_same_speech(say("one \x0199P two")[0], say("one  99P two")[0])


def test_cancelling_stops_the_engine_at_its_next_chunk_and_the_next_clause_is_clean() -> None:
    async def work() -> None:
        tts = provider()
        await tts.warmup()
        expected, _, _ = await spoken(tts, "Second clause.")
        tts._engine = spy = Spy(load_engine())  # type: ignore[assignment]
        spy.gate.clear()
        generator = tts.synthesize("word " * 79)
        async for event in generator:
            if isinstance(event, AudioChunk):
                break
        await generator.aclose()
        spy.gate.set()
        after, _, _ = await spoken(tts, "Second clause.")
        assert_same_speech(after, expected)
        assert len(spy.chunks[0]) <= 4

    asyncio.run(work())


def test_a_sink_that_has_enough_is_not_called_again() -> None:
    calls: list[int] = []

    def enough(samples: Samples, words: list[WordEvent]) -> bool:
        calls.append(len(samples))
        return len(calls) < 3

    expected = raw(TEXT)
    load_engine().speak("word " * 79, PLAIN, enough)
    assert len(calls) == 3
    assert_same_speech(raw(TEXT), expected)


def test_an_error_in_the_callback_surfaces_and_does_not_wedge_the_engine() -> None:
    def broken(samples: Samples, words: list[WordEvent]) -> bool:
        raise LookupError("from inside")

    expected = raw(TEXT)
    with pytest.raises(LookupError, match="from inside"):
        load_engine().speak(TEXT, PLAIN, broken)
    assert_same_speech(raw(TEXT), expected)


def test_two_providers_speak_at_once_each_with_its_own_voice() -> None:
    async def work() -> None:
        slow, fast = provider(rate_wpm=120), provider(voice="de", rate_wpm=300)
        await asyncio.gather(slow.warmup(), fast.warmup())
        alone = [(await spoken(tts, TEXT))[0] for tts in (slow, fast)]
        both = await asyncio.gather(*(spoken(tts, TEXT) for tts in (slow, fast, slow, fast)))
        for index, (audio, _, _) in enumerate(both):
            assert_same_speech(audio, alone[index % 2])

    asyncio.run(work())


def test_a_slow_listener_does_not_hold_up_another() -> None:
    async def work() -> None:
        tts = provider()
        await tts.warmup()
        paused = tts.synthesize("word " * 200)
        await anext(paused)
        audio, _, _ = await spoken(tts, "Hello there.")
        assert len(audio) > 0
        await paused.aclose()

    asyncio.run(work())


def test_a_task_cancelled_while_it_waits_leaves_the_engine_free() -> None:
    async def work() -> None:
        tts = provider()
        await tts.warmup()
        for _ in range(5):
            task = asyncio.create_task(spoken(tts, "word " * 200))
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        assert len((await spoken(tts, "Hello there."))[0]) > 0

    asyncio.run(work())


def test_closing_is_fine_before_warmup_and_twice_and_ends_the_service() -> None:
    async def work() -> None:
        tts = provider()
        with pytest.raises(EngineError, match="not warmed up"):
            await spoken(tts, "Hello")
        await tts.aclose()
        await tts.warmup()
        await tts.aclose()
        await tts.aclose()
        with pytest.raises(EngineError, match="not warmed up"):
            await spoken(tts, "Hello")

    asyncio.run(work())


@pytest.mark.parametrize(
    ("voice", "message", "nearest"),
    [
        ("en-uss", "no voice 'en-uss'", "en-us"),
        ("Englisch (America)", "no voice 'Englisch", "english (america)"),
        ("en-us+f33", "no voice variant 'f33'", "f3"),
        ("en-us+", "no voice variant ''", ""),
    ],
)
def test_an_unknown_voice_names_the_nearest(voice: str, message: str, nearest: str) -> None:
    with pytest.raises(EngineError) as caught:
        say("Hello", voice=voice)
    assert message in caught.value.message
    assert nearest in caught.value.hint
    assert (caught.value.kind, caught.value.plugin) == ("tts", "espeak")


@pytest.mark.parametrize("voice", ["de", "EN-US", "English (America)", "gmw/en-US", "en-gb-x-rp", "en-us+f3"])
def test_a_voice_may_be_named_in_several_ways(voice: str) -> None:
    assert len(say("Hello", voice=voice)[0]) > 0


@settings(max_examples=60)
@given(
    st.text(
        st.one_of(
            st.characters(exclude_categories=[]),
            st.sampled_from("[]<>&;'\"\x01\x02.,!? 0123456789\n\U0001f600\u0301"),
        ),
        max_size=80,
    )
)
def test_any_text_is_spoken_or_nothing_is_but_never_worse(text: str) -> None:
    audio, marks, _ = say(text)
    assert audio.dtype == np.int16
    if len(audio):
        times = [mark.start_s for mark in marks]
        assert times == sorted(times)
        assert all(0 <= time <= len(audio) / 22_050 for time in times)


def test_it_works_where_its_data_lies_deeper_than_espeak_can_reach(tmp_path: Path) -> None:
    """In a process of its own, as the library is loaded once."""
    deep = tmp_path / ("d" * 100) / ("e" * 100)
    deep.mkdir(parents=True)
    script = """
import sys, espeakng_loader
from pathlib import Path
link = Path(sys.argv[1]) / "espeak-ng-data"
link.symlink_to(espeakng_loader.get_data_path())
espeakng_loader.get_data_path = lambda: str(link)
from voicebot_tts_espeak.engine import VoiceSettings, load_engine
count = 0
def sink(samples, words):
    global count
    count += len(samples)
    return True
load_engine().speak("Hello", VoiceSettings("en-us", 165, 50, 100), sink)
print(count)
"""
    path = ":".join(sys.path)
    done = subprocess.run(
        [sys.executable, "-c", script, str(deep)],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": path},
    )
    assert int(done.stdout) > 5000
    assert done.stderr == ""
