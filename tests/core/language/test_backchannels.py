"""What a listener says without wanting the floor."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.language.backchannels import count_words, is_backchannel
from voicebot.language.same import words

LANGUAGES = ["en", "de", "fr", "es", "it", "nl", "pt", "hi", "xx", ""]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    "text",
    [
        "Mm-hmm.",
        "Mm.",
        "Mmm",
        "Hmm.",
        "Hmmmm...",
        "Mhm!",
        "N-M-M.",  # so Whisper writes one
        "Mmhmm.",
        "Uh-huh.",
        "Uh huh",
        "Okay.",
        "OK",
        "O.K.",
    ],
)
def test_hums_are_known_in_every_language(text: str, language: str) -> None:
    assert is_backchannel(text, language)
    assert count_words(text, language) == 0


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "Yeah."),
        ("en", "Yeah, yeah. Yeahhh."),
        ("en", "Okaaay."),
        ("en-GB", "Yes."),
        ("en_us", "I see."),
        ("EN", "Of course!"),
        ("en", "All right, got it."),
        ("en", "Oh, really?"),
        ("en", "Right, right, that’s right."),
        ("de", "Ja, genau."),
        ("de-AT", "Ach so, alles klar."),
        ("fr", "D'accord."),
        ("fr-CA", "Oui, oui, bien sûr."),
        ("es-419", "Sí, claro que sí."),
        ("it", "Va bene, d’accordo."),
        ("nl", "Ja, ik begrijp het."),
        ("pt-BR", "Uhum, tá bom."),
        ("hi", "हाँ।"),
        ("hi-IN", "जी हां, ठीक है।"),
        ("hi", "Achha, theek hai."),
        ("hi-Latn", "Haan ji"),
    ],
)
def test_agreement(language: str, text: str) -> None:
    assert is_backchannel(text, language)
    assert count_words(text, language) == 0


@pytest.mark.parametrize(
    ("language", "text", "left"),
    [
        ("en", "", 0),
        ("en", "...", 0),
        ("en", "Yes please tell me more.", 4),
        ("en", "Okay, stop.", 1),
        ("en", "I see the problem", 2),
        ("en", "Yeah, but what about Monday?", 4),
        ("en", "course of", 2),
        ("de", "Ja, aber nicht heute", 3),
        ("hi", "हाँ, रुको", 1),
        ("xx", "yes", 1),
    ],
)
def test_more_than_agreement(language: str, text: str, left: int) -> None:
    assert not is_backchannel(text, language)
    assert count_words(text, language) == left


@pytest.mark.parametrize(
    ("language", "stops"),
    [
        ("en", "stop, wait, no, hold on, hang on, sorry, actually, but, what, excuse me, cancel, pause, never mind"),
        ("de", "nein, stopp, halt, warte, moment, aber, doch, entschuldigung, was"),
        ("fr", "non, stop, attends, attendez, pardon, mais, si, quoi, arrête"),
        ("es", "no, para, espera, espere, perdón, pero, ya, basta, qué, oye"),
        ("it", "no, ferma, aspetta, aspetti, scusa, ma, basta, cosa"),
        ("nl", "nee, stop, wacht, sorry, maar, wat, ho"),
        ("pt", "não, para, espera, espere, desculpe, mas, pare, chega"),
        ("hi", "नहीं, रुको, रुकिए, बस, लेकिन, माफ़, क्या, nahi, ruko, bas, lekin, no, stop, wait"),
    ],
)  # fmt: skip
def test_what_stops_a_speaker_is_no_agreement(language: str, stops: str) -> None:
    for stop in stops.split(", "):
        assert not is_backchannel(stop, language), stop
        assert not is_backchannel(f"okay, {stop}", language), stop
        assert count_words(stop, language) == len(words(stop)), stop


def test_own_words_replace_those_of_the_language() -> None:
    own = ["Roger that", "Uh-huh"]
    assert is_backchannel("Roger that! Uh-huhhh.", "en", own)
    assert not is_backchannel("roger", "en", own)
    assert count_words("yeah, roger that", "en", own) == 1
    assert count_words("mm okay", "en", []) == 2
    assert not is_backchannel("okay", "en", ["", "..."])


@given(st.text(), st.text(max_size=8), st.none() | st.lists(st.text(max_size=6), max_size=4))
def test_any_text(text: str, language: str, extra: list[str] | None) -> None:
    count = count_words(text, language, extra)
    assert 0 <= count <= len(words(text))
    assert is_backchannel(text, language, extra) == (count == 0 and bool(words(text)))


_AGREEMENTS = st.sampled_from(["mm", "Uh-huh", "yeah", "of course", "I see", "got it"])


@given(st.lists(_AGREEMENTS, min_size=1, max_size=6))
def test_agreement_joined_is_agreement(parts: list[str]) -> None:
    assert is_backchannel(", ".join(parts) + ".", "en")
    assert count_words("the " + " ".join(parts), "en") == 1
