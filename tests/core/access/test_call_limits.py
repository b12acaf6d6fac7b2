from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.access.call_limits import _TEXTS, FAREWELL_S, CallLimits, LimitStep, limit_text
from voicebot.access.settings import AccessSettings, LimitTexts


def settings(**values: Any) -> AccessSettings:
    return AccessSettings.model_validate({"max_call_s": None, "idle_s": None} | values)


def run(limits: CallLimits, until_s: float, from_s: float = 0.0) -> list[tuple[float, LimitStep]]:
    """What it does when it is only looked at when it asks to be, and nobody says anything."""
    now_s, steps = from_s, []
    while now_s <= until_s:
        step = limits.tick(now_s)
        if step is not None:
            steps.append((now_s, step))
            continue
        wake_s = limits.wake_at(now_s)
        if wake_s is None:
            break
        assert wake_s > now_s, "it would be asked again and again"
        now_s = wake_s
        if steps and steps[-1][1] == "hang_up":
            break
    return steps


def test_the_longest_call() -> None:
    limits = CallLimits(settings(max_call_s=600), 0)
    assert run(limits, 611) == [(570, "wrap_up"), (600, "time_is_up")]
    assert limits.parting
    assert limits.tick(600 + FAREWELL_S - 0.01) is None
    assert limits.tick(600 + FAREWELL_S) == "hang_up"


@pytest.mark.parametrize(("token_s", "ends_s"), [(90.0, 90.0), (900.0, 600.0), (None, 600.0)])
def test_a_token_may_say_less(token_s: float | None, ends_s: float) -> None:
    steps = run(CallLimits(settings(max_call_s=600), 0, token_s), ends_s)
    assert steps == [(ends_s - 30, "wrap_up"), (ends_s, "time_is_up")]


def test_a_short_call_is_not_announced_to_end() -> None:
    assert run(CallLimits(settings(max_call_s=59), 0), 60) == [(59, "time_is_up")]
    assert run(CallLimits(settings(max_call_s=600, wrap_up_s=0), 0), 600) == [(600, "time_is_up")]


def test_that_the_end_is_near_waits_for_quiet_and_the_end_does_not() -> None:
    limits = CallLimits(settings(max_call_s=600), 0)
    limits.quiet(False, 560)
    assert limits.tick(580) is None
    assert limits.wake_at(580) == 580.25
    limits.quiet(True, 585)
    assert limits.tick(585) == "wrap_up"
    limits.quiet(False, 585)
    assert limits.tick(600) == "time_is_up"


def test_silence_is_asked_about_and_then_ends_the_call() -> None:
    limits = CallLimits(settings(idle_s=60), 0)
    assert limits.tick(59.9) is None
    assert limits.tick(60) == "still_there"
    limits.quiet(False, 60)
    limits.quiet(True, 61.5)
    assert limits.tick(71.4) is None
    assert limits.tick(71.5) == "goodbye"
    assert limits.parting


def test_whoever_answers_is_asked_anew_another_time() -> None:
    limits = CallLimits(settings(idle_s=60), 0)
    assert limits.tick(60) == "still_there"
    limits.user_spoke()
    limits.quiet(False, 65)
    assert limits.tick(500) is None, "somebody speaks"
    limits.quiet(True, 500)
    assert limits.tick(559) is None
    assert limits.tick(560) == "still_there"


def test_where_nothing_is_to_be_said_the_call_ends_all_the_same() -> None:
    assert run(CallLimits(settings(idle_s=60), 0), 71) == [(60, "still_there"), (70, "goodbye")]


def test_without_limits_it_never_has_to_be_looked_at() -> None:
    limits = CallLimits(settings(), 0)
    assert limits.wake_at(0) is None
    assert limits.tick(1e9) is None


@given(
    st.floats(5, 1000) | st.none(),
    st.floats(5, 1000) | st.none(),
    st.floats(0, 100),
    st.lists(st.tuples(st.floats(0.01, 100), st.sampled_from(["quiet", "loud", "spoke"])), max_size=40),
)
def test_every_call_ends_in_time_and_nothing_is_said_after_the_last_words(
    max_call_s: float | None, idle_s: float | None, wrap_up_s: float, moments: list[tuple[float, str]]
) -> None:
    limits = CallLimits(settings(max_call_s=max_call_s, idle_s=idle_s, wrap_up_s=wrap_up_s), 0)
    now_s, said, parted_s = 0.0, list[LimitStep](), None
    for pause_s, what in moments:
        now_s += pause_s
        if what == "spoke":
            limits.user_spoke()
        else:
            limits.quiet(what == "quiet", now_s)
        step = limits.tick(now_s)
        if step is None:
            wake_s = limits.wake_at(now_s)
            assert wake_s is None or wake_s > now_s
            continue
        assert parted_s is None or (step == "hang_up" and now_s >= parted_s + FAREWELL_S)
        said.append(step)
        if step in ("time_is_up", "goodbye"):
            parted_s = now_s
    assert said.count("wrap_up") <= 1
    assert said.count("time_is_up") + said.count("goodbye") <= 1
    if max_call_s is not None and now_s >= max_call_s and moments:
        assert parted_s is not None


def test_the_texts() -> None:
    assert limit_text("goodbye", "de-CH", LimitTexts()) == _TEXTS["de"]["goodbye"]
    assert limit_text("goodbye", "xx", LimitTexts()) == _TEXTS["en"]["goodbye"]
    assert limit_text("goodbye", "de", LimitTexts(goodbye=" Tschüss ")) == "Tschüss"
    assert limit_text("goodbye", "de", LimitTexts(goodbye="")) == ""
    assert limit_text("hang_up", "de", LimitTexts()) == ""
    assert all(texts.keys() == LimitTexts.model_fields.keys() for texts in _TEXTS.values())
