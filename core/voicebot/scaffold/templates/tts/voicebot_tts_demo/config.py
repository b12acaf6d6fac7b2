from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class DemoConfig(BaseModel):
    """Settings of `tts: demo`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    pitch_hz: float = Field(default=440, ge=50, le=4000, description="How high it rings (Hz).")
