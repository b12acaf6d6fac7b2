"""What is different between two logs of a call, and what only seems to be."""

from __future__ import annotations

from typing import Any

import pytest

from voicebot.replaying.comparing import compare, first_difference, word_runs


def measured(number: int, ended_ms: float, **texts: str) -> dict[str, Any]:
    report = {
        "user_text": texts.get("user", "hello"),
        "agent_text": texts.get("agent", "Hi."),
        "heard_text": texts.get("heard", "Hi."),
        "ended": texts.get("ended", "finished"),
        "hops_ms": {"llm_ttft": 100.0},
        "voice_to_voice_ms": 500.0,
        "timeline_ms": {"speech_ended": ended_ms},
    }
    return {"name": "turn_measured", "at_s": ended_ms / 1000, "turn_id": number, "report": report}


@pytest.mark.parametrize(
    ("before", "now", "runs"),
    [
        ("a b c", "a b c", [("both", "a b c")]),
        ("a b c", "a x c", [("both", "a"), ("before", "b"), ("now", "x"), ("both", "c")]),
        ("", "a", [("now", "a")]),
        ("a", "", [("before", "a")]),
        ("", "", []),
    ],
)
def test_words_are_compared(before: str, now: str, runs: list[tuple[str, str]]) -> None:
    assert [(run.of, run.text) for run in word_runs(before, now)] == runs


def test_turns_are_matched_by_when_the_user_had_finished() -> None:
    """The agent cut in: what was the first turn are two, and the numbers are others."""
    before = [measured(1, 3_000, user="hello there"), measured(2, 9_000, user="bye")]
    now = [measured(1, 1_000, user="hello"), measured(2, 3_010, user="there"), measured(3, 9_000, user="bye")]
    pairs = compare(before, now).turns
    numbers = [(pair.before and pair.before.number, pair.now and pair.now.number) for pair in pairs]
    assert numbers == [(None, 1), (1, 2), (2, 3)]
    assert [pair.same for pair in pairs] == [False, False, True]


@pytest.mark.parametrize("text", ["user", "agent", "heard", "ended"])
def test_another_text_is_another_conversation(text: str) -> None:
    assert compare([measured(1, 100)], [measured(1, 100)]).same
    assert not compare([measured(1, 100)], [measured(1, 100, **{text: "interrupted"})]).same


def test_other_times_are_the_same_conversation() -> None:
    before, now = [measured(1, 100)], [measured(1, 180)]
    now[0]["report"]["hops_ms"]["llm_ttft"] = 900.0
    comparison = compare(before, now)
    assert comparison.same
    assert comparison.difference is None
    assert comparison.as_dict()["turns"][0]["hops_ms"]["llm_ttft"] == {"before": 100.0, "now": 900.0}


def test_an_interruption_that_was_none_is_another_conversation() -> None:
    judged = {"name": "interruption_judged", "at_s": 1.0, "turn_id": 1, "why": "words", "text": "wait"}
    before, now = [{**judged, "interrupted": True}], [{**judged, "interrupted": False}]
    comparison = compare(before, now)
    assert not comparison.same
    assert comparison.difference == (before[0], now[0])


def test_a_log_that_ends_sooner_differs_there() -> None:
    log = [measured(1, 100), measured(2, 200)]
    assert first_difference(log, log[:1]) == (log[1], None)
    assert first_difference(log, log) is None
