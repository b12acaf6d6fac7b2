from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from tests.core.doctor.conftest import MakePatient
from tests.core.doctor.support import only

from voicebot.cli import main
from voicebot.doctor import Finding, Patient, examine
from voicebot.errors import EngineError


def test_a_healthy_profile(
    profile_file: Path, make_patient: MakePatient, capsys: pytest.CaptureFixture[str]
) -> None:
    make_patient()
    assert main(["doctor", "--profile", str(profile_file)]) == 0
    shown = capsys.readouterr().out
    assert "0 broken" in shown
    assert main(["doctor", "--profile", str(profile_file), "--json"]) == 0
    findings = json.loads(capsys.readouterr().out)["findings"]
    assert {"check", "level", "what", "do"} == set(findings[0])
    assert {"profile", "packages", "models", "cores", "memory"} <= {finding["check"] for finding in findings}


def test_what_is_broken_says_what_to_do_and_is_exit_code_1(
    profile_file: Path, make_patient: MakePatient, capsys: pytest.CaptureFixture[str]
) -> None:
    make_patient(vad="silero")
    assert main(["doctor", "--profile", str(profile_file)]) == 1
    captured = capsys.readouterr()
    assert "→ Fetch it with: voicebot models pull silero-vad" in captured.out
    assert "1 broken" in captured.out
    assert captured.err == ""


def test_a_variable_that_is_not_set_is_a_finding(
    profile_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = profile_file.read_text().replace(
        "use: demo\n  model: first", "use: groq\n  api_key: ${NO_SUCH_KEY}"
    )
    profile_file.write_text(text)
    assert main(["doctor", "--profile", str(profile_file), "--json"]) == 1
    finding = only([Finding(**row) for row in json.loads(capsys.readouterr().out)["findings"]])
    assert (finding.check, finding.level) == ("profile", "fail")
    assert "NO_SUCH_KEY is not set" in finding.what


@pytest.mark.parametrize("profile", ["no-such-profile", "/no/such/file.yaml"])
def test_no_profile_is_a_finding(profile: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--profile", profile]) == 1
    captured = capsys.readouterr()
    assert "profile  fail" in captured.out
    assert captured.err == ""


def test_an_url_that_is_none(profile_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--profile", str(profile_file), "--url", "voice.example.org"]) == 2
    assert "https://" in capsys.readouterr().err


def test_a_check_that_fails_ends_no_other(make_patient: MakePatient) -> None:
    async def says(patient: Patient) -> list[Finding]:
        raise EngineError("it is gone", hint="Bring it back.")

    async def bursts(patient: Patient) -> list[Finding]:
        raise ZeroDivisionError("oh")

    async def hangs(patient: Patient) -> list[Finding]:
        await asyncio.Event().wait()
        return []

    async def fine(patient: Patient) -> list[Finding]:
        return [Finding("fine", "ok", "well")]

    checks = {check.__name__: check for check in (says, bursts, hangs, fine)}
    findings = asyncio.run(examine(make_patient(), checks, longest_s=0.01))
    assert [(finding.check, finding.level) for finding in findings] == [
        ("says", "fail"),
        ("bursts", "warn"),
        ("hangs", "warn"),
        ("fine", "ok"),
    ]
    assert (findings[0].what, findings[0].do) == ("it is gone", "Bring it back.")
    assert "ZeroDivisionError: oh" in findings[1].what
