"""An environment of its own, in which plugins from outside are installed as their authors and users would."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

MORSE = Path(__file__).parent / "voicebot-morse"


@dataclass(frozen=True, slots=True)
class Outside:
    """Attributes: `folder`, where the author works."""

    folder: Path

    @property
    def python(self) -> Path:
        return self.folder / "venv" / "bin" / "python"

    @property
    def environ(self) -> dict[str, str]:
        kept = {
            key: value
            for key, value in os.environ.items()
            if not key.startswith(("VOICEBOT_", "PYTHON", "PIP_"))
        }
        if models := os.environ.get("VOICEBOT_MODELS_DIR"):
            kept["VOICEBOT_MODELS_DIR"] = models
        return kept | {"PIP_NO_INDEX": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1", "NO_COLOR": "1"}

    def run(
        self, *arguments: str | Path, cwd: Path | None = None, **settings: str
    ) -> subprocess.CompletedProcess[str]:
        """`python -m …` in the environment; what it printed is in the message where it fails."""
        done = subprocess.run(
            [self.python, "-m", *arguments],
            cwd=cwd or self.folder,
            env=self.environ | settings,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, f"{arguments} ended with {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def script(self, name: str, program: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        """A program for many packages at once: a process for each would take longer."""
        (self.folder / f"{name}.py").write_text(program)
        return self.run(name, *arguments)


def package(kind: str, name: str = "tiny") -> str:
    return f"voicebot-{kind}-{name}"
