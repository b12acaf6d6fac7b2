"""The matrix of engines: what is not ok is never shown as ok."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bench.engines import calls, choices, matrix
from bench.engines.calls import QUESTION, Held, Outcome, judge
from bench.engines.choices import Choice
from bench.engines.facts import facts
from bench.engines.page import cell
from bench.engines.servers import SERVERS, Server
from bench.engines.tables import table
from click.testing import CliRunner, Result
from tests.support.running import PLUGINS, PROFILE

from voicebot.audio import AudioChunk
from voicebot.models import ModelStore

PAGE = Path(__file__).parents[2] / "docs" / "engines.md"
ANSWER = "The capital of France is Paris."
SOUND = AudioChunk(np.full(2_400, 5_000, np.int16), 24_000)


def outcome(ear: str = ANSWER, code: int = 0, said: str = "", **changes: Any) -> Outcome:
    """Of a good call with some changes; those of the turn begin with `turn_`."""
    turn = {
        "turn": 1,
        "user_text": QUESTION,
        "heard_text": ANSWER,
        "ended": "finished",
        "voice_to_voice_ms": 412.3,
        "hops_ms": {"llm_ttft": 100.0},
    }
    report = {"turns": [turn], "errors": [], "queues": {"mic": {"dropped": 0}, "speech": {"dropped": 0}}}
    for name, value in changes.items():
        if name.startswith("turn_"):
            turn[name.removeprefix("turn_")] = value
        else:
            report[name] = value
    return judge(Held(code, said, report, SOUND), lambda audio: ear)


def shown(found: Outcome) -> str:
    return cell(vars_of(found))


def vars_of(found: Outcome) -> dict[str, Any]:
    return {name: getattr(found, name) for name in ("status", "reason", "voice_to_voice_ms", "dropped")}


def test_a_good_call_is_ok() -> None:
    assert shown(outcome()) == "ok 412 ms"
    assert shown(outcome("the capitol of France is Paris")) == "ok 412 ms"
    dropping = {"mic": {"dropped": 2}, "speech": {"dropped": 1}, "observers": {"dropped": 9}}
    assert shown(outcome(queues=dropping)) == "ok 412 ms, 3 dropped"


ERROR = {"kind": "llm", "plugin": "stub", "message": "It said no.\nAnd more."}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        (
            {"turn_user_text": "What is the capitol of France?"},
            "it understood 'What is the capitol of France?'",
        ),
        ({"turn_user_text": ""}, "it understood ''"),
        ({"turns": []}, "no question was noticed"),
        ({"turn_ended": "interrupted"}, "the answer was interrupted"),
        ({"turn_heard_text": ""}, "the answer was empty"),
        ({"turn_voice_to_voice_ms": None}, "nothing audible was sent"),
        ({"errors": [ERROR]}, "llm: stub: It said no."),
        ({"code": 1, "said": "Error: no.\n  A hint."}, "no."),
        ({"code": 1}, "exit code 1, and no word of why"),
        ({"said": "Traceback (most recent call last):\n  …\nOops: no\n"}, "a traceback: Oops: no"),
        ({"ear": ""}, f"it said {ANSWER!r}, and what was heard is ''"),
        ({"ear": "I am sorry, I did not get that."}, "it said"),
    ],
)
def test_anything_else_has_failed(changes: dict[str, Any], reason: str) -> None:
    found = outcome(**changes)
    assert found.status == "failed"
    assert reason in shown(found)
    assert "ok" not in shown(found).split()


def test_a_question_in_two_turns_has_failed() -> None:
    turn: dict[str, Any] = {
        "heard_text": "",
        "ended": "interrupted",
        "voice_to_voice_ms": None,
        "hops_ms": {},
    }
    halves = [
        {**turn, "turn": 1, "user_text": "What is the capital"},
        {**turn, "turn": 2, "user_text": "of France?"},
    ]
    assert outcome(turns=halves).reason == "the question became 2 turns"


def test_a_call_without_a_report_has_failed() -> None:
    found = judge(Held(2, "Error: the model is gone.\n  Fetch it.", None, None), lambda audio: ANSWER)
    assert cell(vars_of(found)) == "**failed**: the model is gone."
    assert judge(Held(-9, "", None, None), lambda audio: ANSWER).reason == "exit code -9, and no report"


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Result]:
    """The command over scripted engines, a language model that is never reached, and a voice that nobody has."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(PLUGINS), os.environ.get("PYTHONPATH", "")]))
    monkeypatch.syspath_prepend(str(PLUGINS))
    scripted = (
        Choice("stt", "scripted", {"texts": [QUESTION]}),
        Choice("turn", "silence"),
        Choice("llm", "scripted", {"replies": [ANSWER]}),
        Choice("llm", "openai", {"base_url": "http://127.0.0.1:1/v1", "model": "m"}),
        Choice("tts", "scripted"),
        Choice("tts", "nowhere"),
    )
    monkeypatch.setattr(choices, "CHOICES", scripted)
    monkeypatch.setattr(matrix, "BASE", PROFILE)
    monkeypatch.setattr(matrix, "Ear", DeafEar)
    monkeypatch.setattr(calls, "COMMAND", (*calls.COMMAND, "--fast"))

    def invoke(*arguments: str) -> Result:
        files = ["--json", str(tmp_path / "m.json"), "--markdown", str(tmp_path / "m.md")]
        return CliRunner().invoke(matrix.main, [*files, *arguments])

    return invoke


