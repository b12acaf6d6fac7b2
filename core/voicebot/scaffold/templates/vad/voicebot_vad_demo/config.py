from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class DemoConfig(BaseModel):
    """Settings of `vad: demo`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    threshold_db: float = Field(
        default=-40,
        ge=-90,
        le=0,
        description="The level from which sound is speech (dB below full scale).",
    )
