from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from voicebot.errors import PluginLoadError, ProfileError
from voicebot.models import ModelStore
from voicebot.profile import context_for, load_profile, required_models, resolve

Make = Callable[..., Path]


def test_sections_are_validated_by_their_plugin(profile_file: Path) -> None:
    resolved = resolve(load_profile(profile_file, environ={"VOICEBOT_LLM__TEMPERATURE": "1.5"}))
    section = resolved.section("llm")
    assert (section.use, section.info.distribution, section.info.kind) == ("demo", "demo-plugin", "llm")
    assert section.provider_class.__name__ == "Llm"
    assert section.config.model_dump(include={"model", "temperature"}) == {
        "model": "first",
        "temperature": 1.5,
    }


def test_a_chain_keeps_its_order(profile_file: Path) -> None:
    profile = load_profile(profile_file, environ={"VOICEBOT_TTS": '["other", {"use": "demo", "model": "m"}]'})
    resolved = resolve(profile)
    assert [section.use for section in resolved.chain("tts")] == ["other", "demo"]
    assert resolved.section("tts") is resolved.chain("tts")[0]


def test_models_of_all_plugins_each_once(profile_file: Path) -> None:
    environ = {"VOICEBOT_STT__MODEL": "ears", "VOICEBOT_TTS": '["other", {"use": "demo", "model": "ears"}]'}
    profile = load_profile(profile_file, environ=environ)
    assert required_models(profile) == required_models(resolve(profile)) == ["ears", "first"]


def test_a_plugin_that_cannot_name_its_models_is_named(profile_file: Path, make_distribution: Make) -> None:
    source = "from demo_plugin import Tts\nclass X(Tts):\n  @classmethod\n  def required_models(cls, config): 1 / 0"
    make_distribution("vague", {"voicebot.tts": {"vague": "vague_plugin:X"}}, {"vague_plugin": source})
    with pytest.raises(
        PluginLoadError, match=r"'vague' of vague 1\.0 could not say which models it needs: Zero"
    ):
        required_models(load_profile(profile_file, environ={"VOICEBOT_TTS": "vague"}))


def test_context_has_the_kind_s_threads_and_the_profile_s_folder(profile_file: Path) -> None:
    profile = load_profile(
        profile_file, environ={"VOICEBOT_THREADS__LLM": "7", "VOICEBOT_AGENT__LANGUAGE": "de"}
    )
    store = ModelStore()
    for given in (profile, resolve(profile)):
        context = context_for("llm", given, store)
        assert (context.threads, context.language) == (7, "de")
        assert context.base_dir == profile_file.parent.resolve()
        assert context.models is store
    assert context_for("stt", profile, store).threads == 1


def test_only_what_is_named_is_imported(profile_file: Path, make_distribution: Make) -> None:
    make_distribution(
        "idle", {"voicebot.tts": {"idle": "idle_plugin:X"}}, {"idle_plugin": "raise SystemExit"}
    )
    resolve(load_profile(profile_file, environ={}))
    assert "idle_plugin" not in sys.modules


def test_a_validator_that_crashes_is_a_problem_of_that_section(
    profile_file: Path, make_distribution: Make
) -> None:
    source = """
        from demo_plugin import Plain, Tts
        from pydantic import model_validator
        class Crashing(Plain):
            @model_validator(mode="before")
            @classmethod
            def crash(cls, data):
                raise KeyError("k")
        class X(Tts):
            Config = Crashing
    """
    make_distribution("crash", {"voicebot.tts": {"crash": "crash_plugin:X"}}, {"crash_plugin": source})
    profile_file.write_text(profile_file.read_text().replace("tts: demo", "tts: crash"))
    with pytest.raises(
        ProfileError, match=r"agent\.yaml:7: tts: 'crash' failed to validate its settings: KeyError"
    ):
        resolve(load_profile(profile_file, environ={}))
