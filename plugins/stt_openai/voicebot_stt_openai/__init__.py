"""Speech to text on an OpenAI-compatible server: Groq, OpenAI, speaches, whisper.cpp's server."""

from voicebot_stt_openai.config import OpenAISTTConfig
from voicebot_stt_openai.provider import OpenAISTT

__all__ = ["OpenAISTT", "OpenAISTTConfig"]
