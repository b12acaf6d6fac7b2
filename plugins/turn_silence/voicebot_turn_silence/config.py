from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class SilenceConfig(BaseModel):
    """Settings of `turn: silence`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    delay_ms: int = Field(
        default=400,
        ge=0,
        le=30_000,
        description="Silence after which the turn is over (ms); kept within `endpointing.min_delay_ms` "
        "and `endpointing.max_delay_ms`.",
    )
