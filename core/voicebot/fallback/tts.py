"""Voices in a chain."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from voicebot.audio import AudioChunk
from voicebot.fallback.provider import FallbackProvider
from voicebot.fallback.streaming import stream_through
from voicebot.interfaces import TTS, SynthesisEvent

__all__ = ["FallbackTTS"]


class FallbackTTS(FallbackProvider[TTS]):
    """Says a clause with the first voice that can.

    A clause of which nothing has been handed on is said by the next voice from its beginning. Of one that breaks off
    later the rest is dropped, and the next clause goes to the next voice; where there is none it fails. A voice that
    another had to stand in for is left alone for a while: an answer should not change between them.
    """

    def synthesize(self, text: str) -> AsyncGenerator[SynthesisEvent, None]:
        sounds = any(char.isalnum() for char in text)
        return stream_through(
            self._chain,
            lambda tts: tts.synthesize(text),
            what="audio",
            counts=lambda event: isinstance(event, AudioChunk) and len(event.samples) > 0,
            nothing="it made no sound of the text" if sounds else "",
            may_go_on=True,
        )
