"""What is cancelled in a client is over at its server: `bench/cancel`, which measures how soon."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.timeout(120)
def test_every_client_closes_its_connection(tmp_path: Path) -> None:
    file = tmp_path / "cancel.json"
    command: list[str | Path] = [sys.executable, "bench/cancel/close.py", "--repeats", "2", "--json", file]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=110, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    figures = json.loads(file.read_text())["figures"]
    assert list(figures) == ["llm: groq", "llm: openai", "tts: opentts", "stt: openai"]
    for name, taken in figures.items():
        assert len(taken) == 2
        assert all(figure["closed_ms"] > 0 for figure in taken)
        assert name in done.stdout
