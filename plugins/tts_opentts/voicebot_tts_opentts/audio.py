"""The WAV in an answer. Pure."""

from __future__ import annotations

from voicebot.audio import AudioChunk
from voicebot.errors import AudioError, EngineError
from voicebot.wav import parse_wav

__all__ = ["read_answer"]


def read_answer(kind: str, body: bytes, where: str) -> AudioChunk:
    """Speech out of an answer to GET /api/tts: any WAV (8 to 192 kHz, any sample format), mixed to mono.

    Args:
        kind: its media type.

    Raises:
        EngineError: it holds no WAV, or one without samples, one whose header does not fit what is there, or one
            that is damaged.
    """
    if not body:
        raise EngineError(f"{where} answered with nothing instead of a WAV.", retryable=True)
    if body[:4] not in (b"RIFF", b"RIFX", b"RF64"):
        what = (
            "a web page"
            if kind == "text/html" or body.lstrip()[:1] == b"<"
            else f"{kind or 'something else'}"
        )
        raise EngineError(
            f"{where} answered with {what} instead of a WAV.",
            hint="Is base_url the address of an OpenTTS server?",
        )
    try:
        return parse_wav(body, "the answer")
    except AudioError as error:
        raise EngineError(f"{where} sent a WAV that cannot be used: {error}", retryable=True) from None
