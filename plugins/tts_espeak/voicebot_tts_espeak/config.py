from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["EspeakConfig"]


class EspeakConfig(BaseModel):
    """Settings of `tts: {use: espeak}`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    voice: str = Field(
        default="en-us",
        min_length=1,
        description="A language (`en-us`, `de`), a voice's name, or either with a variant: `en-us+f3`.",
    )
    rate_wpm: int = Field(default=165, ge=80, le=450, description="Speaking rate, words per minute.")
    pitch: int = Field(default=50, ge=0, le=99, description="Base pitch; 50 is the voice's own.")
    volume: int = Field(
        default=100, ge=1, le=200, description="Loudness in per cent of the engine's normal one."
    )
    tail_silence_ms: int = Field(default=80, ge=0, le=2000, description="Silence kept after a clause, in ms.")
