"""Calls from browsers by WebRTC, in pure pip: aiortc for the audio, aiohttp for the page and its signalling."""

from voicebot_transport_webrtc.config import WebRtcConfig
from voicebot_transport_webrtc.provider import WebRtcTransport

__all__ = ["WebRtcConfig", "WebRtcTransport"]
