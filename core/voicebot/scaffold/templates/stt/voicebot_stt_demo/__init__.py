"""Counts bursts of sound: the plugin `stt: demo`."""

from voicebot_stt_demo.config import DemoConfig
from voicebot_stt_demo.provider import DemoSTT

__all__ = ["DemoConfig", "DemoSTT"]
