"""Calls from browsers through mediasoup, an SFU on Node.js."""

from voicebot_transport_mediasoup.config import MediasoupConfig
from voicebot_transport_mediasoup.front import SfuFront
from voicebot_transport_mediasoup.provider import MediasoupTransport

__all__ = ["MediasoupConfig", "MediasoupTransport", "SfuFront"]
