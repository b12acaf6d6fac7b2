from __future__ import annotations

from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

__all__ = ["SmartConfig"]


def _delay(default: int, when: str) -> int:
    value: int = Field(
        default=default,
        ge=0,
        le=30_000,
        description=f"Silence that ends the turn when {when} (ms); kept within `endpointing.min_delay_ms` "
        "and `endpointing.max_delay_ms`.",
    )
    return value


class SmartConfig(BaseModel):
    """Settings of `turn: smart`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: str = Field(
        default="smart-turn-v3.2",
        min_length=1,
        description="Smart Turn 3 in ONNX: a name from the manifest, or a file.",
    )
    threads: int = Field(
        default=1,
        ge=1,
        le=64,
        description="CPU threads for one verdict; never more than the profile's share.",
    )
    sure: float = Field(default=0.6, ge=0, le=1, description="Probability from which it sounds over.")
    unsure: float = Field(
        default=0.05,
        ge=0,
        le=1,
        description="Probability below which it does not sound over; at most `sure`.",
    )
    sure_delay_ms: int = _delay(280, "it sounds over, and the words are a whole sentence")
    likely_delay_ms: int = _delay(320, "one of the two is in doubt")
    maybe_delay_ms: int = _delay(450, "both are, or it does not sound over")
    unsure_delay_ms: int = _delay(650, "neither says that it is over")
    again_ms: int = Field(
        default=160,
        ge=0,
        le=5_000,
        description="Silence after which a verdict that was not sure is taken once more, with more to go by (ms); "
        "0: never.",
    )

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.unsure > self.sure:
            raise ValueError(f"unsure ({self.unsure}) must not be above sure ({self.sure})")
        delays = (self.sure_delay_ms, self.likely_delay_ms, self.maybe_delay_ms, self.unsure_delay_ms)
        if sorted(delays) != list(delays):
            raise ValueError(
                "sure_delay_ms, likely_delay_ms, maybe_delay_ms and unsure_delay_ms must not fall: "
                + ", ".join(map(str, delays))
            )
        return self
