from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from voicebot.profile import bundled_dir, load_profile, resolve
from voicebot.profile.schema import profile_schema

Make = Callable[..., Path]
CONFIGS = sorted(bundled_dir().glob("*.yaml"))


@pytest.fixture
def validate(demo: Path) -> Callable[[Any], list[str]]:
    schema = profile_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(json.loads(json.dumps(schema)))
    return lambda data: [error.message for error in validator.iter_errors(data)]


BASE: dict[str, Any] = dict.fromkeys(("vad", "stt", "llm", "tts", "transport"), "demo")


def test_there_are_bundled_profiles() -> None:
    assert {file.stem for file in CONFIGS} >= {"local", "local-piper", "base", "bench", "whispercpp"}


@pytest.mark.parametrize("file", CONFIGS, ids=lambda file: file.stem)
def test_bundled_profiles_load_and_fit_the_schema(file: Path, validate: Callable[[Any], list[str]]) -> None:
    resolve(load_profile(file, environ={"GROQ_API_KEY": "x"}))
    assert validate(yaml.safe_load(file.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"llm": {"use": "demo", "temperature": 1.5, "voice": {"name": "x"}}},
        {"llm": ["demo", {"use": "other", "model": "m"}]},
        {"llm": {"use": "demo", "temperature": "${TEMPERATURE}", "api_key": "${KEY}"}},
        {"threads": {"stt": "${THREADS:-2}"}, "interruption": {"enabled": False}},
        {"budget": {"end_of_turn": None}},
    ],
)
def test_right_profiles_fit(data: dict[str, Any], validate: Callable[[Any], list[str]]) -> None:
    assert validate(BASE | data) == []


@pytest.mark.parametrize(
    "data",
    [
        {"llm": "nobody"},
        {"llm": {"use": "nobody"}},
        {"llm": {"model": "m"}},
        {"llm": {"use": "demo", "modle": "m"}},
        {"llm": {"use": "demo", "temperature": 5}},
        {"llm": {"use": "demo", "temperature": "hot"}},
        {"llm": {"use": "demo", "voice": {"nam": "x"}}},
        {"llm": []},
        {"vad": ["demo"]},
        {"threads": {"stt": 0}},
        {"threads": {"sst": 1}},
        {"tts_voice": "x"},
    ],
)
def test_wrong_profiles_do_not(data: dict[str, Any], validate: Callable[[Any], list[str]]) -> None:
    assert validate(BASE | data) != []


def test_only_a_profile_that_extends_another_may_leave_sections_out(
    validate: Callable[[Any], list[str]],
) -> None:
    assert validate({"vad": "demo"}) != []
    assert validate({"extends": "base.yaml", "llm": {"model": "m"}}) == []


def test_a_broken_plugin_is_left_out_with_a_note(make_distribution: Make, demo: Path) -> None:
    make_distribution("boom", {"voicebot.tts": {"boom": "boom_plugin:X"}}, {"boom_plugin": "1 / 0"})
    source = """
        from demo_plugin import Plain, Tts
        from pydantic import ConfigDict
        class Odd: ...
        class Opaque(Plain):
            model_config = ConfigDict(arbitrary_types_allowed=True)
            odd: Odd
        class X(Tts):
            Config = Opaque
    """
    make_distribution("opaque", {"voicebot.tts": {"opaque": "opaque_plugin:X"}}, {"opaque_plugin": source})
    schema = profile_schema()
    assert "'boom' of boom 1.0" in schema["$comment"]
    assert "'opaque': no schema" in schema["$comment"]
    assert {"demo", "other"} <= set(schema["$defs"]["tts"]["anyOf"][0]["enum"])
    assert not {"boom", "opaque"} & set(schema["$defs"]["tts"]["anyOf"][0]["enum"])
