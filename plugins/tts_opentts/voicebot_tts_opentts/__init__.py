"""Text to speech by an OpenTTS server: the plugin `tts: opentts`."""

from __future__ import annotations

from voicebot_tts_opentts.config import OpenTTSConfig
from voicebot_tts_opentts.provider import OpenTTS

__all__ = ["OpenTTS", "OpenTTSConfig"]
