"""End of turn after a fixed silence: the plugin `turn: silence`."""

from voicebot_turn_silence.config import SilenceConfig
from voicebot_turn_silence.provider import SilenceTurn

__all__ = ["SilenceConfig", "SilenceTurn"]
