"""Turns what it hears into a question: the plugin `llm: demo`."""

from voicebot_llm_demo.config import DemoConfig
from voicebot_llm_demo.provider import DemoLLM

__all__ = ["DemoConfig", "DemoLLM"]
