from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from voicebot.interfaces import TokenUsage
from voicebot_llm_llamacpp import LlamaCppConfig, LlamaCppLLM
from voicebot_llm_llamacpp.engine import Chunk, read_chunk


@pytest.mark.parametrize(
    "wrong",
    [
        {"modle": "x"},
        {"temperature": -1},
        {"max_tokens": 0},
        {"max_tokens": 200, "context_tokens": 256},
        {"examples": [{"user": "Hi"}]},
        {"repeat_penalty": 0.5},
    ],
)
def test_wrong_settings_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        LlamaCppConfig.model_validate(wrong)


def test_every_setting_is_described() -> None:
    assert all(field.description for field in LlamaCppConfig.model_fields.values())


def test_the_model_of_the_config_is_required() -> None:
    assert list(LlamaCppLLM.required_models(LlamaCppConfig(model="some.gguf"))) == ["some.gguf"]


def test_importing_the_plugin_does_not_import_the_engine() -> None:
    code = "import sys, voicebot_llm_llamacpp; sys.exit('xllamacpp' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_chunks_are_read() -> None:
    assert read_chunk({"choices": [{"delta": {"role": "assistant", "content": None}}]}) == Chunk()
    assert read_chunk({"choices": [{"delta": {"content": "Hi\ufffd"}}]}) == Chunk(text="Hi")
    assert (
        read_chunk(
            {"choices": [{"delta": {}}], "prompt_progress": {"total": 9, "processed": 0}}
        ).prompt_tokens
        == 9
    )
    usage = {"prompt_tokens": 7, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 5}}
    assert read_chunk({"choices": [], "usage": usage}).usage == TokenUsage(7, 2, 5)
    too_long = {
        "message": "too long",
        "type": "exceed_context_size_error",
        "n_prompt_tokens": 631,
        "n_ctx": 256,
    }
    assert read_chunk({"error": too_long}) == Chunk(error="too long", too_long=True, prompt_tokens=631)
    assert read_chunk({"error": {"message": "no"}}) == Chunk(error="no")


_DELTAS = st.fixed_dictionaries(
    {}, optional={"content": st.none() | st.text(), "reasoning_content": st.text()}
)


@given(choices=st.lists(st.fixed_dictionaries({}, optional={"delta": _DELTAS}), max_size=2))
def test_any_delta_gives_its_text(choices: list[dict[str, dict[str, str | None]]]) -> None:
    content = choices[0].get("delta", {}).get("content") if choices else None
    assert read_chunk({"choices": choices}).text == (content or "").replace("\ufffd", "")
