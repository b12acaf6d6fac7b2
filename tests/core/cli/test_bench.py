"""`voicebot bench` with scripted engines; its calls' seconds pass on the virtual clock."""

from __future__ import annotations

import json
import signal
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from tests.support.running import PLUGINS, PROFILE

import voicebot.bench.corpus
import voicebot.bench.memory
import voicebot.watchdog
from voicebot.bench.progress import BenchProgress
from voicebot.bench.scenario import BENCH_RATE, Barge, BenchTurn, Scenario
from voicebot.cli import main
from voicebot.testing import tone

TURN = BenchTurn("t", "plain", "what time is it", tone(0.8), 0.0, 0.8, "tone")
SCENARIOS = [
    Scenario("plain-1", TURN),
    Scenario("plain 2/[x]", TURN),
    Scenario("cough-1", TURN, Barge("cough", "cough", "", tone(0.12), 0.0, 0.12, "tone", 0.5)),
]


@pytest.fixture(autouse=True)
def scripted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, Any]:
    """The scripted plugins, a short corpus, and no waiting; what the corpus was asked for."""
    asked: dict[str, Any] = {}

    def build(*, progress: Any, **values: Any) -> list[Scenario]:
        asked.update(values)
        progress(1, 1)
        return SCENARIOS

    monkeypatch.syspath_prepend(str(PLUGINS))
    # A process for each profile: tests/bench has one that is weighed.
    monkeypatch.setattr(voicebot.bench.memory, "engines_mb", lambda name, warmup_s: 100.0)
    monkeypatch.setattr(voicebot.bench.corpus, "build_scenarios", build)
    monkeypatch.setattr(voicebot.watchdog, "run", partial(voicebot.watchdog.run, virtual_clock=True))
    # How busy the machine is must not matter here.
    monkeypatch.setenv("VOICEBOT_SPECULATION__MIN_IDLE", "0")
    # What the recogniser makes of three turns, and of the cough.
    monkeypatch.setenv("VOICEBOT_STT__TEXTS", json.dumps([*["What time is it?"] * 3, ""]))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return asked


def turns(*arguments: str | Path, profile: Path = PROFILE) -> int:
    return main(["bench", "turns", "--profile", str(profile), *map(str, arguments)])


