"""`voicebot call` as a process, with outside plugins that behave and that do not."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from tests.core.conftest import MakeDistribution

GOOD = """
    from voicebot.testing import *

    class Vad(LoudnessVAD):
        pass

    class Stt(ScriptedSTT):
        def __init__(self, config, context):
            super().__init__([f"question {n}" for n in range(1, 9)])

    class Turn(ScriptedTurn):
        def __init__(self, config, context):
            super().__init__(300)

    class Llm(ScriptedLLM):
        def __init__(self, config, context):
            super().__init__([f"Answer {n}." for n in range(1, 9)])

    class Tts(ScriptedTTS):
        def __init__(self, config, context):
            super().__init__()
"""

WATCHER = """
    from pathlib import Path
    from voicebot.hooks import hookimpl

    class Watcher:
        @hookimpl
        def voicebot_call_started(self, call_id, profile_name):
            Path("watched.txt").write_text(f"started {profile_name}\\n")

        @hookimpl
        def voicebot_event(self, event):
            with Path("watched.txt").open("a") as file:
                file.write(f"{type(event).__name__}\\n")

        @hookimpl
        def voicebot_call_ended(self, report):
            with Path("watched.txt").open("a") as file:
                file.write(f"ended after {len(report['turns'])} turns\\n")
            if report["turns"]:
                raise RuntimeError("a hook's fault")
