from __future__ import annotations

import pytest
from pydantic import BaseModel, ValidationError

from voicebot import settings
from voicebot.profile.model import SETTINGS, Profile
from voicebot.settings import AgentSettings, BudgetSettings, EndpointingSettings, SpeechSettings

MODELS = [getattr(settings, name) for name in settings.__all__]


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_every_section_has_defaults_and_refuses_unknown_keys(model: type[BaseModel]) -> None:
    assert isinstance(model(), BaseModel)
    with pytest.raises(ValidationError, match="extra_forbidden"):
        model.model_validate({"no_such_key": 1})


@pytest.mark.parametrize("section", SETTINGS)
def test_every_key_of_a_profile_is_described(section: str) -> None:
    model = Profile.model_fields[section].annotation
    assert isinstance(model, type)
    assert issubclass(model, BaseModel)
    assert [name for name, field in model.model_fields.items() if not field.description] == []


@pytest.mark.parametrize("tag", ["en", "de-CH", "zh-Hant-TW", "nan"])
def test_language_tags(tag: str) -> None:
    assert AgentSettings(language=tag).language == tag


@pytest.mark.parametrize("tag", ["", "e", "english language", "de_CH", "1"])
def test_what_is_no_language_tag(tag: str) -> None:
    with pytest.raises(ValidationError):
        AgentSettings(language=tag)


def test_limits_that_depend_on_each_other() -> None:
    EndpointingSettings(enter_threshold=0.5, exit_threshold=0.5, min_delay_ms=300, max_delay_ms=300)
    with pytest.raises(
        ValidationError, match=r"exit_threshold \(0\.6\) must not be above enter_threshold \(0\.5\)"
    ):
        EndpointingSettings(exit_threshold=0.6)
    with pytest.raises(ValidationError, match=r"min_delay_ms \(300\) must not be above max_delay_ms \(299\)"):
        EndpointingSettings(min_delay_ms=300, max_delay_ms=299)
    with pytest.raises(ValidationError, match="must not be above"):
        SpeechSettings(first_clause_chars=201)


def test_a_hop_without_a_budget_is_not_judged() -> None:
    assert BudgetSettings(end_of_turn=None).end_of_turn is None
    assert BudgetSettings().end_of_turn == 450
    with pytest.raises(ValidationError):
        BudgetSettings(end_of_turn=0)
