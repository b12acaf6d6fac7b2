"""A call made of two WAV files: the user's audio in, what the listener would hear out."""

from voicebot_transport_wav.config import WavConfig
from voicebot_transport_wav.connection import WavConnection
from voicebot_transport_wav.provider import WavTransport

__all__ = ["WavConfig", "WavConnection", "WavTransport"]
