"""What is said when nobody can answer."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.core.fallback.support import Clock, Fault, TTSChain, Voice, lasting, passing

from voicebot.audio import AudioChunk, first_audible
from voicebot.engines import Engine
from voicebot.fallback import Apology, apology_text, render_apology
from voicebot.fallback.apology import APOLOGIES
from voicebot.interfaces import TTS
from voicebot.testing import as_engine, run_virtual


def engine_of(chain: TTSChain) -> Engine[TTS]:
    return Engine("tts", "a, b", "dist", chain.provider)


def render(tts: Engine[TTS], text: str = "Sorry.", deadline_s: float = 10) -> Apology | None:
    async def main() -> Apology | None:
        await tts.provider.warmup()
        return await render_apology(tts, text, deadline_s)

    return run_virtual(main())


def test_each_language_has_its_own_text_and_the_profile_the_last_word() -> None:
    assert apology_text("en-GB") == APOLOGIES["en"]
    assert apology_text("DE") == APOLOGIES["de"]
    assert apology_text("xx") == APOLOGIES["en"]
    assert apology_text("en", "One moment, please. ") == "One moment, please."
    assert apology_text("en", " ") == ""


def test_it_is_rendered_by_a_voice_of_its_own() -> None:
    apology = render(as_engine("tts", Voice()))
    assert apology is not None
    assert (apology.text, apology.audio.sample_rate, apology.audio.duration_s) == ("Sorry.", 16_000, 0.3)


def test_at_the_rate_of_a_call() -> None:
    apology = Apology("Sorry.", AudioChunk(np.full(16_000, 5_000, np.int16), 16_000))
    assert apology.at(16_000) is apology.audio
    resampled = apology.at(48_000)
    assert (resampled.sample_rate, len(resampled.samples)) == (48_000, 48_000)
    assert first_audible(resampled.samples) is not None


@pytest.mark.parametrize(
    "fault", [Fault(lasting()), Fault(lasting(), after=1), Fault(), Fault(None, after=2), ""]
)
def test_by_the_first_voice_that_says_all_of_it(fault: Fault | str) -> None:
    chain = TTSChain(Voice(fault), Voice(sample_rate=22_050))
    apology = render(engine_of(chain))
    assert apology is not None
    assert (apology.audio.sample_rate, apology.audio.duration_s) == (22_050, 0.3)
    assert chain.idle()
    # That is no request of a caller: it counts against nobody.
    assert chain.told == []


def test_a_voice_that_may_succeed_is_asked_once_more() -> None:
    chain = TTSChain(Voice(Fault(passing())), Voice(sample_rate=22_050))
    apology = render(engine_of(chain))
    assert apology is not None
    assert apology.audio.sample_rate == 16_000
    assert len(chain.voices[0].spoken) == 2
    assert chain.voices[1].spoken == []
    chain = TTSChain(Voice(*[Fault(passing())] * 3), Voice(sample_rate=22_050))
    apology = render(engine_of(chain))
    assert apology is not None
    assert apology.audio.sample_rate == 22_050
    assert len(chain.voices[0].spoken) == 2


def test_one_that_is_not_ready_is_not_asked() -> None:
    chain = TTSChain(Voice(), Voice(sample_rate=22_050))
    chain.voices[0].fail_warmup_with = lasting()
    apology = render(engine_of(chain))
    assert apology is not None
    assert apology.audio.sample_rate == 22_050
    assert chain.voices[0].spoken == []


def test_without_a_voice_or_a_text_there_is_none(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        clock = Clock()
        silent = as_engine("tts", Voice(Fault()))
        assert await render_apology(silent, "Sorry.", 10) is None
        assert clock.s == 10

    run_virtual(main())
    assert "no apology within 10 s" in caplog.text
    voice = Voice()
    assert render(as_engine("tts", voice), "") is None
    assert voice.spoken == []


def test_pieces_at_several_rates_become_one() -> None:
    voice = Voice()
    speak = voice.synthesize

    async def changing(text: str):  # type: ignore[no-untyped-def]
        async for event in speak(text):
            yield event
            if isinstance(event, AudioChunk):
                yield replace(event, sample_rate=8_000)

    voice.synthesize = changing  # type: ignore[method-assign]
    apology = render(as_engine("tts", voice))
    assert apology is not None
    assert apology.audio.sample_rate == 16_000
    assert apology.audio.duration_s == pytest.approx(0.3 + 0.6, abs=0.01)
