from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class DemoConfig(BaseModel):
    """Settings of `transport: demo`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    host: str = Field(default="127.0.0.1", description="Address to listen on.")
    port: int = Field(default=7070, ge=1, le=65_535, description="Port to listen on.")
    sample_rate: int = Field(default=16_000, ge=8_000, le=48_000, description="Of both directions (Hz).")
