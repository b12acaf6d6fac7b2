"""Hops, what is left between them, and the budget's verdict."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.settings import BudgetSettings
from voicebot.timeline import HOPS, STAMPS, Budget, BudgetVerdict, Stamp, Timeline

SERIAL: dict[Stamp, float] = {
    "speech_ended": 10.0,
    "committed": 10.4,
    "stt_requested": 10.4,
    "stt_final": 10.5,
    "llm_requested": 10.51,
    "llm_first_token": 10.71,
    "first_clause": 10.8,
    "tts_requested": 10.8,
    "tts_first_audio": 10.95,
    "first_audible": 10.97,
    "llm_finished": 11.5,
    "playout_finished": 13.0,
}


def timeline(stamps: dict[Stamp, float]) -> Timeline:
    made = Timeline()
    for name, at_s in stamps.items():
        made.stamp(name, at_s)
    return made


def budget(**limits: float | None) -> Budget:
    return Budget(BudgetSettings.model_validate({"end_of_turn": None, **limits}))


def test_a_serial_turn_adds_up() -> None:
    turn = timeline(SERIAL)
    hops = turn.hops_ms()
    assert hops == {
        "end_of_turn": pytest.approx(400),
        "stt_final": pytest.approx(100),
        "llm_ttft": pytest.approx(200),
        "first_clause": pytest.approx(90),
        "tts_ttfa": pytest.approx(150),
        "orchestration": pytest.approx(30),
    }
    assert turn.voice_to_voice_ms == pytest.approx(970)
    assert sum(hops.values()) == pytest.approx(970)


def test_what_is_done_during_the_wait_is_counted_once() -> None:
    speculative = {**SERIAL, "committed": 10.9}
    assert timeline(speculative).hops_ms()["orchestration"] == pytest.approx(20)


def test_the_first_stamp_counts() -> None:
    turn = timeline(SERIAL)
    turn.stamp("first_audible", 99.0)
    assert turn.at("first_audible") == 10.97
    assert turn.at("committed") == 10.4
    assert Timeline().at("committed") is None


def test_a_turn_that_was_never_heard_has_no_total() -> None:
    turn = timeline({"speech_ended": 1.0, "committed": 1.5})
    assert turn.voice_to_voice_ms is None
    assert turn.hops_ms() == {"end_of_turn": pytest.approx(500)}
    assert Timeline().hops_ms() == {}


def test_stamps_in_order_since_the_origin() -> None:
    turn = timeline(dict(reversed(SERIAL.items())))
    stamps = turn.stamps_ms(10.0)
    assert list(stamps) == list(STAMPS)
    assert stamps["speech_ended"] == 0
    assert stamps["playout_finished"] == pytest.approx(3000)


_grid = st.integers(0, 40)


@given(st.dictionaries(st.sampled_from(STAMPS), _grid), _grid, st.integers(0, 40))
def test_orchestration_is_what_no_hop_covers(stamps: dict[Stamp, int], begin: int, length: int) -> None:
    """Against a count of whole seconds; hops may lie anywhere, overlap, and run backwards."""
    end = begin + length
    turn = timeline({**stamps, "speech_ended": begin, "first_audible": end})
    covered: set[int] = set()
    for first, last in HOPS.values():
        a, b = turn.at(first), turn.at(last)
        if a is not None and b is not None:
            covered |= set(range(int(a), int(b)))
    orchestration = turn.hops_ms()["orchestration"]
    assert orchestration == pytest.approx(1000 * len(set(range(begin, end)) - covered))
    assert 0 <= orchestration <= length * 1000


def test_within_budget() -> None:
    verdict = budget(voice_to_voice=1000, llm_ttft=250).judge(timeline(SERIAL))
    assert verdict == BudgetVerdict(True, {}, "")
    assert verdict.as_dict() == {"within": True, "guilty": "", "over_ms": {}}


def test_the_hop_furthest_over_is_guilty() -> None:
    verdict = budget(stt_final=90, llm_ttft=150, voice_to_voice=600).judge(timeline(SERIAL))
    assert not verdict.within
    assert verdict.guilty == "llm_ttft"
    assert verdict.as_dict()["over_ms"] == {"stt_final": 10, "llm_ttft": 50, "voice_to_voice": 370}


def test_where_only_the_total_is_over_the_longest_hop_is_guilty() -> None:
    verdict = budget(voice_to_voice=900).judge(timeline(SERIAL))
    assert (verdict.guilty, list(verdict.over_ms)) == ("end_of_turn", ["voice_to_voice"])


def test_a_hop_that_was_not_passed_is_not_judged() -> None:
    assert budget(llm_ttft=1, voice_to_voice=1).judge(timeline({"speech_ended": 1.0})).within
