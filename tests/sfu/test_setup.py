"""`sfu/setup.sh`, where its packages are already there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SFU = Path(__file__).parents[2] / "sfu"


@pytest.mark.skipif(
    not (SFU / "node_modules").is_dir(), reason="the SFU's packages are not installed: make sfu"
)
def test_it_may_be_called_from_anywhere_with_a_relative_interpreter(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python").symlink_to(sys.executable)
    done = subprocess.run(
        ["bash", SFU / "setup.sh", "bin/python", "packages"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
