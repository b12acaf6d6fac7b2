from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from voicebot.errors import ProfileError
from voicebot.interfaces import KINDS
from voicebot.profile import Profile, load_profile, resolve

Make = Callable[..., Path]
NO_ENVIRON: dict[str, str] = {}


def error(file: Path, environ: dict[str, str] = NO_ENVIRON) -> str:
    with pytest.raises(ProfileError) as caught:
        resolve(load_profile(file, environ=environ))
    return str(caught.value).replace(f"{file.parent}{os.sep}", "")


def test_shorthand_mapping_and_chain(profile_file: Path) -> None:
    text = profile_file.read_text().replace("tts: demo", "tts: [demo, {use: other, temperature: 1}]")
    profile_file.write_text(text)
    profile = load_profile(profile_file, environ={})
    assert [choice.use for choice in profile.stt] == ["demo"]
    assert [(choice.use, choice.settings) for choice in profile.llm] == [("demo", {"model": "first"})]
    assert [(choice.use, choice.settings) for choice in profile.tts] == [
        ("demo", {}),
        ("other", {"temperature": 1}),
    ]
    assert (profile.name, profile.file, profile.base_dir) == (
        "agent",
        profile_file,
        profile_file.parent.resolve(),
    )


def test_defaults_are_the_core_s_and_silence_ends_a_turn(profile_file: Path) -> None:
    profile_file.write_text(profile_file.read_text().replace("turn: demo\n", ""))
    profile = load_profile(profile_file, environ={})
    assert profile.turn[0].use == "silence"
    assert profile.endpointing.min_delay_ms == 200
    assert profile.threads.llm == 2


def test_environment_over_file_over_extended_file_over_default(profile_file: Path) -> None:
    top = profile_file.with_name("top.yaml")
    profile_file.write_text(
        profile_file.read_text() + "endpointing: {min_delay_ms: 1, preroll_ms: 1, min_speech_ms: 1}\n"
    )
    top.write_text("extends: agent.yaml\nendpointing: {min_delay_ms: 2, preroll_ms: 2}\n")
    environ = {"VOICEBOT_ENDPOINTING__MIN_DELAY_MS": "3", "UNRELATED": "x"}
    got = load_profile(top, environ=environ).endpointing
    assert (got.min_delay_ms, got.preroll_ms, got.min_speech_ms, got.max_delay_ms) == (3, 2, 1, 1500)


@pytest.mark.parametrize(
    ("environ", "use", "settings"),
    [
        ({"VOICEBOT_LLM__MODEL": "123"}, "demo", {"model": "123"}),
        ({"VOICEBOT_LLM__TEMPERATURE": "1.5"}, "demo", {"model": "first", "temperature": "1.5"}),
        ({"VOICEBOT_LLM": "demo"}, "demo", {"model": "first"}),
        ({"VOICEBOT_LLM": "other"}, "other", {}),
        ({"VOICEBOT_LLM__USE": "other"}, "other", {}),
        ({"VOICEBOT_LLM": "other", "VOICEBOT_LLM__MODEL": "m"}, "other", {"model": "m"}),
        ({"VOICEBOT_LLM": '{"use": "other", "model": "m"}'}, "other", {"model": "m"}),
        ({"VOICEBOT_LLM__0__MODEL": "m"}, "demo", {"model": "m"}),
        ({"VOICEBOT_LLM__VOICE__NAME": "bea"}, "demo", {"model": "first", "voice": {"name": "bea"}}),
        ({"VOICEBOT_LLM__WORDS": '["a", "b"]'}, "demo", {"model": "first", "words": ["a", "b"]}),
        ({"voicebot_llm__model": "m"}, "demo", {"model": "m"}),
    ],
)
def test_any_plugin_setting_can_come_from_the_environment(
    profile_file: Path, environ: dict[str, str], use: str, settings: dict[str, object]
) -> None:
    profile = load_profile(profile_file, environ=environ)
    assert [(choice.use, choice.settings) for choice in profile.llm] == [(use, settings)]
    resolve(profile)


