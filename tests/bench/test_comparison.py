"""Two profiles in one run of `voicebot bench`; one of them is slower on purpose."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.bench.scripted import CALLS, scripted_bench
from tests.support.running import PROFILE

from voicebot.bench.memory import engines_mb
from voicebot.cli import main


@pytest.fixture(autouse=True)
def scripted() -> Iterator[None]:
    with scripted_bench():
        yield


@pytest.fixture
def slow(tmp_path: Path) -> Path:
    """The scripted profile with a language model that takes 600 ms longer."""
    file = tmp_path / "slow.yaml"
    file.write_text(f"extends: {PROFILE}\nllm: {{use: scripted, ttft_ms: 720}}\n")
    return file


def test_a_profile_made_slower_on_purpose_fails_and_its_hop_is_named(
    slow: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("matplotlib")
    markdown, page, data = (tmp_path / f"run.{suffix}" for suffix in ("md", "html", "json"))
    command = ["bench", "--profile", str(slow), "--against", str(PROFILE), "--fail-over", "1.1"]
    reports = ["--markdown", str(markdown), "--html", str(page), "--json", str(data)]
    assert main([*command, *reports]) == 1
    guilty = "guilty: llm_ttft, +600 (+600 to +600) ms"
    assert guilty in capsys.readouterr().out
    report = json.loads(data.read_text())
    (breach,) = report["verdict"]["breaches"]
    assert (breach["rule"], breach["name"], breach["guilty"]) == ("regression", "voice_to_voice", "llm_ttft")
    latency = report["compared"]["latency_ms"]
    assert latency["llm_ttft"]["difference"]["value"] == pytest.approx(600, abs=1)
    assert latency["stt_final"]["difference"]["value"] == pytest.approx(0, abs=1)
    assert latency["voice_to_voice"]["ratio"]["n"] == CALLS
    assert guilty in markdown.read_text()
    assert guilty in page.read_text()


def test_a_profile_against_itself_passes(capsys: pytest.CaptureFixture[str]) -> None:
    same = str(PROFILE)
    assert main(["bench", "-p", same, "--against", same, "--fail-over", "1.1", "--json", "-"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["profile"], report["against"]["profile"]) == (same, f"{same} (again)")
    assert report["compared"]["latency_ms"]["voice_to_voice"]["ratio"]["value"] == pytest.approx(1, abs=0.01)
    assert report["verdict"]["breaches"] == []


def test_the_faster_one_passes_against_the_slower(slow: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "-p", str(PROFILE), "--against", str(slow), "--fail-over", "1.1"]) == 0
    assert "FAILED" not in capsys.readouterr().out


def test_a_server_that_is_slow_by_600_ms_is_over_its_hop_s_budget(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    profile = tmp_path / "stub.yaml"
    # A real client, a real server, real time; its delay alone is over the budget, however fast the machine is.
    profile.write_text(
        f"extends: {PROFILE}\nllm: {{use: stub, ttft_ms: 600, replies: [Yes.]}}\nbudget: {{llm_ttft: 599}}\n"
    )
    with scripted_bench(virtual_clock=False, calls=1):
        assert main(["bench", "--profile", str(profile), "--quiet"]) == 1
    out = capsys.readouterr().out
    assert "FAILED: llm_ttft: median " in out
    assert "over its budget of 599 ms" in out


def test_engines_are_weighed_in_a_process_of_their_own(tmp_path: Path) -> None:
    # It has loaded the core and the plugins, and little else.
    weight = engines_mb(str(PROFILE), 60)
    assert weight is not None
    assert 30 < weight < 400
    assert engines_mb(str(tmp_path / "nowhere.yaml"), 60) is None


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--fail-over", "1.1", "-p", str(PROFILE)], "--fail-over needs a profile to compare with"),
        (["--against", str(PROFILE)], "Missing option '--profile'"),
        (["-p", str(PROFILE), "--fail-over", "0.5"], "0.5 is not in the range"),
        (["-p", str(PROFILE), "--html", "missing/run.html"], "there is no folder missing"),
        (["-p", str(PROFILE), "--markdown", "/"], "is a folder"),
    ],
)
def test_a_user_s_mistake_is_told_before_a_call_is_held(
    arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["bench", *arguments]) == 2
    printed = capsys.readouterr()
    assert says in printed.err
    assert "voice to voice" not in printed.out


def test_its_former_name_does_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    for command in (["bench"], ["bench", "turns"]):
        assert main([*command, "--profile", str(PROFILE), "--quiet"]) == 0
        assert "voice to voice, median / p90 / p99 (ms)" in capsys.readouterr().out
