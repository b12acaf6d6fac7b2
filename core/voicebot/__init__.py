"""voicebot: a self-hosted voice-agent framework."""

from voicebot._version import __version__

__all__ = ["__version__"]