def test_single_entries_of_a_chain_can_come_from_the_environment(profile_file: Path) -> None:
    text = profile_file.read_text().replace("tts: demo", "tts: [demo, {use: other, model: m}]")
    profile_file.write_text(text)

    def tts(**environ: str) -> list[tuple[str, dict[str, Any]]]:
        return [(choice.use, choice.settings) for choice in load_profile(profile_file, environ=environ).tts]

    assert tts(VOICEBOT_TTS__1__MODEL="n") == [("demo", {}), ("other", {"model": "n"})]
    assert tts(VOICEBOT_TTS__1="demo", VOICEBOT_TTS__0__MODEL="n") == [("demo", {"model": "n"}), ("demo", {})]
    assert tts(VOICEBOT_TTS__2="demo") == [("demo", {}), ("other", {"model": "m"}), ("demo", {})]
    assert tts(VOICEBOT_TTS="other") == [("other", {})]
    assert tts(VOICEBOT_TTS='["other", "demo"]') == [("other", {}), ("demo", {})]
    with pytest.raises(
        ProfileError, match=r"VOICEBOT_TTS__4__MODEL: tts: there is no entry 4 in the chain: it has 2"
    ):
        tts(VOICEBOT_TTS__4__MODEL="x")
    with pytest.raises(ProfileError, match=r"VOICEBOT_TTS__MODEL: tts: is a fallback chain below"):
        tts(VOICEBOT_TTS__MODEL="x")


NEEDS_KEY = "model: first\n  api_key: ${KEY}"
MISSING = "agent.yaml:7: llm.api_key: the environment variable KEY is not set"


@pytest.mark.parametrize(
    ("over", "environ"),
    [
        ("llm: {use: other, model: m}", {}),
        ("llm: other", {}),
        ("llm: [other, demo]", {}),
        ("llm: {api_key: k}", {}),
        ("llm: {api_key: '${OTHER}'}", {"OTHER": "k"}),
        ("", {"VOICEBOT_LLM": "other"}),
        ("", {"VOICEBOT_LLM__API_KEY": "k"}),
        ("", {"VOICEBOT_LLM__0__API_KEY": "k"}),
    ],
)
def test_a_variable_of_what_is_replaced_need_not_be_set(
    profile_file: Path, over: str, environ: dict[str, str]
) -> None:
    profile_file.write_text(profile_file.read_text().replace("model: first", NEEDS_KEY))
    top = profile_file.with_name("top.yaml")
    top.write_text(f"extends: agent.yaml\n{over}\n")
    resolve(load_profile(top, environ=environ))
    assert MISSING in error(profile_file)


@pytest.mark.parametrize("over", ["", "llm: {model: m}", "llm: {use: demo}", "llm: demo", "tts: other"])
def test_a_variable_of_what_stays_must_be_set(profile_file: Path, over: str) -> None:
    profile_file.write_text(profile_file.read_text().replace("model: first", NEEDS_KEY))
    top = profile_file.with_name("top.yaml")
    top.write_text(f"extends: agent.yaml\n{over}\n")
    message = error(top)
    assert message.startswith(MISSING)
    assert "Set it, or give a default: ${KEY:-text}." in message


