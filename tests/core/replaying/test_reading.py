"""Recordings come from outside: whatever the bytes, there is a recording or a documented error."""

from __future__ import annotations

import json
import zipfile
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voicebot.errors import RecordingError
from voicebot.interfaces import KINDS
from voicebot.replaying import read_recording, replay_recorded
from voicebot.replaying.files import ABOUT, STREAM, as_flac, write_zip
from voicebot.replaying.reading import MAX_ABOUT_BYTES, read_content
from voicebot.report import CallReport

ABOUT_TEXT = json.dumps(
    {
        "voicebot": "1",
        "recorded_at": "2026-01-01T00:00:00Z",
        "call_id": "c",
        "profile": "p",
        "settings": {},
        "engines": {
            kind: [{"plugin": "p", "distribution": "d 1", "window_samples": 512}] for kind in KINDS[:-1]
        },
        "sample_rate": 24000,
    }
).encode()
LINES = [
    b'{"e":"opened","t":0.5}',
    b'{"e":"mic","t":0.52,"n":2,"rate":16000}',
    b'{"e":"generate","id":1,"t":0.6,"messages":[{"role":"user","content":"hello"}]}',
    b'{"e":"delta","id":1,"after_s":0.1,"text":"Hi."}',
    b'{"e":"over","id":1,"after_s":0,"how":"done"}',
    b'{"e":"hung_up","t":0.9}',
    b'{"e":"told","event":{"name":"call_ended","at_s":0.9,"reason":"hung_up"}}',
]
MEASURED = {
    "user_text": "",
    "agent_text": "",
    "heard_text": "",
    "ended": "finished",
    "voice_to_voice_ms": None,
}


def content(lines: list[bytes], sound: bytes = bytes(8)) -> dict[str, bytes]:
    return {ABOUT: ABOUT_TEXT, STREAM: b"".join(line + b"\n" for line in lines), "mic-16000.pcm": sound}


def told(name: str, **fields: object) -> bytes:
    return json.dumps({"e": "told", "event": {"name": name, "at_s": 0.7, **fields}}).encode()


def test_what_was_written_is_read() -> None:
    recording = read_content(content(LINES), "it")
    assert recording.whole
    assert [given.text for given in recording.requests[0].given] == ["Hi."]  # type: ignore[union-attr]
    assert len(recording.mic) == 1


@settings(max_examples=60)
@given(st.binary(max_size=400))
def test_any_bytes_for_a_file(data: bytes) -> None:
    for name in (ABOUT, STREAM, "mic-16000.flac"):
        files = content(LINES)
        files[name] = data
        with suppress(RecordingError):
            read_content(files, "it")


@settings(max_examples=60)
@given(st.integers(0, len(LINES) - 1), st.integers(0, 80), st.binary(min_size=1, max_size=4))
def test_any_change_of_a_line(number: int, place: int, change: bytes) -> None:
    line = LINES[number]
    changed = [*LINES[:number], line[:place] + change + line[place + len(change) :], *LINES[number + 1 :]]
    with suppress(RecordingError):
        read_content(content(changed), "it")


