from __future__ import annotations

import pytest

from voicebot.language.backchannels import is_backchannel
from voicebot.language.stops import _BY_LANGUAGE, begins_with_stop


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("No.", "en"),
        ("Wait, say that again", "en-GB"),
        ("STOP!", "en"),
        ("Nooo", "en"),
        ("Nein, halt", "de"),
        ("रुको", "hi"),
    ],
)
def test_words_that_stop(text: str, language: str) -> None:
    assert begins_with_stop(text, language)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("", "en"),
        ("...", "en"),
        ("Yes, no", "en"),
        ("Nothing", "en"),
        ("NMO", "en"),
        ("Nein", "en"),
        ("no", "xx"),
    ],
)
def test_others_do_not(text: str, language: str) -> None:
    assert not begins_with_stop(text, language)


def test_none_is_a_word_of_agreement() -> None:
    for language, listed in _BY_LANGUAGE.items():
        assert not [word for word in listed.split(", ") if is_backchannel(word, language)]
