"""What a profile can say about Opus and the network, the same for every WebRTC transport."""

from __future__ import annotations

from pydantic import Field

from voicebot.settings import Settings

__all__ = ["JitterSettings", "OpusSettings"]


class OpusSettings(Settings):
    """How the agent's voice is encoded."""

    bitrate: int = Field(
        default=32_000, ge=6_000, le=128_000, description="Bits per second while the agent speaks."
    )
    fec: bool = Field(
        default=True,
        description="Send each packet's speech again, coarsely, in the next one, so that single losses are mended.",
    )
    expected_loss_percent: int = Field(
        default=10,
        ge=0,
        le=100,
        description="Loss to be ready for: how much of the bitrate `fec` may take (%).",
    )
    dtx: bool = Field(
        default=True,
        description="Send almost nothing while the agent is silent: some five packets a second instead of 50.",
    )
    complexity: int = Field(
        default=5, ge=0, le=10, description="The encoder's effort: 0 is cheapest, 10 sounds best."
    )


class JitterSettings(Settings):
    """How long the user's packets are waited for."""

    max_wait_ms: int = Field(
        default=60,
        ge=0,
        le=500,
        description="The longest a missing packet holds up those after it (ms); less while the network is even.",
    )
    stall_ms: int = Field(
        default=200,
        ge=20,
        le=2_000,
        description="How long nothing may come amid speech before that counts as silence (ms).",
    )