@settings(max_examples=30)
@given(data=st.binary(max_size=300))
def test_any_bytes_for_the_whole(data: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "any.vbcall"
    path.write_bytes(data)
    with pytest.raises(RecordingError):
        read_recording(path)


@pytest.mark.parametrize(
    ("lines", "what"),
    [
        ([*LINES, LINES[2]], "line 8: request 1 is there twice"),
        (LINES[3:4], "line 1: there is no request 1"),
        ([LINES[1].replace(b'"n":2', b'"n":5')], "line 1: mic-16000 holds no such sound"),
        ([b"[]"], "line 1"),
        ([b'{"e":"other"}'], "line 1"),
        ([LINES[0], b'{"e":"told","event":{"name":"call_ended"}}'], "line 2: at_s: Field required"),
        ([told("provider_failed", kind="llm", plugin="p")], "line 1: message: Field required"),
        ([told("turn_measured", turn_id=1, report=MEASURED)], "line 1: report.hops_ms: Field required"),
    ],
)
def test_what_is_wrong_is_named(lines: list[bytes], what: str) -> None:
    with pytest.raises(RecordingError, match=r"stream\.jsonl") as raised:
        read_content(content(lines), "it")
    assert what in raised.value.message


def test_a_file_that_unpacks_to_more_than_it_may_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "bomb.vbcall", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(ABOUT, bytes(MAX_ABOUT_BYTES + 1))
        archive.writestr(STREAM, b"")
    with pytest.raises(RecordingError, match=r"call\.json is longer than 4 MB"):
        read_recording(tmp_path / "bomb.vbcall")


def test_another_compression_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "odd.vbcall", "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr(ABOUT, ABOUT_TEXT)
        archive.writestr(STREAM, b"")
    with pytest.raises(RecordingError, match="compressed in another way"):
        read_recording(tmp_path / "odd.vbcall")


def test_a_long_call_is_read_and_a_longer_one_is_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its sound may be longer than its stream, which is a file like the others."""
    monkeypatch.setattr("voicebot.replaying.reading.MAX_STREAM_BYTES", 2_000)
    monkeypatch.setattr("voicebot.replaying.reading.MAX_SAMPLES", 5_000)
    for name, data in content(LINES, bytes(10_000)).items():
        (tmp_path / name).write_bytes(data)
    (tmp_path / "notes.txt").write_bytes(bytes(20_000))
    assert read_recording(tmp_path).whole
    (tmp_path / "voice-24000.pcm").write_bytes(bytes(2))
    with pytest.raises(RecordingError, match=r"voice-24000\.pcm is longer than"):
        read_recording(tmp_path)


@pytest.mark.parametrize(
    ("engines", "what"),
    [({}, "there is no vad engine"), ({"vad": [{"plugin": "p", "distribution": "d"}]}, "there is no stt")],
)
def test_engines_that_no_call_can_be_held_with(engines: object, what: str) -> None:
    about = json.dumps(json.loads(ABOUT_TEXT) | {"engines": engines}).encode()
    with pytest.raises(RecordingError, match=what):
        read_content(content(LINES) | {ABOUT: about}, "it")


def test_sound_longer_than_it_may_be_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("voicebot.replaying.reading.MAX_SAMPLES", 5_000)
    for files in (
        {"mic-16000.pcm": bytes(12_000)},
        {"mic-16000.flac": as_flac(np.zeros(6_000, np.int16), 16_000)},
    ):
        with pytest.raises(RecordingError, match="too much sound"):
            read_content({ABOUT: ABOUT_TEXT, STREAM: b"", **files}, "it")


def test_a_recording_of_a_newer_format_says_what_it_is(tmp_path: Path) -> None:
    newer = json.loads(ABOUT_TEXT) | {"format": 2}
    write_zip(tmp_path / "new.vbcall", (content(LINES) | {ABOUT: json.dumps(newer).encode()}).items())
    with pytest.raises(RecordingError, match=r"new\.vbcall: call\.json: format") as raised:
        read_recording(tmp_path / "new.vbcall")
    assert "reads format 1" in raised.value.hint


def test_there_is_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="There is no file"):
        read_recording(tmp_path / "none.vbcall")


def test_what_a_killed_process_left_is_replayed_as_far_as_it_goes(
    call: tuple[Path, CallReport], tmp_path: Path
) -> None:
    with zipfile.ZipFile(call[0]) as archive:
        lines = archive.read(STREAM)
        for name in archive.namelist():
            archive.extract(name, tmp_path)
    half = lines[: len(lines) // 2]
    assert not half.endswith(b"\n")
    (tmp_path / STREAM).write_bytes(half)
    recording = read_recording(tmp_path)
    assert not recording.whole
    whole = read_recording(call[0])
    replayed = replay_recorded(recording)
    before = [event["text"] for event in whole.log if event["name"] == "agent_clause"]
    now = [event["text"] for event in replayed.log if event["name"] == "agent_clause"]
    assert now
    assert now == before[: len(now)]
