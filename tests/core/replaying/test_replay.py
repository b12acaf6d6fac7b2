"""A recorded call is the same call when it is held again, and says what is different where it is not."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from tests.core.replaying.conftest import Profiled, Record

from voicebot.call import hold_call
from voicebot.errors import EngineError
from voicebot.models import ModelStore
from voicebot.replaying import (
    Recording,
    StandIns,
    Taping,
    compare,
    lines,
    read_recording,
    replay_for_real,
    replay_recorded,
)
from voicebot.report import CallReport
from voicebot.testing import run_virtual


def as_text(log: object) -> str:
    return json.dumps(log)


def test_a_call_with_interruptions_is_the_same_twice_and_the_same_as_the_call(
    call: tuple[Path, CallReport], recording: Recording
) -> None:
    assert call[1].interruptions == 2
    first, second = replay_recorded(recording), replay_recorded(read_recording(call[0]))
    assert as_text(first.log) == as_text(second.log)
    assert as_text({**first.report, "process": 0}) == as_text({**second.report, "process": 0})
    comparison = compare(recording.log, first.log, first.missing)
    assert comparison.same
    assert comparison.difference is None
    assert first.missing == []
    for turn in comparison.as_dict()["turns"]:
        for hop, ms in turn["hops_ms"].items():
            assert ms["now"] == pytest.approx(ms["before"], abs=1.0), hop
    assert [one["interrupted"] for one in comparison.interruptions[1]].count(True) == 2


def test_another_process_replays_the_same_bytes(
    call: tuple[Path, CallReport], recording: Recording, tmp_path: Path
) -> None:
    """Neither plugins nor models are needed, and no order of a set decides anything."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("VOICEBOT_")}
    command = [sys.executable, "-m", "voicebot", "replay", str(call[0]), "--log", "log.jsonl", "--json", "-"]
    done = subprocess.run(
        command,
        cwd=tmp_path,
        env=environ | {"PYTHONHASHSEED": "7"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["same"]
    here = [json.dumps(event, ensure_ascii=False) for event in replay_recorded(recording).log]
    assert (tmp_path / "log.jsonl").read_text().splitlines() == here


def test_another_language_model_is_held_against_the_recorded_one(
    recording: Recording, profiled: Profiled
) -> None:
    other = profiled(
        "{use: scripted, replies: [One moment please., I do not know the weather.], ttft_ms: 300}"
    )
    stand = StandIns(other, ModelStore(base_dir=other.profile.base_dir), ["llm"], settings=False)
    replayed = replay_for_real(recording, stand, fast=True)
    comparison = compare(recording.log, replayed.log, replayed.missing)
    assert not comparison.same
    turns = [turn for turn in comparison.as_dict()["turns"] if turn["user"]["before"]]
    assert [turn["user"]["now"] for turn in turns] == [turn["user"]["before"] for turn in turns]
    assert [turn["agent"]["now"] for turn in turns][:2] == [
        "One moment please.",
        "I do not know the weather.",
    ]
    ttft_ms = turns[0]["hops_ms"]["llm_ttft"]
    assert ttft_ms["now"] - ttft_ms["before"] > 150
    # Nobody ever recorded the voice saying that: other words of it take as long.
    assert any("One moment please." in what for what in replayed.missing)
    assert turns[1]["heard"]["now"]


def test_other_settings_lead_elsewhere(recording: Recording) -> None:
    """With an agent that cannot be interrupted, the second answer is heard whole."""
    settings = recording.about.settings
    deaf = settings.interruption.model_copy(update={"enabled": False})
    replayed = replay_recorded(recording, settings.model_copy(update={"interruption": deaf}))
    comparison = compare(recording.log, replayed.log, replayed.missing)
    assert not comparison.same
    assert comparison.interruptions[1] == []
    whole = [turn["heard"] for turn in comparison.as_dict()["turns"] if "Tomorrow" in str(turn["agent"])]
    assert whole[0]["now"].endswith("Take a light coat with you.")
    assert len(whole[0]["before"]) < len(whole[0]["now"])


def test_what_is_not_in_the_recording_fails_as_an_engine_does(recording: Recording) -> None:
    kept = [one for one in recording.requests if not isinstance(one.asked, lines.Generate)]
    replayed = replay_recorded(replace(recording, requests=kept))
    assert any(what.startswith("llm: there is no recording of an answer to") for what in replayed.missing)
    failures = [event for event in replayed.log if event["name"] == "provider_failed"]
    assert {(event["kind"], event["plugin"]) for event in failures} == {("llm", "scripted")}


def test_failures_and_the_engine_that_stands_in_are_replayed(record: Record) -> None:
    chain = "[{use: scripted, fail_on_text: weather}, {use: scripted, replies: [It will rain.]}]"
    path, report = record(chain)
    assert [event.action for event in report.fallbacks] == ["next"]
    recording = read_recording(path)
    replayed = replay_recorded(recording)
    assert compare(recording.log, replayed.log).difference is None
    assert [event["name"] for event in replayed.log].count("fallback_event") == 1


def test_a_call_that_the_agent_ended_ends_again(record: Record) -> None:
    path, _ = record(more="access: {max_call_s: 6, wrap_up_s: 2}\n")
    recording = read_recording(path)
    assert recording.whole
    assert recording.ended_s is None
    replayed = replay_recorded(recording)
    assert compare(recording.log, replayed.log, replayed.missing).difference is None
    last = [event for event in replayed.log if event["name"] == "agent_turn_ended"][-1]
    assert last["heard_text"] == "Our time is up. Goodbye."


def test_a_call_that_an_engine_ended_ends_again(profiled: Profiled) -> None:
    resolved = profiled(vad="{use: scripted, fail_after_calls: 0}")
    folder = resolved.profile.base_dir
    taping = Taping(folder / "call.vbcall")
    with pytest.raises(EngineError, match="told to fail"):
        run_virtual(hold_call(resolved, ModelStore(base_dir=folder), taping=taping))
    recording = read_recording(taping.path)
    replayed = replay_recorded(recording)
    assert compare(recording.log, replayed.log).difference is None
    assert replayed.log[-1]["reason"] == "failed"
