"""Settings that can and cannot be."""

from __future__ import annotations

import pytest
from pydantic import ValidationError
from tests.plugins.stt_openai.support import KEY, MODEL

from voicebot_stt_openai import OpenAISTTConfig


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"base_url": "example.org"}, "base_url"),
        ({"base_url": "https://me:secret@example.org/v1"}, "no user"),
        ({"path": "transcribe"}, "path"),
        ({"extra_fields": {"model": "x"}}, "must not hold model"),
        ({"temperature": 1.5}, "temperature"),
        ({"colour": "red"}, "colour"),
        ({"model": ""}, "model"),
    ],
)
def test_settings_that_cannot_be(settings: dict[str, object], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        OpenAISTTConfig.model_validate({"model": MODEL, **settings})


def test_the_key_is_in_no_description_of_the_settings() -> None:
    config = OpenAISTTConfig.model_validate({"model": MODEL, "api_key": KEY, "headers": {"X-Key": KEY}})
    assert KEY not in f"{config}{config!r}{config.model_dump()}{config.model_dump_json()}"
