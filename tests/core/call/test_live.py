"""What a call prints."""

from __future__ import annotations

from typing import Any

import pytest

from voicebot.cli.live import LiveView
from voicebot.cli.waterfall import WIDTH, waterfall
from voicebot.events import (
    AgentClause,
    AgentTurnEnded,
    CallEnded,
    Event,
    ProviderFailed,
    QueueOverflowed,
    StateChanged,
    TurnHeard,
    TurnMeasured,
    UserTranscript,
)
from voicebot.report import TurnRecord
from voicebot.settings import BudgetSettings
from voicebot.timeline import Budget, Timeline


def measured(**budget: float) -> dict[str, Any]:
    timeline = Timeline()
    for name, at_s in (
        ("speech_ended", 1.0),
        ("committed", 1.4),
        ("stt_requested", 1.4),
        ("stt_final", 1.5),
        ("llm_requested", 1.5),
        ("llm_first_token", 1.7),
        ("first_clause", 1.7),
        ("tts_requested", 1.7),
        ("tts_first_audio", 1.8),
        ("first_audible", 1.8),
    ):
        timeline.stamp(name, at_s)  # type: ignore[arg-type]
    record = TurnRecord(1, timeline=timeline, verdict=Budget(BudgetSettings(**budget)).judge(timeline))
    return record.as_dict(0.0)


def test_each_bar_is_where_its_hop_was() -> None:
    lines = waterfall(measured())
    assert [line.split()[0] for line in lines[:-1]] == [
        "end_of_turn",
        "stt_final",
        "llm_ttft",
        "first_clause",
        "tts_ttfa",
        "orchestration",
    ]
    bars = [line[line.index("|") + 1 : -1] for line in lines]
    assert {len(bar) for bar in bars} == {WIDTH}
    assert bars[0] == "#" * 20 + " " * 20  # 400 of 800 ms
    assert bars[2] == " " * 25 + "#" * 10 + " " * 5
    assert "800 ms" in lines[-1]


def test_a_turn_over_budget_names_the_hop() -> None:
    lines = waterfall(measured(end_of_turn=500, llm_ttft=50, voice_to_voice=700))
    assert [" ! " in line for line in lines] == [False, False, True, False, False, False, True, False]
    assert lines[-1] == "  over budget: llm_ttft is to blame"


def test_a_turn_that_was_not_heard_has_no_waterfall() -> None:
    assert waterfall(TurnRecord(1).as_dict(0.0)) == []


def test_a_log_has_what_is_final(capsys: pytest.CaptureFixture[str]) -> None:
    with LiveView() as view:
        for event in (
            StateChanged(0, "listening"),
            UserTranscript(1, 1, "what", final=False),
            UserTranscript(2, 1, "What time is it?", final=True),
            AgentClause(3, 1, "It is four."),
            AgentTurnEnded(4, 1, "It is four.", "It is", "interrupted"),
            TurnMeasured(4, 1, measured()),
            ProviderFailed(5, "tts", "piper", "voicebot-kit 1", "lost"),
            QueueOverflowed(6, "mic", 3),
        ):
            view.show(event)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "user   What time is it?"
    assert lines[1] == "agent  It is four."
    assert lines[2] == "       (interrupted; heard: It is)"
    assert "end_of_turn" in lines[3]
    assert lines[-2:] == [
        "error: tts plugin 'piper' of voicebot-kit 1: lost",
        "queue mic overflowed: 3 dropped",
    ]


def shown(capsys: pytest.CaptureFixture[str], *events: tuple[str, Event], several: bool = False) -> list[str]:
    with LiveView(several=several) as view:
        for call_id, event in events:
            view.show(event, call_id)
    return capsys.readouterr().out.splitlines()


HEARD = "  heard              912 ms"


def test_what_was_heard_is_among_the_turns_lines(capsys: pytest.CaptureFixture[str]) -> None:
    report = measured() | {"heard_voice_to_voice_ms": 912.4}
    lines = shown(capsys, ("ab12", TurnHeard(3, 1, 912.4)), ("ab12", TurnMeasured(4, 1, report)))
    assert lines[-1] == HEARD
    assert lines.count(HEARD) == 1


def test_what_was_heard_later_is_a_line_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    lines = shown(
        capsys,
        ("ab12", TurnMeasured(4, 1, measured())),
        ("ab12", TurnHeard(5, 1, 912.4)),
        ("ab12", TurnHeard(6, 2, 900.0)),
        ("ab12", CallEnded(7, "hung_up")),
        # A new call counts from the start.
        ("cd34", TurnHeard(8, 1, 800.0)),
    )
    assert [line for line in lines if "heard" in line] == [HEARD]


def test_calls_at_the_same_time_are_told_apart(capsys: pytest.CaptureFixture[str]) -> None:
    lines = shown(
        capsys,
        ("ab12cd34", UserTranscript(2, 1, "What time is it?", final=True)),
        ("ef56ab78", AgentClause(3, 1, "Good morning.")),
        ("ab12cd34", TurnMeasured(4, 1, measured())),
        several=True,
    )
    assert lines[:2] == ["ab12  user   What time is it?", "ef56  agent  Good morning."]
    assert all(line.startswith("ab12    ") for line in lines[2:])


def test_a_line_of_no_call_has_no_calls_mark(capsys: pytest.CaptureFixture[str]) -> None:
    with LiveView(several=True) as view:
        view.show(AgentClause(3, 1, "Good morning."), "ef56ab78")
        view.tell("Open http://127.0.0.1:8080/ and talk.")
    assert capsys.readouterr().out.splitlines()[-1] == "Open http://127.0.0.1:8080/ and talk."


def test_quiet_is_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    with LiveView(quiet=True) as view:
        view.show(UserTranscript(2, 1, "What time is it?", final=True))
    assert capsys.readouterr().out == ""
