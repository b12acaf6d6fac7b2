from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class DemoConfig(BaseModel):
    """Settings of `stt: demo`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    gap_ms: int = Field(
        default=60,
        ge=20,
        le=2000,
        description="Quiet for this long ends a burst (ms).",
    )
    threshold: float = Field(
        default=0.05,
        gt=0,
        lt=1,
        description="The peak from which sound is no quiet (1 is full scale).",
    )
