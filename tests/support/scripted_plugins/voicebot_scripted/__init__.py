"""Plugins that do as a profile tells them: whole processes can be tested and loaded without models.

    PYTHONPATH=tests/support/scripted_plugins voicebot run --profile tests/support/scripted.yaml

`vad`, `stt`, `llm` and `tts` named `scripted` use hardly any CPU, answer after the delays of their settings, and fail
or die when they are told to. The transport of that name brings calls from a Unix socket (`tests/support/caller.py`
places them); any other one is a variable away, for a browser say:

    VOICEBOT_TRANSPORT=webrtc VOICEBOT_TRANSPORT__PORT=0 PYTHONPATH=… voicebot run --profile tests/support/scripted.yaml
"""

from .engines import Llm, Stt, Tts, Vad
from .transport import ScriptedTransport

__all__ = ["Llm", "ScriptedTransport", "Stt", "Tts", "Vad"]
