"""Patients: profiles of demo plugins, with the part to be examined real."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest
import yaml

from voicebot.doctor import Patient
from voicebot.models import ModelStore
from voicebot.profile import load_profile, resolve

MakePatient: TypeAlias = Callable[..., Patient]


@pytest.fixture
def make_patient(profile_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MakePatient:
    """A deployment of the demo profile with some sections replaced."""
    monkeypatch.setenv("VOICEBOT_MODELS_DIR", str(tmp_path / "models"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))

    def make(url: str = "", **sections: object) -> Patient:
        data = yaml.safe_load(profile_file.read_text()) | {"llm": "demo"} | sections
        profile_file.write_text(yaml.safe_dump(data))
        resolved = resolve(load_profile(profile_file))
        return Patient(resolved, ModelStore(base_dir=resolved.profile.base_dir), url)

    return make
