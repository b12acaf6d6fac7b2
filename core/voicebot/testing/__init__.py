"""For tests of voicebot, of plugins and of profiles: a virtual clock, scripted engines, conformance checks.

Nothing here needs a network. `voicebot.testing.conformance` holds what every plugin must pass; it alone needs pytest.
"""

from voicebot.clock import VirtualClockLoop
from voicebot.testing.connection import Say, ScriptedConnection, ScriptedTransport, Silence, tone
from voicebot.testing.engines import (
    LoudnessVAD,
    NoConfig,
    ScriptedLLM,
    ScriptedSTT,
    ScriptedTTS,
    ScriptedTurn,
    as_engine,
    context,
)
from voicebot.testing.running import run_virtual

__all__ = [
    "LoudnessVAD",
    "NoConfig",
    "Say",
    "ScriptedConnection",
    "ScriptedLLM",
    "ScriptedSTT",
    "ScriptedTTS",
    "ScriptedTransport",
    "ScriptedTurn",
    "Silence",
    "VirtualClockLoop",
    "as_engine",
    "context",
    "run_virtual",
    "tone",
]
