from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.tools.filler import Filler, default_filler


def test_it_is_due_when_it_has_been_silent_for_so_long_and_said_once() -> None:
    filler = Filler(900)
    assert filler.due_s is None
    filler.calls_began(10.0, "One moment.")
    assert filler.due_s == pytest.approx(10.9)
    assert filler.take(10.8) == ""
    assert filler.take(10.9) == "One moment."
    assert filler.take(20.0) == ""
    filler.answered()
    filler.calls_began(30.0, "One moment.")
    assert filler.due_s is None


def test_what_the_agent_says_delays_it() -> None:
    filler = Filler(900)
    filler.spoke(5.0)
    filler.calls_began(10.0, "One moment.")
    filler.spoke(10.5)
    filler.spoke(10.2)
    assert filler.due_s == pytest.approx(11.4)


def test_the_models_time_between_two_rounds_counts() -> None:
    filler = Filler(900)
    filler.calls_began(10.0, "One moment.")
    filler.calls_began(10.5, "Still looking.")
    assert filler.take(10.9) == "Still looking."


def test_an_answer_ends_the_wait() -> None:
    filler = Filler(900)
    filler.calls_began(10.0, "One moment.")
    filler.answered()
    assert filler.due_s is None
    filler.calls_began(12.0, "One moment.")
    assert filler.due_s == pytest.approx(12.9)


def test_no_text_is_never_due() -> None:
    filler = Filler(900)
    filler.calls_began(10.0, "")
    assert filler.due_s is None
    assert filler.take(99.0) == ""


@given(
    st.lists(st.tuples(st.sampled_from(["began", "spoke", "answered", "take"]), st.floats(0, 3))),
    st.integers(100, 2000),
)
def test_it_is_said_at_most_once_and_never_before_the_silence_has_lasted(
    steps: list[tuple[str, float]], after_ms: int
) -> None:
    filler, at_s = Filler(after_ms), 0.0
    quiet_since: float | None = None
    said = []
    for step, passed in steps:
        at_s += passed
        if step == "began":
            filler.calls_began(at_s, "One moment.")
            quiet_since = at_s if quiet_since is None else quiet_since
        elif step == "spoke":
            filler.spoke(at_s)
            quiet_since = None if quiet_since is None else at_s
        elif step == "answered":
            filler.answered()
            quiet_since = None
        elif filler.take(at_s):
            assert quiet_since is not None
            said.append(at_s - quiet_since)
    assert len(said) <= 1
    assert all(silence >= after_ms / 1000 - 1e-9 for silence in said)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "One moment, please."),
        ("de-CH", "Einen Moment, bitte."),
        ("PT_br", "Um momento, por favor."),
        ("tlh", ""),
    ],
)
def test_each_language_has_its_own(language: str, text: str) -> None:
    assert default_filler(language) == text
