"""What every plugin must do, as pytest classes that its author subclasses.

    class TestChime(TTSConformance):
        def make(self) -> ChimeTTS:
            return ChimeTTS(ChimeConfig(), context())

Each check is a promise, tried on an event loop of the class's own and with a provider that its checks share; where it
is broken, the message is a sentence that says how. Checks judge no speed: a slow plugin is not a wrong one. Needs
pytest, and neither keys nor a network. docs/conformance.md lists the checks.
"""

from voicebot.testing.conformance.end_of_turn import EndOfTurnConformance
from voicebot.testing.conformance.llm import LLMConformance
from voicebot.testing.conformance.provider import ProviderConformance
from voicebot.testing.conformance.rules import ConformanceError
from voicebot.testing.conformance.stt import STTConformance
from voicebot.testing.conformance.transport import TransportConformance
from voicebot.testing.conformance.tts import TTSConformance
from voicebot.testing.conformance.vad import VADConformance

__all__ = [
    "ConformanceError",
    "EndOfTurnConformance",
    "LLMConformance",
    "ProviderConformance",
    "STTConformance",
    "TTSConformance",
    "TransportConformance",
    "VADConformance",
]
