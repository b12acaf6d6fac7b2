"""What a page heard and said, and what its peer connections counted (`recorder.js` is their other half)."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from playwright.async_api import Page

from voicebot.audio import AudioChunk

__all__ = ["Recording", "Stats", "recordings", "stats"]


@dataclass(frozen=True)
class Recording:
    """A track's sound."""

    audio: AudioChunk
    started_ms: float
    """When its first sample came, on the page's clock (`performance.now()`)."""

    def part(self, from_ms: float, to_ms: float = float("inf")) -> Recording:
        """What came between two times of the page's clock."""
        rate = self.audio.sample_rate
        whole = len(self.audio.samples)
        first, last = (
            round(min(max((at_ms - self.started_ms) * rate / 1000, 0), whole)) for at_ms in (from_ms, to_ms)
        )
        return Recording(
            AudioChunk(self.audio.samples[first:last], rate), self.started_ms + first * 1000 / rate
        )


async def recordings(page: Page, which: Literal["received", "microphone"] = "received") -> list[Recording]:
    """What came of each track until now, in the order in which they began. Tracks without a sample are left out."""
    raw: list[dict[str, Any]] = await page.evaluate("which => __harness.take(which)", which)
    return [
        Recording(
            AudioChunk(np.frombuffer(base64.b64decode(one["pcm"]), np.int16), one["rate"]), one["startedMs"]
        )
        for one in raw
    ]


@dataclass(frozen=True)
class Stats:
    """Counters of a page's live peer connections since each began, as W3C's webrtc-stats names them."""

    at_ms: float
    """On the page's clock."""
    inbound: dict[str, Any]
    """`inbound-rtp` of the audio received: packetsReceived, concealedSamples, jitterBufferDelay …; {} before any."""
    outbound: dict[str, Any]
    """`outbound-rtp` of the audio sent."""
    remote_inbound: dict[str, Any]
    """What the far side says of the audio sent: packetsLost, roundTripTime …"""
    codecs: list[str]


async def stats(page: Page) -> Stats:
    """Ask the browser now."""
    raw: dict[str, Any] = await page.evaluate("() => __harness.stats()")

    def last(kind: str) -> dict[str, Any]:
        found = [one for one in raw["stats"] if one["type"] == kind and one.get("kind") == "audio"]
        return found[-1] if found else {}

    codecs = [one.get("sdpFmtpLine", "") for one in raw["stats"] if one["type"] == "codec"]
    return Stats(raw["atMs"], last("inbound-rtp"), last("outbound-rtp"), last("remote-inbound-rtp"), codecs)