def test_extends_may_name_a_variable(profile_file: Path) -> None:
    top = profile_file.with_name("top.yaml")
    top.write_text("extends: ${BASE}.yaml\n")
    assert load_profile(top, environ={"BASE": "agent"}).llm[0].use == "demo"
    assert error(top).startswith("top.yaml:1: extends: the environment variable BASE is not set")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("VOICEBOT_LMM__MODEL", "VOICEBOT_LMM__MODEL: is not a setting; did you mean VOICEBOT_LLM__MODEL?"),
        ("VOICEBOT_LLM_MODEL", "did you mean VOICEBOT_LLM__MODEL (two underscores)?"),
        ("VOICEBOT_QQQQQQ", "VOICEBOT_QQQQQQ: is not a setting: the profile has no section 'qqqqqq'"),
        ("VOICEBOT_EXTENDS", "VOICEBOT_EXTENDS: is not a setting"),
        ("VOICEBOT_LLM__", "VOICEBOT_LLM__: should be named VOICEBOT_SECTION__KEY"),
        ("VOICEBOT_LLM" + "__A" * 40, "should be named VOICEBOT_SECTION__KEY"),
        ("VOICEBOT_LLM__MODLE", "VOICEBOT_LLM__MODLE: llm.modle: is not a known key; did you mean 'model'?"),
        (
            "VOICEBOT_AGENT__GRETING",
            "VOICEBOT_AGENT__GRETING: agent.greting: is not a known key; did you mean 'greeting'?",
        ),
        ("VOICEBOT_THREADS__LLM", "VOICEBOT_THREADS__LLM: threads.llm: should be a whole number"),
        ("VOICEBOT_LLM__TEMPERATURE", "VOICEBOT_LLM__TEMPERATURE: llm.temperature: should be a number"),
        ("VOICEBOT_THREADS", "VOICEBOT_THREADS: threads: should be a mapping"),
        ("VOICEBOT_TTS", "VOICEBOT_TTS: tts.use: there is no tts plugin 'hunter22'"),
    ],
)
def test_a_wrong_variable_is_named(profile_file: Path, name: str, said: str) -> None:
    message = error(profile_file, {name: "hunter22"})
    assert said in message
    assert "hunter22" not in message or name == "VOICEBOT_TTS"


def test_a_variable_cannot_be_a_value_and_a_mapping(profile_file: Path) -> None:
    message = error(profile_file, {"VOICEBOT_LLM__VOICE": "x", "VOICEBOT_LLM__VOICE__NAME": "y"})
    assert "VOICEBOT_LLM__VOICE__NAME: VOICEBOT_LLM__VOICE is set to a value, so it has no keys" in message


