from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["PiperConfig"]


class PiperConfig(BaseModel):
    """Settings of `tts: {use: piper}`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    voice: str = Field(
        default="piper-en_US-joe-medium",
        min_length=1,
        description="A voice of the model manifest, or the path of an .onnx file (its .onnx.json beside it).",
    )
    speaker: int | None = Field(
        default=None, ge=0, description="Speaker number, for voices that have several."
    )
    speed: float = Field(
        default=1.0, ge=0.25, le=4.0, description="Speaking rate; 2 is twice the voice's own."
    )
    noise_scale: float | None = Field(
        default=None,
        ge=0,
        le=2,
        description="Variation of the sound; 0 is the flattest. Default: the voice's own.",
    )
    noise_w: float | None = Field(
        default=None, ge=0, le=2, description="Variation of the rhythm. Default: the voice's own."
    )
    volume: float = Field(
        default=0.8,
        gt=0,
        le=1,
        description="Loudness; 1 lets each sentence reach full scale, which a resampler's overshoot then clips.",
    )
    tail_silence_ms: int = Field(default=80, ge=0, le=2000, description="Silence kept after a clause, in ms.")
