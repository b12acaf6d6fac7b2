from __future__ import annotations

from ipaddress import ip_address

from pydantic import Field, field_validator

from voicebot.link.settings import FrontSettings

__all__ = ["WebRtcConfig"]


class WebRtcConfig(FrontSettings):
    """Settings of `transport: {use: webrtc}`."""

    ice_addresses: list[str] = Field(
        default_factory=list,
        description="This machine's IP addresses over which audio may go; by default all of them, and 127.0.0.1 where "
        "there is no other.",
    )

    @field_validator("ice_addresses")
    @classmethod
    def _are_addresses(cls, addresses: list[str]) -> list[str]:
        return [str(ip_address(address)) for address in addresses]
