"""Language models behind an OpenAI-compatible chat-completions server: the plugin `llm: openai`."""

from __future__ import annotations

from voicebot_llm_openai.config import OpenAIConfig
from voicebot_llm_openai.provider import OpenAILLM

__all__ = ["OpenAIConfig", "OpenAILLM"]
