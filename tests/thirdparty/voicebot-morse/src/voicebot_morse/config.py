from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class MorseConfig(BaseModel):
    """Settings of `stt: morse` and `tts: morse`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    dit_ms: int = Field(default=60, ge=20, le=200, description="How long a dit lasts (ms); 60 is 20 words a minute.")
    pitch_hz: float = Field(default=700, ge=200, le=2000, description="Of the tone (Hz); only for sounding it.")
