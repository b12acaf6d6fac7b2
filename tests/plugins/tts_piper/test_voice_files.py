"""What is wrong with a voice's files is found when it is loaded; no weights needed."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.errors import EngineError, ModelError, ModelMissing
from voicebot.interfaces import ProviderContext
from voicebot.models import ModelStore
from voicebot_tts_piper import PiperConfig, PiperTTS
from voicebot_tts_piper.voice import parse_settings, voice_file

GOOD: dict[str, Any] = {
    "audio": {"sample_rate": 22050},
    "espeak": {"voice": "en-us"},
    "num_symbols": 3,
    "num_speakers": 1,
    "phoneme_id_map": {"a": [1]},
}


def warm(path: Path) -> None:
    asyncio.run(PiperTTS(PiperConfig(voice=str(path)), ProviderContext(models=ModelStore())).warmup())


def test_a_voice_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing):
        warm(tmp_path / "none.onnx")


def test_a_voice_without_its_settings(tmp_path: Path) -> None:
    onnx = tmp_path / "voice.onnx"
    onnx.write_bytes(b"x")
    with pytest.raises(ModelError, match=r"There is no .*voice\.onnx\.json"):
        warm(onnx)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ("{", "cannot be read"),
        (b"\xff\xfe", "cannot be read"),
        ([], "not a Piper voice's settings"),
        ({}, "has no 'num_symbols'"),
        (GOOD | {"audio": None}, "not a Piper voice's settings"),
        (GOOD | {"audio": {"sample_rate": "fast"}}, "must be numbers above 0"),
        (GOOD | {"audio": {"sample_rate": 0}}, "must be numbers above 0"),
        (GOOD | {"phoneme_id_map": [1]}, "must be a mapping"),
        (GOOD | {"phoneme_type": "klingon"}, "not a Piper voice's settings"),
        (GOOD | {"phoneme_type": "pinyin"}, "pinyin phonemes cannot be used"),
    ],
)
def test_settings_that_are_no_voices(tmp_path: Path, settings: Any, words: str) -> None:
    onnx = tmp_path / "voice.onnx"
    onnx.write_bytes(b"x")
    data = (
        settings
        if isinstance(settings, bytes)
        else settings
        if isinstance(settings, str)
        else json.dumps(settings)
    )
    Path(f"{onnx}.json").write_bytes(data if isinstance(data, bytes) else data.encode())
    with pytest.raises(ModelError) as caught:
        warm(onnx)
    assert f"{onnx}.json" in caught.value.message
    assert words in caught.value.message


def test_weights_that_are_no_weights(tmp_path: Path) -> None:
    onnx = tmp_path / "voice.onnx"
    onnx.write_bytes(b"certainly no protobuf")
    Path(f"{onnx}.json").write_text(json.dumps(GOOD))
    with pytest.raises(ModelError, match="not a voice that can be loaded"):
        warm(onnx)


@pytest.mark.parametrize(("names", "words"), [([], "no .onnx file"), (["a.onnx", "b.onnx"], "more than one")])
def test_a_folder_must_hold_one_voice(tmp_path: Path, names: list[str], words: str) -> None:
    for name in names:
        (tmp_path / name).touch()
    with pytest.raises(ModelError, match=words):
        voice_file(tmp_path)


def test_a_folder_with_one_voice_is_that_voice(tmp_path: Path) -> None:
    (tmp_path / "a.onnx").touch()
    (tmp_path / "a.onnx.json").touch()
    assert voice_file(tmp_path) == tmp_path / "a.onnx"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5), st.lists, max_leaves=4
)


@given(st.dictionaries(st.sampled_from([*GOOD, "inference", "phoneme_type", "vowel_clusters"]), JSON))
def test_any_settings_are_a_voices_or_a_model_error(changes: dict[str, Any]) -> None:
    try:
        parsed = parse_settings(GOOD | changes, Path("voice.onnx"))
    except ModelError as error:
        assert "voice.onnx.json" in error.message  # noqa: PT017
    else:
        assert parsed.sample_rate > 0


def test_it_is_closed_before_it_was_opened_and_says_what_it_needs() -> None:
    async def work() -> None:
        config = PiperConfig(voice="piper-en_US-joe-medium")
        tts = PiperTTS(config, ProviderContext(models=ModelStore()))
        await tts.aclose()
        await tts.aclose()
        with pytest.raises(EngineError, match="not warmed up"):
            await anext(tts.synthesize("Hello"))
        assert PiperTTS.required_models(config) == ("piper-en_US-joe-medium",)

    asyncio.run(work())