def test_reserved_variables_are_no_settings(profile_file: Path) -> None:
    names = ("VOICEBOT_MODELS_DIR", "VOICEBOT_INDEX_URL", "VOICEBOT_LOG", "VOICEBOT_DEBUG")
    load_profile(profile_file, environ=dict.fromkeys(names, "x"))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("vad: demo", "vda: demo", "agent.yaml:1: vda: is not a known key; did you mean 'vad'?"),
        ("vad: demo", "vda: demo", "agent.yaml:1: vad: is required"),
        ("vad: demo", "vad:", "agent.yaml:1: vad: should be a plugin's name, or a mapping with `use: NAME`"),
        ("vad: demo", "vad: {}", "agent.yaml:1: vad: needs `use: NAME`, the plugin's name"),
        ("vad: demo", "vad: {use: 3}", "agent.yaml:1: vad: needs `use: NAME`"),
        ("vad: demo", "vad: [demo, demo]", "agent.yaml:1: vad: takes one plugin, not a chain"),
        ("tts: demo", "tts: []", "agent.yaml:7: tts: is an empty chain"),
        ("tts: demo", "tts: [demo, {model: x}]", "agent.yaml:7: tts: entry 1 needs `use: NAME`"),
        (
            "tts: demo",
            "tts: demmo",
            "agent.yaml:7: tts: there is no tts plugin 'demmo'; did you mean 'demo'?",
        ),
        ("tts: demo", "tts: [demo, demmo]", "agent.yaml:7: tts.1: there is no tts plugin 'demmo'"),
        (
            "model: first",
            "modle: first",
            "agent.yaml:6: llm.modle: is not a known key; did you mean 'model'?",
        ),
        (
            "model: first",
            "zzzzzz: first",
            "llm.zzzzzz: is not a known key; known: api_key, model, temperature, voice, words",
        ),
        ("model: first", "model: 3", "agent.yaml:6: llm.model: should be text, not 3"),
        ("model: first", "model: [a]", "agent.yaml:6: llm.model: should be text, not a list"),
        ("model: first", "model: bad one", "agent.yaml:6: llm.model: bad one is not a model"),
        ("model: first", "temperature: hot", "agent.yaml:6: llm.temperature: should be a number, not 'hot'"),
        ("model: first", "temperature: 3", "llm.temperature: should be less than or equal to 2, not 3"),
        (
            "model: first",
            "voice: {nam: x}",
            "agent.yaml:6: llm.voice.nam: is not a known key; did you mean 'name'?",
        ),
        (
            "model: first",
            "voice:\n    name: a\n    pitch: x",
            "agent.yaml:8: llm.voice.pitch: should be a whole number",
        ),
        ("model: first", "voice: anna", "agent.yaml:6: llm.voice: should be a mapping, not 'anna'"),
        ("model: first", "words: [a, 3]", "agent.yaml:6: llm.words.1: should be text, not 3"),
        (
            "model: first",
            "model: ${UNSET}",
            "agent.yaml:6: llm.model: the environment variable UNSET is not set",
        ),
        (
            "tts: demo",
            "tts: demo\nthreads: {stt: 0}",
            "agent.yaml:8: threads.stt: should be greater than or equal to 1",
        ),
        (
            "tts: demo",
            "tts: demo\nthreads: {stt: 1.5}",
            "agent.yaml:8: threads.stt: should be a whole number, not 1.5",
        ),
        ("tts: demo", "tts: demo\nthreads: {stt: true}", "agent.yaml:8: threads.stt: should not be true"),
        ("tts: demo", "tts: demo\nthreads: 3", "agent.yaml:8: threads: should be a mapping, not 3"),
        ("tts: demo", "tts: demo\nthreads:", "agent.yaml:8: threads: should be a mapping, not nothing"),
        (
            "tts: demo",
            "tts: demo\ninterruption: {enabled: maybe}",
            "interruption.enabled: should be true or false, not 'maybe'",
        ),
        (
            "tts: demo",
            "tts: demo\nendpointing:\n  min_delay_ms: 5000",
            "agent.yaml:8: endpointing: min_delay_ms (5000) must not be",
        ),
        (
            "tts: demo",
            "tts: demo\nendpointing: {exit_threshold: .9}",
            "exit_threshold (0.9) must not be above",
        ),
        (
            "tts: demo",
            "tts: demo\nendpointing: {exit_threshold: .nan}",
            "endpointing.exit_threshold: should be",
        ),
        ("tts: demo", "tts: demo\nbudget: {end_of_turn: .inf}", "budget.end_of_turn: should be"),
        ("tts: demo", "tts: demo\nagent: {language: no}", ""),
        ("tts: demo", "tts: demo\nagent: {language: false}", "agent.language: should"),
    ],
)
def test_mistakes_in_plain_words_at_their_place(profile_file: Path, old: str, new: str, said: str) -> None:
    profile_file.write_text(profile_file.read_text().replace(old, new))
    if said:
        assert said in error(profile_file)
    else:
        resolve(load_profile(profile_file, environ={}))


def test_all_problems_of_a_file_come_at_once(profile_file: Path) -> None:
    profile_file.write_text(
        "vad: demo\nstt: {use: demo, modle: x}\nllm: nobody\ntts: demo\nthreads: {sst: 1}\n"
        "agent: {history_turns: '${NO}'}\n"
    )
    lines = error(profile_file, {"VOICEBOT_SPEECH__READ_AHEAD_MS": "soon"}).splitlines()
    assert lines[0] == "agent.yaml: 6 problems"
    assert [line.strip().split(": ")[:2] for line in lines[1:7]] == [
        ["VOICEBOT_SPEECH__READ_AHEAD_MS", "speech.read_ahead_ms"],
        ["agent.yaml:1", "transport"],
        ["agent.yaml:2", "stt.modle"],
        ["agent.yaml:3", "llm"],
        ["agent.yaml:5", "threads.sst"],
        ["agent.yaml:6", "agent.history_turns"],
    ]


def test_secrets_are_never_shown(profile_file: Path) -> None:
    environ = {"SECRET": "sk-hunter22", "VOICEBOT_TTS__API_KEY": "sk-hunter33"}
    text = profile_file.read_text()
    profile_file.write_text(text.replace("model: first", "model: first\n  api_key: ${SECRET}"))
    resolved = resolve(load_profile(profile_file, environ=environ))
    for shown in (repr(resolved), repr(resolved.profile), str(resolved.section("llm").config)):
        assert "hunter" not in shown
    config = resolved.section("llm").config
    assert config.model_dump()["api_key"].get_secret_value() == "sk-hunter22"


