"""What fails and what passes, of calls made by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
from tests.bench.calls import call, calls, cough, report

SPREAD = [float(ms) for ms in np.random.default_rng(5).normal(400, 40, 20)]


def slower(by: float, times: float = 1.0) -> list[float]:
    return [ms * times + by for ms in SPREAD]


def breaches(made: dict[str, Any]) -> list[tuple[str, str, str]]:
    return [(each["rule"], each["name"], each["guilty"]) for each in made["verdict"]["breaches"]]


def test_medians_within_the_budget_pass() -> None:
    made = report(calls(SPREAD), budget_ms={"voice_to_voice": 500, "llm_ttft": 150})
    assert breaches(made) == []


def test_the_hop_furthest_over_its_own_budget_is_guilty() -> None:
    budget = {"voice_to_voice": 900, "end_of_turn": 290, "llm_ttft": 150}
    made = report(calls(slower(600), llm_ms=720), budget_ms=budget)
    assert set(breaches(made)) == {
        ("budget", "voice_to_voice", "llm_ttft"),
        ("budget", "llm_ttft", "llm_ttft"),
        ("budget", "end_of_turn", "end_of_turn"),
    }


def test_where_no_hop_has_a_budget_the_longest_is_guilty() -> None:
    made = report(calls(SPREAD), budget_ms={"voice_to_voice": 100})
    assert breaches(made) == [("budget", "voice_to_voice", "end_of_turn")]


def test_one_slow_call_is_not_over_budget_where_the_median_is_within_it() -> None:
    made = report(calls([*SPREAD, 9000]), budget_ms={"voice_to_voice": 500})
    assert breaches(made) == []


def test_a_profile_that_takes_surely_longer_fails_and_the_slower_hop_is_guilty() -> None:
    made = report(calls(slower(600), llm_ms=720), calls(SPREAD), fail_over=1.1)
    assert breaches(made) == [("regression", "voice_to_voice", "llm_ttft")]
    assert "guilty: llm_ttft, +600 (+600 to +600) ms" in made["verdict"]["breaches"][0]["says"]


def test_a_profile_that_takes_as_long_or_a_little_longer_passes() -> None:
    assert breaches(report(calls(SPREAD), calls(SPREAD), fail_over=1.1)) == []
    assert breaches(report(calls(slower(0, 1.05)), calls(SPREAD), fail_over=1.1)) == []
    # Without the option, nothing is compared for the verdict.
    assert breaches(report(calls(slower(600)), calls(SPREAD))) == []


def test_what_may_be_chance_is_a_doubt_and_passes() -> None:
    noisy = [ms * (1.3 if number < 11 else 0.9) for number, ms in enumerate(SPREAD)]
    made = report(calls(noisy), calls(SPREAD), fail_over=1.1)
    assert made["compared"]["latency_ms"]["voice_to_voice"]["ratio"]["value"] > 1.1
    assert breaches(made) == []
    assert "hold more calls" in made["verdict"]["doubts"][0]


def test_what_cannot_be_judged_does_not_pass() -> None:
    few = report(calls(SPREAD[:4]), calls(SPREAD[:4]), fail_over=1.1)
    assert breaches(few) == [("regression", "voice_to_voice", "")]
    assert "4 of the calls were answered by both" in few["verdict"]["breaches"][0]["says"]
    mute = report(calls([None] * 9), calls(SPREAD[:9]), fail_over=1.1)
    assert ("measured", "voice_to_voice", "") in breaches(mute)
    assert ("regression", "voice_to_voice", "") in breaches(mute)
    assert ("rate", "unanswered", "") in breaches(mute)


def test_a_gain_in_latency_that_was_bought_with_cut_offs_fails() -> None:
    hasty = [
        call(number, ms / 2, cut_off=number < 8, hops_ms={"end_of_turn": 100.0})
        for number, ms in enumerate(SPREAD)
    ]
    made = report(hasty, calls(SPREAD), fail_over=1.1)
    assert breaches(made) == [("rate", "cut_off", "")]
    assert "+40.0" in made["verdict"]["breaches"][0]["says"]


def test_more_words_misheard_and_more_answers_ended_by_coughs_fail() -> None:
    worse = [call(n, ms, word_errors=n % 2, barge=cough(ended=n % 3 == 0)) for n, ms in enumerate(SPREAD)]
    better = [call(n, ms, word_errors=0, barge=cough(ended=False)) for n, ms in enumerate(SPREAD)]
    assert breaches(report(worse, better, fail_over=1.1)) == [
        ("rate", "false_interruption", ""),
        ("rate", "wer", ""),
    ]
    assert breaches(report(better, worse, fail_over=1.1)) == []


def test_turns_with_long_pauses_and_calls_that_broke_down_are_no_cut_offs() -> None:
    odd = [call(0, None, cut_off=True, has_long_pause=True), call(1, None, fault="stt x: gone"), call(2)]
    rates = report(odd)["compared"]["rates"]
    assert (rates["cut_off"]["profile"]["value"], rates["cut_off"]["profile"]["n"]) == (0, 1)
    assert rates["unanswered"]["profile"]["value"] == round(1 / 3, 4)
