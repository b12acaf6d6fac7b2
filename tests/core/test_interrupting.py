"""What interrupts the agent, and what is dismissed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.interrupting import InterruptionJudge, Judgement, Sound, judge_for, says_again
from voicebot.language.same import words
from voicebot.settings import ConfirmSettings, InterruptionSettings

SAID = "I found three restaurants nearby. The closest one is five minutes away. Shall I book a table there?"


def judge(*, echo_check: bool = True, **speaking: int) -> InterruptionJudge:
    """200 ms and a word, or 1.5 s, while it speaks; 600 ms while it thinks."""
    return judge_for(
        InterruptionSettings(speaking=ConfirmSettings(**speaking), echo_check=echo_check), "en-GB"
    )


def sound(ms: float, text: str | None = None, *, final: bool = False, audible: bool = True) -> Sound:
    return Sound(ms, text, final, audible, SAID)


@pytest.mark.parametrize(
    ("ms", "text", "audible", "verdict"),
    [
        (0, None, True, None),
        (499, "wait", True, None),
        (500, "wait", True, Judgement(True, "words")),
        (500, "uh-huh", True, None),
        (299, "wait", False, None),
        (300, "wait", False, Judgement(True, "words")),
        (5_000, "uh-huh", True, None),
        (500, "uh-huh, but wait", True, Judgement(True, "words")),
        (1_499, None, True, None),
        (1_500, None, True, Judgement(True, "length")),
        (1_500, "", True, Judgement(True, "length")),
        (1_500, "...", True, Judgement(True, "length")),
        (599, None, False, None),
        (600, None, False, Judgement(True, "length")),
        (5_000, "the closest one is", True, None),
        (500, "the closest one is wonderful", True, Judgement(True, "words")),
    ],
)
def test_while_they_speak_it_is_an_interruption_or_undecided(
    ms: float, text: str | None, audible: bool, verdict: Judgement | None
) -> None:
    assert judge().judge(sound(ms, text, audible=audible)) == verdict


@pytest.mark.parametrize(
    ("ms", "text", "verdict"),
    [
        (100, "Stop.", Judgement(True, "words")),
        (100, "No.", Judgement(True, "words")),
        (100, "Wait.", Judgement(True, "words")),
        (100, "", Judgement(False, "short")),
        (500, "", Judgement(False, "no_words")),
        (900, "...", Judgement(False, "no_words")),
        (900, "Uh-huh. Yeah, okay.", Judgement(False, "backchannel")),
        (900, "Okay, stop.", Judgement(True, "words")),
        (900, "The closest one is five minutes", Judgement(False, "echo")),
        (900, "Closest.", Judgement(True, "words")),
    ],
)
def test_at_a_pause_the_words_decide(ms: float, text: str, verdict: Judgement) -> None:
    assert judge().judge(sound(ms, text, final=True)) == verdict


@pytest.mark.parametrize(
    ("ms", "confidence", "verdict"),
    [
        (400, 0.36, Judgement(True, "words")),
        (400, None, Judgement(True, "words")),
        (400, 0.2, Judgement(False, "no_words")),
        # One who speaks for so long has said something, however it was understood.
        (1_500, 0.2, Judgement(True, "words")),
    ],
)
def test_what_is_made_of_a_hum_is_no_word(ms: float, confidence: float | None, verdict: Judgement) -> None:
    assert judge().judge(Sound(ms, "NMO", True, True, "", confidence)) == verdict
    assert judge().judge(Sound(600, "NMO", False, True, "", None)) == Judgement(True, "words")


@pytest.mark.parametrize(("text", "confidence"), [("No.", 0.2), ("Stop, please.", 0.16)])
def test_less_is_asked_of_words_that_stop(text: str, confidence: float) -> None:
    assert judge().judge(Sound(400, text, True, True, "", confidence)) == Judgement(True, "words")
    assert judge().judge(Sound(400, text, True, True, "", 0.1)) == Judgement(False, "no_words")


def test_where_more_words_are_asked_for_one_is_dismissed() -> None:
    rule = judge(words=2)
    assert rule.judge(sound(900, "stop")) is None
    assert rule.judge(sound(900, "okay stop", final=True)) == Judgement(False, "short")
    assert rule.judge(sound(900, "stop it", final=True)) == Judgement(True, "words")


def test_where_no_words_are_asked_for_length_alone_decides() -> None:
    rule = judge(words=0, confirm_ms=300)
    assert rule.judge(sound(299, "stop stop stop")) is None
    assert rule.judge(sound(299, "stop", final=True)) == Judgement(False, "short")
    assert rule.judge(sound(300, "uh-huh")) == Judgement(True, "length")


def test_length_is_never_enough_before_it_is_confirmed() -> None:
    assert judge(confirm_ms=500, without_words_ms=0).judge(sound(499)) is None
    assert judge(confirm_ms=500, without_words_ms=0).judge(sound(500)) == Judgement(True, "length")


def test_own_backchannels_replace_those_of_the_language() -> None:
    rule = judge_for(InterruptionSettings(backchannels=("roger that",)), "en")
    assert rule.judge(sound(500, "Roger that!", final=True)) == Judgement(False, "backchannel")
    assert rule.judge(sound(500, "yes", final=True)) == Judgement(True, "words")


def test_a_question_may_be_answered_in_its_own_words() -> None:
    said = "It leaves at ten. Would you like the window seat, or the one by the aisle? It costs ten euros."
    for text, is_echo in [("the window seat", False), ("it costs ten", True), ("it leaves at ten", True)]:
        judged = judge().judge(Sound(900, text, True, True, said))
        assert judged == (Judgement(False, "echo") if is_echo else Judgement(True, "words"))


def test_without_the_echo_check_words_are_words() -> None:
    assert judge(echo_check=False).judge(sound(900, "the closest one is")) == Judgement(True, "words")


@given(
    ms=st.floats(0, 5_000),
    text=st.none() | st.text(max_size=20) | st.sampled_from(["stop", "uh-huh", "closest one", "okay but no"]),
    audible=st.booleans(),
    counted=st.integers(0, 3),
    confirm_ms=st.integers(0, 1_000),
    without_words_ms=st.integers(0, 2_000),
)
def test_a_final_text_always_decides_and_more_speech_never_takes_an_interruption_back(
    ms: float, text: str | None, audible: bool, counted: int, confirm_ms: int, without_words_ms: int
) -> None:
    takes = ConfirmSettings(confirm_ms=confirm_ms, words=counted, without_words_ms=without_words_ms)
    rule = judge_for(InterruptionSettings(speaking=takes, thinking=takes), "en")
    assert rule.judge(sound(ms, text, final=True, audible=audible)) is not None
    by_now = rule.judge(sound(ms, text, audible=audible))
    if by_now is not None:
        assert by_now.interrupts
        assert ms >= confirm_ms
        assert rule.judge(sound(ms + 100, text, audible=audible)) == by_now


# --- an echo, by its text ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "The closest one is five minutes away.",
        "three restaurants nearby the closest",  # from one clause into the next
        "closed one is five minutes",  # misheard
        "taurants nearby, the closest one is fi",  # cut off at both ends
        "shall i book a tablethere",
        "five minutes",
    ],
)
def test_an_echo_is_told_by_its_text(text: str) -> None:
    assert says_again(text, SAID)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "...",
        "closest",  # one word of the agent's
        "five",
        "no the closest one",  # their own words before, or after
        "five minutes away is too far",
        "the closest one please",
        "three minutes",
        "is it five minutes by car",
        "book two rooms",
        "shall we go",
        "what restaurants are nearby",
    ],
)
def test_what_the_user_says_themselves_is_no_echo(text: str) -> None:
    assert not says_again(text, SAID)


def test_nothing_is_an_echo_of_silence() -> None:
    assert not says_again("the closest one", "")


SPOKEN = words(SAID)


@given(start=st.integers(0, len(SPOKEN) - 2), size=st.integers(2, len(SPOKEN)), shout=st.booleans())
def test_any_stretch_of_what_was_said_is_an_echo_and_a_stop_after_it_is_not(
    start: int, size: int, shout: bool
) -> None:
    stretch = " ".join(SPOKEN[start : start + size])
    text = stretch.upper() + "!" if shout else stretch
    assert says_again(text, SAID)
    assert not says_again(f"{text} stop", SAID)
    assert not says_again(f"wait {text}", SAID)


@given(text=st.text(max_size=60), said=st.text(max_size=120))
def test_any_text_can_be_compared(text: str, said: str) -> None:
    assert says_again(text, said) in (True, False)