class DeafEar:
    """Takes the scripted voice's hum for the answer."""

    def __init__(self, store: ModelStore) -> None:
        pass

    def __call__(self, audio: AudioChunk) -> str:
        return ANSWER if np.abs(audio.samples.astype(np.int32)).max() > 1_000 else ""

    def close(self) -> None:
        pass


def test_the_command_shows_what_failed_and_what_is_not_here(
    run: Callable[..., Result], tmp_path: Path
) -> None:
    result = run()
    assert result.exit_code == 1, result.output
    rows = json.loads((tmp_path / "m.json").read_text())["calls"]
    assert [(row["llm"], row["tts"], row["status"]) for row in rows] == [
        ("scripted", "scripted", "ok"),
        ("scripted", "nowhere", "not here"),
        ("openai", "scripted", "failed"),
        ("openai", "nowhere", "not here"),
    ]
    [line] = [
        line for line in (tmp_path / "m.md").read_text().splitlines() if line.startswith("| scripted ·")
    ]
    cells = line.split(" | ")[1:]
    assert cells[0] == f"ok {rows[0]['voice_to_voice_ms']:.0f} ms"
    assert cells[1].startswith("not here: tts: nowhere: there is no tts plugin 'nowhere'")
    assert cells[2].startswith("**failed**: the llm plugin 'openai'")


def test_the_command_succeeds_where_all_is_well(run: Callable[..., Result], tmp_path: Path) -> None:
    result = run("--only", "llm=scripted", "--only", "tts=scripted", "--keep", str(tmp_path / "kept"))
    assert result.exit_code == 0, result.output
    assert "1/1  scripted      silence       scripted      scripted      ok " in result.output
    [place] = (tmp_path / "kept").iterdir()
    assert {file.name for file in place.iterdir()} == {"agent.yaml", "answer.wav", "report.json"}


def test_nothing_held_is_no_success(run: Callable[..., Result]) -> None:
    result = run("--only", "tts=nowhere")
    assert result.exit_code == 1
    assert "not here" in result.output


def test_an_unknown_engine_is_a_mistake(run: Callable[..., Result]) -> None:
    result = run("--only", "tts=espeek")
    assert result.exit_code == 2
    assert "'tts=espeek' is none of stt=scripted, turn=silence" in result.output


def test_a_server_that_does_not_start_fails_its_calls_only(
    run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def broken(store: ModelStore) -> Any:
        raise OSError("no room")

    monkeypatch.setitem(SERVERS, "opentts", Server("broken", broken))
    served = Choice("tts", "opentts", {"base_url": "{address}"}, server="opentts")
    monkeypatch.setattr(choices, "CHOICES", (*choices.CHOICES, served))
    result = run("--only", "llm=scripted", "--only", "tts=opentts", "--only", "tts=scripted")
    assert result.exit_code == 1
    rows = json.loads((tmp_path / "m.json").read_text())["calls"]
    reasons = {row["tts"]: row["reason"] for row in rows}
    assert reasons == {
        "scripted": "",
        "opentts": "tts: opentts: its server did not start: OSError: no room",
    }


def test_a_cell_may_hold_anything() -> None:
    assert table(("a", "b"), [("x|y\nz", "")], numbers=(1,)) == "| a | b |\n| --- | --: |\n| x\\|y z |  |"


def test_the_page_is_current() -> None:
    """If this fails: python -m bench.engines.facts docs/engines.md"""
    assert PAGE.read_text(encoding="utf-8").endswith(facts())
