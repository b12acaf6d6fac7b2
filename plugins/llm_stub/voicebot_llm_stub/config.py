from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

__all__ = ["StubConfig"]


class StubConfig(BaseModel):
    """Settings of the stub server. The defaults are about a fast cloud's."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    ttft_ms: float = Field(
        default=120.0, ge=0, le=60_000, description="Request received -> first token sent (ms)."
    )
    tokens_per_s: float = Field(default=200.0, gt=0, le=10_000, description="Tokens are words.")
    jitter_ms: float = Field(
        default=0.0, ge=0, le=60_000, description="Each token is late by up to this much (ms), at random."
    )
    seed: int = Field(default=0, description="Of the jitter: the same in every run, request by request.")
    replies: list[Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]] | None = Field(
        default=None, min_length=1, description="What it answers, instead of the built-in replies."
    )
    misbehave: Literal["", "hang", "slow_headers", "cut", "error"] = Field(
        default="",
        description="For tests: never send the first token; send the headers only with it; close the connection after "
        "the third; answer 500.",
    )
