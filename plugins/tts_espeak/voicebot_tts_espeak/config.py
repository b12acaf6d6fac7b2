from __future__ import annotations

from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

__all__ = ["EspeakConfig"]

_SLOWEST_WPM, _FASTEST_WPM = 80, 450
"""What eSpeak takes."""


class EspeakConfig(BaseModel):
    """Settings of `tts: {use: espeak}`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    voice: str | None = Field(
        default=None,
        min_length=1,
        description="A language (`en-us`, `de`), a voice's name, or either with a variant: `en-us+f3`. null takes the "
        "call's language (American for plain `en`).",
    )
    rate_wpm: int = Field(
        default=165,
        ge=_SLOWEST_WPM,
        le=_FASTEST_WPM,
        description="Speaking rate at speed 1, words per minute.",
    )
    speed: float = Field(
        default=1.0, ge=0.25, le=4.0, description="Speaking rate; 2 is twice as fast as `rate_wpm` says."
    )
    pitch: int = Field(default=50, ge=0, le=99, description="Base pitch; 50 is the voice's own.")
    volume: int = Field(
        default=100, ge=1, le=200, description="Loudness in per cent of the engine's normal one."
    )
    tail_silence_ms: int = Field(default=80, ge=0, le=2000, description="Silence kept after a clause, in ms.")

    @property
    def words_per_minute(self) -> int:
        """What the engine is asked for."""
        return round(self.rate_wpm * self.speed)

    @model_validator(mode="after")
    def _can_be_spoken(self) -> Self:
        if not _SLOWEST_WPM <= self.words_per_minute <= _FASTEST_WPM:
            raise ValueError(
                f"`rate_wpm` times `speed` is {self.words_per_minute}, and must be {_SLOWEST_WPM} to {_FASTEST_WPM}"
            )
        return self
