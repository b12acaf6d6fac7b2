"""`calls`, the one key of a profile that is no section."""

from __future__ import annotations

from pathlib import Path

import jsonschema
import pytest

from voicebot.errors import ProfileError
from voicebot.profile import load_profile
from voicebot.profile.schema import profile_schema


def with_calls(file: Path, value: str) -> Path:
    file.write_text(file.read_text() + f"calls: {value}\n")
    return file


def test_one_by_default(profile_file: Path) -> None:
    assert load_profile(profile_file, environ={}).calls == 1


def test_from_the_file_and_the_environment(profile_file: Path) -> None:
    file = with_calls(profile_file, "4")
    assert load_profile(file, environ={}).calls == 4
    assert load_profile(file, environ={"VOICEBOT_CALLS": "2"}).calls == 2
    file.write_text(file.read_text().replace("calls: 4", "calls: ${CALLS:-3}"))
    assert load_profile(file, environ={}).calls == 3
    above = file.with_name("above.yaml")
    above.write_text("extends: agent.yaml\ncalls: 9\n")
    assert load_profile(above, environ={}).calls == 9


@pytest.mark.parametrize("value", ["0", "65", "true", "many", "{workers: 2}", "[1]"])
def test_what_is_no_number_of_calls(profile_file: Path, value: str) -> None:
    with pytest.raises(ProfileError, match=r"agent\.yaml:9: calls: should "):
        load_profile(with_calls(profile_file, value), environ={})
    with pytest.raises(ProfileError, match="VOICEBOT_CALLS: calls: should "):
        load_profile(profile_file, environ={"VOICEBOT_CALLS": "0"})


def test_the_schema_knows_it(demo: Path) -> None:
    validator = jsonschema.Draft202012Validator(profile_schema())
    plain = dict.fromkeys(("vad", "stt", "llm", "tts", "transport"), "demo")
    assert validator.is_valid(plain | {"calls": 4})
    assert validator.is_valid(plain | {"calls": "${CALLS}"})
    assert not validator.is_valid(plain | {"calls": 0})
    assert not validator.is_valid(plain | {"calls": "four"})
