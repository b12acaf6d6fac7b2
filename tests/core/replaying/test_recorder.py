"""Recording never harms the call: what goes wrong with it is said, and what must not be in it is not."""

from __future__ import annotations

import asyncio
import json
import zipfile
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from pydantic import BaseModel
from tests.core.replaying.conftest import Profiled, Record

from voicebot.call import hold_call, serve_calls
from voicebot.errors import VoicebotError
from voicebot.interfaces import ToolCall
from voicebot.models import ModelStore
from voicebot.replaying import Recording, Taping, compare, lines, read_recording, reading, replay_recorded
from voicebot.replaying import recorder as recorder_module
from voicebot.replaying.about import _settings
from voicebot.replaying.line_player import ToolsPlayer
from voicebot.replaying.recorder import Recorder
from voicebot.replaying.shelf import Course
from voicebot.replaying.tapped_line import TappedTools
from voicebot.report import CallReport
from voicebot.settings import ToolCallSettings
from voicebot.testing import run_virtual
from voicebot.tools import ToolEvent, ToolRunner, tool_from
from voicebot_transport_wav.connection import WavConnection


def test_no_secret_of_the_profile_is_in_the_file(record: Record, monkeypatch: pytest.MonkeyPatch) -> None:
    secret, word = '0123456789"abcdef0123456789abcdef', "shibboleth"
    monkeypatch.setenv("THE_WORD", word)
    path, _ = record(
        more="access: {secret: '${CALL_SECRET}'}\n",
        prompt="The word is ${THE_WORD}.",
        CALL_SECRET=secret,
        THE_WORD=word,
    )
    with zipfile.ZipFile(path) as archive:
        recorded = b"".join(archive.read(name) for name in archive.namelist()).decode("latin-1")
    assert "The word is ***." in recorded
    assert word not in recorded
    assert "abcdef0123" not in recorded


def test_a_secret_that_is_a_word_of_json_spoils_nothing(tmp_path: Path, recording: Recording) -> None:
    """Servers that ask for no key are given `null` or the like for one."""

    async def main() -> None:
        recorder = Recorder(tmp_path / "call.vbcall", secrets=["null", '"', "false"])
        recorder.about(recording.about)
        arguments = json.dumps({"key": 'not "null"'})
        recorder.note(lines.Tool, id=1, t=0.0, name="look", arguments=arguments)
        await recorder.aclose()

    asyncio.run(main())
    (request,) = read_recording(tmp_path / "call.vbcall").requests
    assert isinstance(request.asked, lines.Tool)
    assert "null" not in request.asked.arguments


class NestedConfig(BaseModel):
    max_tokens: int = 200
    name: str = "n"
    servers: list[dict[str, str]] = [{"url": "u", "api_token": "t1"}]
    headers: dict[str, str] = {"X-Anything": "t2"}


def test_settings_that_sound_like_secrets_are_not_shown() -> None:
    section = SimpleNamespace(config=NestedConfig())
    assert _settings(cast(Any, section)) == {
        "max_tokens": 200,
        "name": "n",
        "servers": [{"url": "u", "api_token": "***"}],
        "headers": "***",
    }


@pytest.mark.parametrize("where", ["none/call.vbcall", "."])
def test_nowhere_to_write_is_said_before_the_call(where: str, profiled: Profiled, tmp_path: Path) -> None:
    resolved = profiled()
    taping = Taping(tmp_path / where)
    store = ModelStore(base_dir=resolved.profile.base_dir)
    with pytest.raises(VoicebotError, match="cannot be recorded"):
        run_virtual(hold_call(resolved, store, taping=taping))


def test_a_server_records_each_call_where_callers_have_consented(profiled: Profiled, tmp_path: Path) -> None:
    asking = profiled()
    store, taping = ModelStore(base_dir=tmp_path), Taping(tmp_path, many=True)
    with pytest.raises(VoicebotError, match=r"keep\.consent"):
        run_virtual(serve_calls(asking, store, taping=taping))
    resolved = profiled(more="keep: {consent: given}\n")
    reports: list[CallReport] = []
    run_virtual(serve_calls(resolved, store, taping=taping, on_report=reports.append))
    (path,) = tmp_path.glob("*.vbcall")
    assert path.stem == reports[0].call_id
    recording = read_recording(path)
    replayed = replay_recorded(recording)
    assert replayed.missing == []
    assert compare(recording.log, replayed.log).same


