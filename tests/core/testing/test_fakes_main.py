"""`python -m voicebot.testing.fakes`."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path
from urllib.error import HTTPError

import pytest


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "voicebot.testing.fakes", *arguments]


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_until_it_is_told_to_stop(ending: signal.Signals) -> None:
    with subprocess.Popen(
        command("groq", "--ports", "groq=0"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            lines = [process.stdout.readline() for _ in range(4)]
            text = "".join(lines)
            found = re.search(r"export GROQ_BASE_URL=(http://127\.0\.0\.1:\d+)/openai/v1", text)
            assert found, text
            assert "export GROQ_API_KEY=gsk_fake" in text
            headers = {"Authorization": "Bearer gsk_fake"}
            ask = urllib.request.Request(f"{found[1]}/openai/v1/models", headers=headers)
            with urllib.request.urlopen(ask, timeout=20) as response:
                assert "openai/gpt-oss-120b" in response.read().decode()
            fault = json.dumps({"kind": "status", "status": 503, "path": "/openai"}).encode()
            with urllib.request.urlopen(f"{found[1]}/__faults", data=fault, timeout=20) as response:
                assert response.status == 204
            with pytest.raises(HTTPError) as caught:
                urllib.request.urlopen(ask, timeout=20)
            assert caught.value.code == 503
            caught.value.close()
            process.send_signal(ending)
            out, err = process.communicate(timeout=20)
        finally:
            process.kill()
    assert process.returncode == 0
    assert (out, err) == ("", "")


def beginning_of_transcription(count: int, **environ: str) -> list[str]:
    with subprocess.Popen(
        command("transcription", "--ports", "transcription=0"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **environ},
    ) as process:
        try:
            assert process.stdout is not None
            lines = [process.stdout.readline().rstrip() for _ in range(count)]
            process.terminate()
            _, err = process.communicate(timeout=20)
        finally:
            process.kill()
    assert (process.returncode, err) == (0, "")
    return lines


@pytest.mark.engine
def test_it_says_with_what_it_transcribes() -> None:
    lines = beginning_of_transcription(3)
    assert re.match(r"# transcriptions \(a fake\) on http://127\.0\.0\.1:\d+$", lines[0])
    assert lines[1] == "# It really transcribes, with fasterwhisper."
    assert "stt: {use: openai, base_url: http://127.0.0.1:" in lines[2]


def test_it_says_that_it_does_not_listen_and_why(tmp_path: Path) -> None:
    lines = beginning_of_transcription(4, VOICEBOT_MODELS_DIR=str(tmp_path))
    assert lines[1].startswith("# It does not listen: all it hears is one fixed sentence")
    assert "whisper-base-ct2" in lines[2]
    assert "voicebot models pull" in lines[3]


def test_wrong_ports_are_explained() -> None:
    for ports in ("grok=1", "groq", "groq=99999"):
        done = subprocess.run(
            command("--ports", ports), capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 2
        assert "groq=8101" in done.stderr


def test_a_port_that_is_taken_is_explained() -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = subprocess.run(
            command("groq", "--ports", f"groq={port}"),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 1
    assert "--ports groq=" in done.stderr
    assert "Traceback" not in done.stderr
