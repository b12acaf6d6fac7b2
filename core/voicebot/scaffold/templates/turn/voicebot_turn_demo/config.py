from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class DemoConfig(BaseModel):
    """Settings of `turn: demo`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    sure_ms: int = Field(
        default=250,
        ge=0,
        le=30_000,
        description="Silence to wait for after a whole sentence (ms).",
    )
    unsure_ms: int = Field(
        default=800,
        ge=0,
        le=30_000,
        description="Silence to wait for after anything else (ms).",
    )
