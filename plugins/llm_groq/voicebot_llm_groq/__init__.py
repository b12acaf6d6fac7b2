"""Language models on GroqCloud: the plugin `llm: groq`."""

from __future__ import annotations

from voicebot_llm_groq.config import GroqConfig
from voicebot_llm_groq.provider import GroqLLM

__all__ = ["GroqConfig", "GroqLLM"]