"""

BAD = {
    "import_error": "raise RuntimeError('no licence')",
    "thread_hangs": """
        import asyncio, time
        from outside_good import Tts as Base
        class Tts(Base):
            async def warmup(self):
                await asyncio.to_thread(time.sleep, 3600)
    """,
    "loop_hangs": """
        import time
        from outside_good import Tts as Base
        class Tts(Base):
            async def warmup(self):
                time.sleep(3600)
    """,
    "raises_in_turn": """
        from outside_good import Tts as Base
        class Tts(Base):
            async def synthesize(self, text):
                if "one" in text:
                    raise RuntimeError("vocoder lost")
                async for event in super().synthesize(text):
                    yield event
    """,
    "logs": """
        import asyncio, logging
        from outside_good import Tts as Base
        class Tts(Base):
            async def synthesize(self, text):
                await asyncio.to_thread(logging.getLogger("outside").warning, text)
                async for event in super().synthesize(text):
                    yield event
    """,
}

PROFILE = """
vad: good
stt: good
turn: good
llm: good
tts: {tts}
transport: {{use: wav, input: in.wav, output: out.wav}}
deadlines: {{warmup_s: 1}}
speculation: {{enabled: false}}  # a guess that is discarded would use up a scripted answer
"""


@pytest.fixture
def run_call(make_distribution: MakeDistribution, tmp_path: Path):  # type: ignore[no-untyped-def]
    """Runs a call of two questions with the given TTS plugin."""
    kinds = ("vad", "stt", "turn", "llm", "tts")
    groups = {f"voicebot.{kind}": {"good": f"outside_good:{kind.title()}"} for kind in kinds}
    groups["voicebot.hooks"] = {"watcher": "outside_watcher:Watcher"}
    sites = [make_distribution("outside-good", groups, {"outside_good": GOOD, "outside_watcher": WATCHER})]
    for name, source in BAD.items():
        module = f"outside_{name}"
        sites.append(
            make_distribution(
                f"outside-{name.replace('_', '-')}",
                {"voicebot.tts": {name: f"{module}:Tts"}},
                {module: source},
                version="2.5",
            )
        )
    rate = 16_000
    speech = np.sin(np.arange(rate) * 0.2) * 0.3
    quiet = np.zeros(2 * rate)
    soundfile.write(tmp_path / "in.wav", np.concatenate([quiet, speech, quiet, speech, quiet]), rate)

    def run(tts: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        (tmp_path / "agent.yaml").write_text(PROFILE.format(tts=tts))
        command = [
            sys.executable,
            "-m",
            "voicebot",
            "call",
            "-p",
            "agent.yaml",
            "-i",
            "in.wav",
            "-o",
            "out.wav",
        ]
        environ = {key: value for key, value in os.environ.items() if not key.startswith("VOICEBOT_")}
        environ |= variables
        environ["PYTHONPATH"] = os.pathsep.join(str(site) for site in sites)
        return subprocess.run(
            [*command, "--fast", *arguments],
            cwd=tmp_path,
            env=environ,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run


def test_a_call_is_reported(run_call, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    done = run_call("good", "--json", "report.json")
    assert done.returncode == 0, done.stderr
    report = json.loads((tmp_path / "report.json").read_text())
    assert [(t["user_text"], t["heard_text"]) for t in report["turns"]] == [
        ("question 1", "Answer 1."),
        ("question 2", "Answer 2."),
    ]
    assert {"mic", "utterance", "clauses", "speech", "observers"} <= set(report["queues"])
    assert report["process"]["cpu_s"] > 0
    assert report["process"]["peak_rss_mb"] > 10
    assert "question 1" in done.stdout
    assert "voice to voice" in done.stdout
    # What was heard is on the input's clock: silent until the first answer, and as long as the input at least.
    audio, rate = soundfile.read(tmp_path / "out.wav")
    begins = report["turns"][0]["timeline_ms"]["first_audible"] / 1000
    first = np.flatnonzero(np.abs(audio) > 0.01)[0] / rate
    assert first == pytest.approx(begins, abs=0.03)
    assert len(audio) / rate >= 8


def test_hooks_see_the_call_and_cannot_spoil_it(run_call, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    done = run_call("good")
    assert done.returncode == 0, done.stderr
    seen = (tmp_path / "watched.txt").read_text().splitlines()
    assert seen[0] == "started agent"
    assert seen[1] == "CallStarted"
    assert seen[-2:] == ["CallEnded", "ended after 2 turns"]
    assert seen.count("AgentTurnEnded") == 2
    assert "watcher" in done.stderr


def test_each_line_of_the_log_names_its_call_and_turn(run_call) -> None:  # type: ignore[no-untyped-def]
    done = run_call("logs", "--json", "-", VOICEBOT_LOG_FORMAT="json")
    call_id = json.loads(done.stdout)["call"]["id"]
    entries = [json.loads(line) for line in done.stderr.splitlines()]
    assert {entry["call_id"] for entry in entries} == {call_id}
    said = [(entry["turn_id"], entry["message"]) for entry in entries if "turn_id" in entry]
    assert said == [(1, "Answer one."), (2, "Answer two.")]  # as they are spoken
    assert entries[-1]["logger"] == "voicebot.observer"
    assert "RuntimeError: a hook's fault" in entries[-1]["exception"]


def test_the_report_can_go_to_standard_output(run_call) -> None:  # type: ignore[no-untyped-def]
    done = run_call("good", "--json", "-")
    assert len(json.loads(done.stdout)["turns"]) == 2


def test_a_plugin_that_raises_on_import_is_named(run_call) -> None:  # type: ignore[no-untyped-def]
    done = run_call("import_error")
    assert done.returncode == 2
    assert "outside-import-error 2.5" in done.stderr
    assert "no licence" in done.stderr
    assert "agent.yaml:6" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("how", ["thread_hangs", "loop_hangs"])
def test_a_plugin_that_hangs_in_warm_up_is_named(run_call, how: str) -> None:  # type: ignore[no-untyped-def]
    done = run_call(how)
    assert done.returncode == 2
    assert f"outside-{how.replace('_', '-')} 2.5" in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_a_plugin_that_raises_in_a_turn_is_named_and_the_call_goes_on(run_call) -> None:  # type: ignore[no-untyped-def]
    done = run_call("raises_in_turn", "--json", "-")
    assert done.returncode == 1
    report = json.loads(done.stdout)
    assert [t["ended"] for t in report["turns"]] == ["failed", "finished"]
    (error,) = report["errors"]
    assert (error["kind"], error["plugin"], error["distribution"]) == (
        "tts",
        "raises_in_turn",
        "outside-raises-in-turn 2.5",
    )
    assert "vocoder lost" in error["message"]