def test_what_is_kept_of_a_call_hides_nothing_from_its_recording(
    profiled: Profiled, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A caller's token may say how long the call may be; the connection knows."""
    monkeypatch.setattr(WavConnection, "max_call_s", 600.0, raising=False)
    resolved = profiled(more="keep: {consent: given, transcripts: true}\n")
    store, taping = ModelStore(base_dir=tmp_path), Taping(tmp_path, many=True)
    run_virtual(serve_calls(resolved, store, taping=taping))
    (path,) = tmp_path.glob("*.vbcall")
    assert read_recording(path).about.max_call_s == 600


def test_a_server_goes_on_where_nothing_can_be_written(
    profiled: Profiled, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    resolved = profiled(more="keep: {consent: given}\n")
    reports: list[CallReport] = []
    taping = Taping(tmp_path / "none", many=True)
    store = ModelStore(base_dir=tmp_path)
    run_virtual(serve_calls(resolved, store, taping=taping, on_report=reports.append))
    assert len(reports[0].turns) == 4
    assert "cannot be recorded" in caplog.text


def test_a_disk_that_is_too_slow_ends_the_recording_and_not_the_call(
    profiled: Profiled, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(recorder_module, "WAITING_LINES", 1)
    resolved = profiled()
    problems: list[str] = []
    taping = Taping(tmp_path / "call.vbcall", on_problem=problems.append)
    store = ModelStore(base_dir=resolved.profile.base_dir)
    report = run_virtual(hold_call(resolved, store, taping=taping))
    assert len(report.turns) == 4
    assert problems == ["the disk is too slow for it"]
    assert len(caplog.records) == 1


@pytest.mark.parametrize(("limit", "value"), [("MAX_STREAM_BYTES", 20_000), ("MAX_SAMPLES", 80_000)])
def test_a_call_that_is_too_long_is_recorded_as_far_as_can_be_read(
    limit: str, value: int, profiled: Profiled, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder_module, limit, value)
    monkeypatch.setattr(reading, limit, value)
    resolved = profiled()
    problems: list[str] = []
    taping = Taping(tmp_path / "call.vbcall", on_problem=problems.append)
    run_virtual(hold_call(resolved, ModelStore(base_dir=tmp_path), taping=taping))
    assert problems == ["it is as long as one may be"]
    recording = read_recording(taping.path)
    assert not recording.whole
    assert recording.mic


def test_what_cannot_be_a_line_ends_the_recording_and_leaves_what_came_before(
    tmp_path: Path, call: tuple[Path, CallReport], recording: Recording, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> Recorder:
        recorder = Recorder(tmp_path / "call.vbcall")
        recorder.about(recording.about)
        recorder.opened()
        recorder.note(lines.Delta, id=1, after_s=-1.0, text="before it was asked")
        await recorder.aclose()
        await recorder.aclose()
        return recorder

    assert "ValidationError" in asyncio.run(main()).problem
    assert not read_recording(tmp_path / "call.vbcall").whole
    assert caplog.records


def test_half_an_emoji_is_recorded_as_a_question_mark(tmp_path: Path, recording: Recording) -> None:
    async def main() -> None:
        recorder = Recorder(tmp_path / "call.vbcall")
        recorder.about(recording.about)
        recorder.note(lines.Synthesize, id=1, t=0.0, text="Hi \ud83d")
        await recorder.aclose()

    asyncio.run(main())
    (request,) = read_recording(tmp_path / "call.vbcall").requests
    assert isinstance(request.asked, lines.Synthesize)
    assert request.asked.text == "Hi ?"


def test_tools_tell_again_what_they_told(tmp_path: Path, recording: Recording) -> None:
    async def slow(name: str) -> str:
        """Look for a person."""
        await asyncio.sleep(0.4)
        return f"{name} is at home"

    async def quick(number: int) -> str:
        """Dial a number."""
        raise RuntimeError("no such number")

    tools = ToolRunner([tool_from(slow), tool_from(quick)], ToolCallSettings())
    calls = [ToolCall("1", "slow", '{"name": "Ann"}'), ToolCall("2", "quick", '{"number": 7}')]

    async def told(runner: ToolRunner, calls: Sequence[ToolCall]) -> list[object]:
        begun, results = asyncio.get_running_loop().time(), list[object]()

        def note(what: object) -> None:
            results.append((round(asyncio.get_running_loop().time() - begun, 1), what))

        def done(event: ToolEvent) -> None:
            note((event.name, event.problem))

        await runner.run(calls, lambda index, text: note((index, text)), done)
        return results

    async def main() -> tuple[list[object], list[object], list[object]]:
        recorder = Recorder(tmp_path / "call.vbcall")
        recorder.about(recording.about)
        first = await told(TappedTools(tools, recorder), calls)
        await recorder.aclose()
        recorded = read_recording(tmp_path / "call.vbcall")
        course = Course(recorded)
        player = ToolsPlayer(recorded, ToolCallSettings(), course)
        again = await told(player, calls)
        other = await told(player, [ToolCall("3", "slow", '{"name": "Bob"}')])
        assert course.missing == ['tool: there is no recording of slow({"name": "Bob"})']
        return first, again, other

    first, again, other = run_virtual(main())
    assert first == again
    assert (0.4, (0, "Ann is at home")) in again
    assert other[1] == (0.0, ("slow", "failed"))
