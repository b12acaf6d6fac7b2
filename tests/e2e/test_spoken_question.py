"""A spoken question goes in, a spoken answer comes out, through real engines with real weights."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import soundfile
from tests.e2e.conftest import (
    Held,
    HoldCall,
    Speak,
    Transcribe,
    crossings_per_s,
    envelope_match,
    likeness,
    loudness,
    part,
)

import voicebot
from voicebot.audio import AudioChunk, first_audible, resample
from voicebot.models import ModelStore
from voicebot.wav import read_wav, write_wav

pytestmark = [pytest.mark.engine, pytest.mark.timeout(300)]

QUESTIONS = ["What is the capital of Italy?", "How many days are there in a week?"]
# Without its random numbers the voice says the same text in the same way, and a test means the same each time.
STEADY_PIPER = {"VOICEBOT_TTS__USE": "piper", "VOICEBOT_TTS__NOISE_SCALE": "0", "VOICEBOT_TTS__NOISE_W": "0"}
BUNDLED = Path(voicebot.__file__).parent / "samples" / "question.wav"


def check_answer(held: Held, ears: Ears, tts: str, turn: int = 0) -> None:
    """The turn was answered, and what can be heard in the file is what the agent said."""
    assert held.code == 0, held.printed
    told = held.report["turns"][turn]
    assert told["ended"] == "finished"
    assert told["agent_text"] == told["heard_text"] != ""
    times = told["timeline_ms"]
    begin, end = times["first_audible"] / 1000, times["playout_finished"] / 1000
    answer = part(held.answer, begin - 0.1, end + 0.1)
    if tts == "piper":
        assert likeness(ears.transcribe(answer), told["agent_text"]) > 75
    else:
        # A robot's voice is not understood word for word; but it is the one that the engine makes of that text.
        straight = ears.speak(told["agent_text"], tts)
        assert envelope_match(answer, straight) > 0.95
        assert crossings_per_s(answer) == pytest.approx(crossings_per_s(straight), rel=0.1)
    # The right pace: 1.5 to 6 words a second. Nothing clipped; nothing before it but silence.
    words = len(told["agent_text"].split())
    assert 1.5 < words / (end - begin) < 6
    assert np.abs(answer.samples.astype(np.int32)).max() < 32_700
    assert loudness(answer.samples) > 300
    if turn == 0:
        assert first_audible(part(held.answer, 0, begin - 0.02).samples) is None


@dataclass(frozen=True)
class Ears:
    transcribe: Transcribe
    speak: Speak


@pytest.fixture
def ears(transcribe: Transcribe, speak: Speak) -> Ears:
    return Ears(transcribe, speak)


def test_the_bundled_question(hold_call: HoldCall, ears: Ears, tmp_path: Path) -> None:
    left = tmp_path / "left"
    left.mkdir()
    held = hold_call(BUNDLED, "configs/local.yaml", TMPDIR=str(left), XDG_CACHE_HOME=str(left))
    # No engine's library keeps a store of what it would report to its maker.
    assert list(left.iterdir()) == []
    assert likeness(held.report["turns"][0]["user_text"], "What is the capital of France?") > 95
    assert "Paris" in held.report["turns"][0]["agent_text"]
    check_answer(held, ears, "espeak")
    for name in ("end_of_turn", "stt_final", "llm_ttft", "first_clause", "tts_ttfa", "orchestration"):
        assert held.report["turns"][0]["hops_ms"][name] >= 0
        assert name in held.printed
    assert held.report["turns"][0]["timeline_ms"].keys() >= {"speech_ended", "committed", "first_audible"}


def test_two_questions_in_one_call_share_the_prompts_prefix(
    hold_call: HoldCall, ears: Ears, tmp_path: Path
) -> None:
    first, second = (ears.speak(question) for question in QUESTIONS)
    gap = AudioChunk.silence(9_000, first.sample_rate).samples
    write_wav(
        tmp_path / "two.wav",
        AudioChunk(np.concatenate([first.samples, gap, second.samples]), first.sample_rate),
    )
    held = hold_call(tmp_path / "two.wav", **STEADY_PIPER)
    turns = held.report["turns"]
    assert [likeness(t["user_text"], q) > 90 for t, q in zip(turns, QUESTIONS, strict=True)] == [True, True]
    check_answer(held, ears, "piper", 0)
    check_answer(held, ears, "piper", 1)
    assert turns[1]["tokens"]["cached"] > turns[0]["tokens"]["prompt"] * 0.8


@pytest.mark.parametrize(
    "environ",
    [
        {"VOICEBOT_STT__MODEL": "whisper-base-ct2"},
        {"VOICEBOT_STT__USE": "whispercpp", "VOICEBOT_STT__MODEL": "whisper-tiny.en-ggml-q8_0"},
    ],
    ids=["base", "whispercpp-tiny"],
)
def test_swapped_by_environment(hold_call: HoldCall, ears: Ears, environ: dict[str, str]) -> None:
    held = hold_call(BUNDLED, "configs/local.yaml", **environ)
    assert likeness(held.report["turns"][0]["user_text"], "What is the capital of France?") > 95
    check_answer(held, ears, "espeak")


@pytest.mark.parametrize(
    ("profile", "tts"), [("configs/local-piper.yaml", "piper"), ("configs/whispercpp.yaml", "espeak")]
)
def test_swapped_by_yaml(hold_call: HoldCall, ears: Ears, profile: str, tts: str) -> None:
    held = hold_call(BUNDLED, profile, **(STEADY_PIPER if tts == "piper" else {}))
    assert likeness(held.report["turns"][0]["user_text"], "What is the capital of France?") > 95
    check_answer(held, ears, tts)


@pytest.mark.parametrize(
    ("rate", "channels", "subtype"),
    [(44_100, 2, "PCM_24"), (8_000, 1, "FLOAT")],
)
def test_any_wav(hold_call: HoldCall, tmp_path: Path, rate: int, channels: int, subtype: str) -> None:
    recording = read_wav(BUNDLED)
    samples = resample(recording.samples, recording.sample_rate, rate).astype(np.float64) / 32768
    file = tmp_path / "question.wav"
    soundfile.write(file, np.stack([samples] * channels, axis=1), rate, subtype=subtype)
    held = hold_call(file)
    assert likeness(held.report["turns"][0]["user_text"], "What is the capital of France?") > 90


def test_a_person_is_understood(hold_call: HoldCall, model_store: ModelStore) -> None:
    """The speech has pauses of a second and more: several turns, each interrupting the answer to the one before."""
    held = hold_call(model_store.path("sample-human-speech"))
    said = " ".join(turn["user_text"] for turn in held.report["turns"])
    assert likeness(said, JFK) > 85


JFK = "And so, my fellow Americans, ask not what your country can do for you, ask what you can do for your country."
