"""End of turn by punctuation: the plugin `turn: demo`."""

from voicebot_turn_demo.config import DemoConfig
from voicebot_turn_demo.provider import DemoTurn

__all__ = ["DemoConfig", "DemoTurn"]
