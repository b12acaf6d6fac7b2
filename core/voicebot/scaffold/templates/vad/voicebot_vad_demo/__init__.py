"""Voice activity by loudness: the plugin `vad: demo`."""

from voicebot_vad_demo.config import DemoConfig
from voicebot_vad_demo.provider import DemoVAD

__all__ = ["DemoConfig", "DemoVAD"]
