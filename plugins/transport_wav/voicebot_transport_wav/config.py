from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["WavConfig"]


class WavConfig(BaseModel):
    """Settings of `transport: {use: wav}`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    input: Path = Field(description="The user's side: any WAV, 8 to 192 kHz, mixed down to mono.")
    output: Path = Field(description="The agent's side, written when the call ends: 16-bit mono WAV.")
    sample_rate: int = Field(
        default=24_000, ge=8_000, le=192_000, description="Sample rate of the output, in Hz."
    )
    tail_ms: int = Field(
        default=1200,
        ge=0,
        description="How long all must be quiet, after the input's end, for the call to end; ms.",
    )
    max_wait_s: float = Field(
        default=60.0, gt=0, description="The call ends this long after the input's end at the latest, in s."
    )
