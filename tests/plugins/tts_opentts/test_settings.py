"""The plugin's settings, and the server's list of voices."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from voicebot.errors import EngineError
from voicebot.testing.fakes.opentts_voices import VOICES
from voicebot_tts_opentts import OpenTTSConfig
from voicebot_tts_opentts.voices import check_voice, read_voices

LIST = json.dumps({voice.name: voice.entry() for voice in VOICES}).encode()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"voice": "en"}, "pattern"),
        ({"voice": "espeak:"}, "pattern"),
        ({"voice": "coqui-tts:en vctk"}, "pattern"),
        ({"voice": "larynx:harvard-glow_tts;low"}, "pattern"),
        ({"voice": "coqui-tts:en_vctk#p228", "speaker": "p229"}, "twice"),
        ({"voice": "coqui-tts:en_ljspeech", "vocoder": "low", "speed": 2}, "`vocoder`, `speed` work with"),
        ({"voice": "larynx:x", "vocoder": "lowest"}, "'high', 'medium' or 'low'"),
        ({"base_url": "127.0.0.1:5500"}, "must be an address"),
        ({"base_url": "http://user:word@host"}, "use `headers`"),
        ({"ssml": "yes"}, "'escape' or 'pass'"),
        ({"colour": "red"}, "Extra inputs"),
    ],
)
def test_wrong_settings_are_named(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        OpenTTSConfig.model_validate(settings)


def test_right_settings() -> None:
    assert OpenTTSConfig().voice_and_speaker == ("espeak:en", "")
    assert OpenTTSConfig(voice="coqui-tts:en_vctk#p228").voice_and_speaker == ("coqui-tts:en_vctk", "p228")
    assert OpenTTSConfig(voice="coqui-tts:en_vctk", speaker="3").voice_and_speaker == (
        "coqui-tts:en_vctk",
        "3",
    )
    assert OpenTTSConfig(base_url="http://[::1]:5500/tts/").base_url == "http://[::1]:5500/tts"
    assert OpenTTSConfig(voice="larynx:x", speed=2, vocoder="low").system == "larynx"


def test_the_list_is_read() -> None:
    voices = read_voices(LIST)
    assert voices is not None
    assert len(voices) == len(VOICES)
    assert voices["coqui-tts:en_vctk"].speakers == ("p225", "p226", "p227", "p228")
    assert not voices["coqui-tts:en_ljspeech"].multispeaker


@pytest.mark.parametrize(
    ("name", "speaker"),
    [
        ("coqui-tts:en_vctk", ""),
        ("coqui-tts:en_vctk", "p226"),
        ("coqui-tts:en_vctk", "0"),
        ("espeak:en", ""),
        ("espeak:en+f3", ""),
        ("espeak:de+m1", ""),
    ],
)
def test_voices_that_the_server_takes(name: str, speaker: str) -> None:
    check_voice(name, speaker, read_voices(LIST) or {}, "http://voice")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("larynx:harvard", "Did you mean larynx:harvard-glow_tts?"),
        ("flite:nobody", "It has flite:cmu_us_slt."),
        ("coqui:en_ljspeech", "and none of coqui"),
    ],
)
def test_voices_that_it_does_not_have(name: str, words: str) -> None:
    with pytest.raises(EngineError, match=f"no voice '{name}'") as raised:
        check_voice(name, "", read_voices(LIST) or {}, "http://voice")
    assert re.search(words, raised.value.hint)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.text(max_size=9) | st.just("a:b"), inner, max_size=4)
        ),
        max_leaves=12,
    ).map(lambda value: json.dumps(value).encode())
    | st.binary(max_size=60)
)
def test_any_bytes_are_a_list_or_none(body: bytes) -> None:
    voices = read_voices(body)
    assert voices is None or all(":" in name for name in voices)


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'["a"]', b'{"error": {"message": "no"}}', b"[" * 100_000]
)
def test_what_is_no_list(body: bytes) -> None:
    assert read_voices(body) is None


def test_a_speaker_may_be_anything() -> None:
    odd = {"a:b": {"multispeaker": True, "speakers": {"x": "1", "y": 0, "z": True}}}
    voices = read_voices(json.dumps(odd).encode())
    assert voices is not None
    check_voice("a:b", "y", voices, "w")
