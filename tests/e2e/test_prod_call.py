"""`configs/prod.yaml` against the servers of `make fakes`, and with single engines swapped by YAML only."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from tests.e2e.conftest import (
    Held,
    HoldCall,
    Speak,
    Transcribe,
    crossings_per_s,
    envelope_match,
    likeness,
    part,
)

import voicebot
from voicebot.audio import AudioChunk
from voicebot.cli import main
from voicebot.profile import load_profile, resolve

pytestmark = [pytest.mark.engine, pytest.mark.timeout(240)]

ROOT = Path(__file__).parents[2]
PROD = ROOT / "configs" / "prod.yaml"
QUESTION = Path(voicebot.__file__).parent / "samples" / "question.wav"
ECHO = "You said: What is the capital of France?"
NOBODY = "http://127.0.0.1:9"
"""Where nobody listens."""


@pytest.fixture(scope="module")
def fakes() -> Iterator[dict[str, str]]:
    """Groq and OpenTTS, as `make fakes` starts them; the variables that they say to set."""
    command = [
        sys.executable,
        "-m",
        "voicebot.testing.fakes",
        "groq",
        "opentts",
        "--ports",
        "groq=0,opentts=0",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            environ = {}
            while not (line := process.stdout.readline()).startswith("# To break one"):
                assert line, "the fakes did not start"
                if line.startswith("export "):
                    name, _, value = line.removeprefix("export ").strip().partition("=")
                    environ[name] = value
            yield environ
        finally:
            process.terminate()
            process.wait(20)


@pytest.fixture(autouse=True)
def no_account(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of this machine's own is asked."""
    monkeypatch.delenv("GROQ_API_KEY", raising=False)
    monkeypatch.setenv("GROQ_BASE_URL", f"{NOBODY}/openai/v1")
    monkeypatch.setenv("OPENTTS_URL", NOBODY)


def swapped(folder: Path, **sections: object) -> str:
    """A profile that extends prod.yaml and has these sections; its path."""
    file = folder / "swapped.yaml"
    file.write_text(yaml.safe_dump({"extends": str(PROD), **sections}))
    return str(file)


def answered(held: Held) -> tuple[str, AudioChunk]:
    """The answer to the only question, and the sound of it."""
    assert held.code == 0, held.printed
    [turn] = held.report["turns"]
    assert likeness(turn["user_text"], "What is the capital of France?") > 95
    assert turn["ended"] == "finished"
    assert turn["heard_text"] == turn["agent_text"] != ""
    times = turn["timeline_ms"]
    begin_s, end_s = times["first_audible"] / 1000, times["playout_finished"] / 1000
    return turn["agent_text"], part(held.answer, begin_s - 0.1, end_s + 0.1)


def test_as_it_is(hold_call: HoldCall, fakes: dict[str, str], transcribe: Transcribe) -> None:
    text, aloud = answered(hold_call(QUESTION, str(PROD), **fakes))
    assert text == ECHO
    assert likeness(transcribe(aloud), ECHO) > 75


def test_the_embedded_model_in_groqs_place(
    hold_call: HoldCall, fakes: dict[str, str], transcribe: Transcribe, tmp_path: Path
) -> None:
    profile = swapped(tmp_path, llm={"use": "llamacpp", "model": "smollm2-135m-instruct"})
    text, aloud = answered(hold_call(QUESTION, profile, OPENTTS_URL=fakes["OPENTTS_URL"]))
    assert "Paris" in text
    assert likeness(transcribe(aloud), text) > 75


def test_espeak_in_openttss_place(
    hold_call: HoldCall, fakes: dict[str, str], speak: Speak, tmp_path: Path
) -> None:
    groq = {name: value for name, value in fakes.items() if name.startswith("GROQ_")}
    text, aloud = answered(hold_call(QUESTION, swapped(tmp_path, tts={"use": "espeak"}), **groq))
    assert text == ECHO
    straight = speak(ECHO, "espeak")
    assert envelope_match(aloud, straight) > 0.95
    assert crossings_per_s(aloud) == pytest.approx(crossings_per_s(straight), rel=0.1)


def test_the_documented_chains_without_any_server(hold_call: HoldCall, tmp_path: Path) -> None:
    [documented] = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs" / "production.md").read_text(), re.DOTALL)
    profile = tmp_path / "mine.yaml"
    profile.write_text(documented.replace("extends: prod.yaml", f"extends: {PROD}"))
    nowhere = {"GROQ_API_KEY": "gsk_nobody", "VOICEBOT_STT__0__BASE_URL": f"{NOBODY}/v1"}
    held = hold_call(QUESTION, str(profile), **nowhere)
    text, aloud = answered(held)
    assert "Paris" in text
    assert aloud.duration_s > 0.5
    assert {(event["kind"], event["plugin"], event["next_plugin"]) for event in held.report["fallbacks"]} == {
        ("stt", "openai", "whispercpp"),
        ("llm", "groq", "llamacpp"),
        ("tts", "opentts", "espeak"),
    }


SWAPS = re.findall(
    r"^\| .*? \| `((?:stt|llm|tts): .*?)`",
    (ROOT / "docs" / "production.md").read_text().partition("## When")[0],
    re.MULTILINE,
)


@pytest.mark.parametrize("line", SWAPS)
def test_the_documented_swaps_are_profiles(tmp_path: Path, line: str) -> None:
    environ = {"GROQ_API_KEY": "gsk_nobody"} if "llm: {use" not in line else {}
    profile = swapped(tmp_path, **yaml.safe_load(line))
    section, _, wanted = line.partition(": ")
    resolved = resolve(load_profile(profile, environ=environ))
    [chosen] = next(chain for kind, chain in resolved.chains.items() if kind == section)
    if "use:" in wanted or wanted == "espeak":
        assert chosen.use in wanted
    else:
        [(key, value)] = yaml.safe_load(wanted).items()
        assert getattr(chosen.config, key) == value


def test_what_is_used_needs_its_variable(
    tmp_path: Path, fakes: dict[str, str], capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENTTS_URL", fakes["OPENTTS_URL"])
    for profile in (str(PROD), swapped(tmp_path, tts={"use": "espeak"})):
        files = ["-i", str(QUESTION), "-o", str(tmp_path / "answer.wav")]
        assert main(["call", "--fast", "-p", profile, *files]) == 2
        said = capfd.readouterr().err
        assert "prod.yaml:" in said
        assert "llm.api_key: the environment variable GROQ_API_KEY is not set" in said
        assert "Traceback" not in said