@pytest.mark.parametrize(
    ("new", "key"),
    [
        ("api_key: [hunter22]", "llm.api_key"),
        ("temperature: ${SECRET}", "llm.temperature"),
        ("model: bad ${SECRET}", "llm.model"),
    ],
)
def test_secrets_are_not_shown_in_errors(profile_file: Path, new: str, key: str) -> None:
    profile_file.write_text(profile_file.read_text().replace("model: first", new))
    message = error(profile_file, {"SECRET": "hunter22"})
    assert f"agent.yaml:6: {key}: " in message
    assert "hunter22" not in message


def test_a_plugin_that_breaks_is_a_problem_at_its_line(profile_file: Path, make_distribution: Make) -> None:
    make_distribution("boom", {"voicebot.tts": {"boom": "boom_plugin:X"}}, {"boom_plugin": "1 / 0"})
    profile_file.write_text(profile_file.read_text().replace("tts: demo", "tts:\n  use: boom"))
    message = error(profile_file)
    assert message.startswith(
        "agent.yaml:8: tts.use: the tts plugin 'boom' of boom 1.0 could not be imported: Zero"
    )


def test_a_profile_can_be_built_in_code(demo: Path) -> None:
    chosen: dict[str, Any] = dict.fromkeys(KINDS, "demo")
    profile = Profile.model_validate(chosen | {"llm": {"use": "demo", "model": "m"}})
    resolved = resolve(profile)
    assert resolved.section("llm").config.model_dump()["model"] == "m"
    with pytest.raises(ProfileError, match=r"^tts\.use: there is no tts plugin 'x'"):
        resolve(Profile.model_validate(chosen | {"tts": "x"}))


KEYS = st.sampled_from([*KINDS, *Profile.model_fields, "extends", "use", "model", "min_delay_ms"]) | st.text()
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["demo", "${HOME}", "${"])
)
TREES: st.SearchStrategy[Any] = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)
fuzz = settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


def profile_or_error(file: Path, environ: dict[str, str]) -> None:
    with suppress(ProfileError):
        profile = load_profile(file, environ=environ)
        assert isinstance(profile, Profile)
        resolve(profile)


@fuzz
@given(st.dictionaries(KEYS, TREES, max_size=8))
@example({"llm": {"use": "demo", "model": {"use": 1}}})
@example({"tts": [["demo"]]})
def test_any_structure_gives_a_profile_or_a_profile_error(profile_file: Path, data: dict[str, Any]) -> None:
    file = profile_file.with_name("fuzz.yaml")
    complete = dict.fromkeys(KINDS, "demo") | data
    for tree in (data, complete):
        file.write_bytes(yaml.safe_dump(tree, allow_unicode=True).encode("utf-8", "surrogatepass"))
        profile_or_error(file, {})


@fuzz
@given(st.binary() | st.text().map(str.encode))
def test_any_bytes_give_a_profile_or_a_profile_error(profile_file: Path, data: bytes) -> None:
    file = profile_file.with_name("fuzz.yaml")
    file.write_bytes(data)
    profile_or_error(file, {})


NAMES = st.lists(KEYS | st.sampled_from(["0", "1", "²", "٣", ""]), min_size=1, max_size=4).map(
    lambda parts: f"VOICEBOT_{'__'.join(parts)}".upper()
)
VALUES = st.text() | st.sampled_from(
    ["demo", "3", '{"use": "demo"}', '["demo"]', "[[[", '{"0": {"0": "demo"}}', "{}", "[]"]
)


@fuzz
@given(st.dictionaries(NAMES | st.text().map("VOICEBOT_".__add__), VALUES, max_size=5))
@example({"VOICEBOT_LLM__0__0": "demo"})
@example({"VOICEBOT_LLM": "[" * 100_000})
@example({"VOICEBOT_LLM__MODEL": '{"a":' * 100_000})
def test_any_environment_gives_a_profile_or_a_profile_error(
    profile_file: Path, environ: dict[str, str]
) -> None:
    profile_or_error(profile_file, environ)
