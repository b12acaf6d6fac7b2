from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class DemoConfig(BaseModel):
    """Settings of `llm: demo`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    otherwise: str = Field(
        default="Please go on.",
        min_length=1,
        description="What it says where no rule fits.",
    )
