"""Language models in GGUF files, run inside the process by llama.cpp (through xllamacpp)."""

from __future__ import annotations

from voicebot_llm_llamacpp.config import Example, LlamaCppConfig
from voicebot_llm_llamacpp.provider import LlamaCppLLM

__all__ = ["Example", "LlamaCppConfig", "LlamaCppLLM"]
