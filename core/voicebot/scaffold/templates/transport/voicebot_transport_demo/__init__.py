"""Calls over plain TCP: the plugin `transport: demo`."""

from voicebot_transport_demo.config import DemoConfig
from voicebot_transport_demo.provider import DemoTransport

__all__ = ["DemoConfig", "DemoTransport"]