def test_a_run_prints_a_table_and_writes_its_report_and_recordings(
    scripted: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report_file, kept = tmp_path / "run.json", tmp_path / "kept"
    assert turns("--json", report_file, "--keep", kept, "--seed", "7", "--turns", "3") == 0
    printed = capsys.readouterr()
    assert "voice to voice, median / p90 / p99 (ms)" in printed.out
    assert "seed 7" in printed.out
    assert "3/3  scripted  cough-1" in printed.err
    assert (scripted["seed"], scripted["size"]) == (7, 3)
    assert scripted["cache_dir"].name == "bench"

    report = json.loads(report_file.read_text())
    assert (report["profile"], report["seed"], report["partial"]) == ("scripted", 7, False)
    assert {"cpu", "cores", "python"} <= set(report["machine"])
    assert [turn["name"] for turn in report["turns"]] == [scenario.name for scenario in SCENARIOS]
    median = report["summary"]["voice_to_voice_median_ms"]
    assert median == pytest.approx(
        float(np.median([t["voice_to_voice_ms"] for t in report["turns"]])), abs=0.06
    )
    assert report["summary"]["cut_off_rate"] == 0
    assert report["summary"]["false_interruption_rate"] == 0
    assert report["turns"][2]["barge"]["all_resumed"]

    names = {"plain-1.scripted", "plain-2-x-.scripted", "cough-1.scripted"}
    assert {path.stem for path in kept.glob("*.wav")} == {path.stem for path in kept.glob("*.json")} == names
    audio, rate = soundfile.read(kept / "plain-1.scripted.wav", dtype="int16")
    assert rate == BENCH_RATE
    happened = json.loads((kept / "plain-1.scripted.json").read_text())
    agent = np.flatnonzero(np.abs(audio[:, 1].astype(int)) > 327)
    heard_ms = (int(agent[0]) / rate - happened["truth"]["turn_speech_end_s"]) * 1000
    assert heard_ms == pytest.approx(report["turns"][0]["voice_to_voice_ms"], abs=0.1)
    assert "agent_turn_started" in [event["name"] for event in happened["events"]]


def test_two_profiles_are_compared_on_the_same_calls(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    slow = tmp_path / "slow.yaml"
    slow.write_text(f"extends: {PROFILE}\nturn:\n  use: silence\n  delay_ms: 900\n")
    assert turns("--against", slow, "--json", "-") == 0
    report = json.loads(capsys.readouterr().out)
    assert report["against"]["profile"] == "slow"
    assert len(report["turns"]) == len(report["against"]["turns"]) == 3
    latency = report["compared"]["latency_ms"]
    assert latency["voice_to_voice"]["ratio"]["n"] == 3
    assert latency["voice_to_voice"]["ratio"]["value"] < 1
    assert latency["end_of_turn"]["difference"]["value"] == pytest.approx(-600, abs=40)
    assert turns("--against", slow, "--quiet") == 0
    printed = capsys.readouterr()
    assert "of slow's voice to voice (median of 3 pairs" in printed.out
    assert printed.err == ""


def test_a_median_over_the_budget_is_exit_code_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("VOICEBOT_BUDGET__VOICE_TO_VOICE", "50")
    assert turns("--only", "cough") == 1
    assert "over its budget of 50 ms; guilty: end_of_turn" in capsys.readouterr().out
    assert turns("--only", "cough", "--no-budget") == 0
    assert "budget" not in capsys.readouterr().out


def test_where_nothing_could_be_measured_that_is_exit_code_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("VOICEBOT_LLM__FAIL_ON_TEXT", "?")
    monkeypatch.setenv("VOICEBOT_STT__TEXTS", '["why?"]')
    assert turns("--only", "cough") == 1
    out = capsys.readouterr().out
    assert "× llm scripted: told to fail" in out
    assert "scripted: 1 calls without a whole measurement: unheard" in out
    assert "nan" not in out.lower()


def test_ctrl_c_leaves_what_was_measured(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(self: BenchProgress, contestant: object, result: object) -> None:
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(BenchProgress, "held", interrupt)
    report_file = tmp_path / "run.json"
    # A job in the background is started with the signal ignored, and so are these tests where they run in one.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        assert turns("--json", report_file) == 130
    finally:
        signal.signal(signal.SIGINT, before)
    report = json.loads(report_file.read_text())
    assert report["partial"]
    assert len(report["turns"]) == 1
    assert "PARTIAL" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--only", "noise"], "None of the 3 calls is of the kind noise"),
        (["--json", "missing/run.json"], "there is no folder missing"),
        (["--plot", "run.txt"], "no suffix of a picture"),
        (["--against", "nowhere.yaml"], "nowhere.yaml"),
        (["--turns", "0"], "0 is not in the range"),
        (["--only", "sneeze"], "'sneeze' is not one of"),
    ],
)
def test_a_user_s_mistake_is_told_before_a_call_is_held(
    arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert turns(*arguments) == 2
    printed = capsys.readouterr()
    assert says in printed.err
    assert "Traceback" not in printed.err
    assert "voice to voice" not in printed.out


def test_a_report_s_curve_is_drawn(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("matplotlib")
    report_file, picture = tmp_path / "run.json", tmp_path / "curve.svg"
    assert turns("--quiet", "--json", report_file, "--plot", tmp_path / "run.png") == 0
    assert (tmp_path / "run.png").stat().st_size > 1000
    assert main(["bench", "curve", str(report_file), "--plot", str(picture)]) == 0
    text = picture.read_text()
    assert "smart, speculating (replayed from run, scripted)" in text
    assert "run, scripted, measured" in text


def test_what_is_no_report_has_no_curve(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("matplotlib")
    file = tmp_path / "run.json"
    file.write_text("[]")
    assert main(["bench", "curve", str(file), "--plot", str(tmp_path / "curve.svg")]) == 2
    assert "is not a report of the bench: it names no profile" in capsys.readouterr().err
    file.write_text('{"profile": "p", "turns": []}')
    assert main(["bench", "curve", str(file), "--plot", str(tmp_path / "curve.svg")]) == 2
    assert "no answered turn with a judged pause" in capsys.readouterr().err


def test_help_teaches(capsys: pytest.CaptureFixture[str]) -> None:
    for command in (["bench"], ["bench", "turns"], ["bench", "curve"]):
        assert main([*command, "--help"]) == 0
        text = capsys.readouterr().out
        assert "Examples:" in text
        assert "voicebot bench" in text
