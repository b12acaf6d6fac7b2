"""A redacted copy says nothing of what was said, and is the same call."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

import numpy as np
import pytest

from voicebot.replaying import Recording, compare, read_recording, replay_recorded, write_redacted
from voicebot.replaying.redacting import mask, mask_user, noise_like
from voicebot.report import CallReport
from voicebot.testing import tone


def words_in(path: Path) -> set[str]:
    with zipfile.ZipFile(path) as archive:
        texts = [archive.read(name).decode() for name in archive.namelist() if not name.endswith(".flac")]
    return set(re.findall(r"[a-z]{3,}", " ".join(texts).lower()))


@pytest.fixture
def copy(call: tuple[Path, CallReport], tmp_path: Path) -> Path:
    write_redacted(call[0], tmp_path / "copy.vbcall")
    return tmp_path / "copy.vbcall"


def test_no_word_of_it_is_left(call: tuple[Path, CallReport], copy: Path) -> None:
    said = (
        "what",
        "weather like tomorrow",
        "quarter past afternoon",
        "sunny little wind from west",
        "clerk hello",
    )
    told = {word for text in said for word in text.split()}
    assert told <= words_in(call[0])
    assert told & words_in(copy) == set()


def test_the_copy_is_the_same_call(recording: Recording, copy: Path) -> None:
    redacted = read_recording(copy)
    replayed = replay_recorded(redacted)
    comparison = compare(redacted.log, replayed.log, replayed.missing)
    assert comparison.difference is None
    assert comparison.missing == []
    lengths = [
        [len(event["text"]) for event in one.log if event["name"] == "agent_clause"]
        for one in (recording, redacted)
    ]
    assert lengths[0] == lengths[1]
    assert [event["at_s"] for event in recording.log] == [event["at_s"] for event in redacted.log]


def test_its_sound_is_noise_as_loud(recording: Recording, copy: Path) -> None:
    redacted = read_recording(copy)
    for file, samples in recording.sounds.items():
        noise = redacted.sounds[file]
        assert len(noise) == len(samples)
        assert abs(np.corrcoef(samples, noise)[0, 1]) < 0.05
        assert np.std(noise) == pytest.approx(np.std(samples), rel=0.05)


def test_silence_stays_silent() -> None:
    silent = np.zeros(16_000, np.int16)
    assert not noise_like(silent, 16_000).any()
    both = noise_like(np.concatenate([silent, tone(1.0)]), 16_000)
    assert not both[:16_000].any()
    assert both[16_000:].any()


@pytest.mark.parametrize("text", ["", "It is 25 °C, Zoë!", "你好", "a\n b"])
def test_a_mask_has_the_texts_shape(text: str) -> None:
    masked = mask(text)
    assert len(masked) == len(text)
    assert [char.isspace() for char in masked] == [char.isspace() for char in text]
    assert not set(masked) & set("ItsCoë你好ab25")


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("Yeah.", "Yeah."),  # told from an interruption by its word
        ("Wait, I live in Bern.", "Wait, X xxxx xx Xxxx."),
        ("My name is Ann and", "Xx xxxx xx Xxx and"),  # more will follow
        ("My name is Ann,", "Xx xxxx xx Xxx,"),
        ("Four one 7 3,", "Xxxx xxx 0 0,"),
        ("It is spelt B C", "Xx xx xxxxx X X"),
    ],
)
def test_words_stay_by_which_a_session_decides_and_that_tell_nothing(text: str, masked: str) -> None:
    assert mask_user(text, "en") == masked
