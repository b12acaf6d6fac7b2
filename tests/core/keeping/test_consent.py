"""Consent is given by the words of the profile, and by nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from voicebot.events import AgentClause, AgentTurnEnded, Event, StateChanged, UserTranscript
from voicebot.keeping.consent import Consent, plain_words
from voicebot.settings import KeepSettings

PHRASES = ("Yes, I agree.", "Ich bin einverstanden")


def said(text: str, turn: int = 1, final: bool = True) -> UserTranscript:
    return UserTranscript(1.0, turn, text, final)


@pytest.mark.parametrize(
    "text", ["yes i agree", "Yes – I agree!", " YES, I  AGREE. ", "ich bin einverstanden…"]
)
def test_the_phrase_counts_however_it_is_written(text: str) -> None:
    consent = Consent(required=True, phrases=PHRASES)
    assert consent.hear(said(text))
    assert consent.given
    assert consent.phrase in PHRASES


@pytest.mark.parametrize(
    "event",
    [
        said("yes"),
        said("no, I don't agree"),
        said("yes I agree that the weather is nice"),
        said("Yes, I agree. No, wait."),
        said("yes i agree", final=False),
        said(""),
        AgentClause(1.0, 1, "Yes, I agree."),
        AgentTurnEnded(1.0, 1, "Yes, I agree.", "Yes, I agree.", "finished"),
    ],
    ids=repr,
)
def test_nothing_else_does(event: Event) -> None:
    consent = Consent(required=True, phrases=PHRASES)
    assert not consent.hear(event)
    assert not consent.given
    assert not consent.covers(event)


@given(st.text(), st.lists(st.text(), max_size=4))
def test_it_fails_closed(text: str, phrases: list[str]) -> None:
    consent = Consent(required=True, phrases=phrases)
    words = plain_words(text)
    assert consent.hear(said(text)) == (words != "" and words in {plain_words(phrase) for phrase in phrases})


def test_what_is_told_late_of_earlier_exchanges_is_not_covered() -> None:
    consent = Consent(required=True, phrases=PHRASES)
    assert consent.hear(said("Yes, I agree", turn=3))
    assert not consent.hear(said("Yes, I agree", turn=4)), "it is given once"
    assert not consent.covers(AgentTurnEnded(2.0, 2, "secret", "secret", "interrupted"))
    assert consent.covers(AgentClause(2.0, 3, "Thank you."))
    assert consent.covers(StateChanged(2.0, "thinking"))


def test_where_it_is_given_beforehand_everything_is_covered() -> None:
    consent = Consent(required=False, phrases=())
    assert consent.covers(AgentClause(0.0, 0, "Hello."))


def test_a_profile_that_keeps_something_must_say_how_consent_comes() -> None:
    assert not KeepSettings().anything
    with pytest.raises(ValidationError, match="consent_phrases"):
        KeepSettings(recording=True)
    KeepSettings(recording=True, consent="given")
    KeepSettings(recording=True, consent_phrases=("I agree",))
