from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from voicebot.link.settings import FrontSettings
from voicebot.settings import Settings

__all__ = ["MediasoupConfig", "RtcSettings", "SfuSettings"]

_Port = Annotated[int, Field(ge=1, le=65_535)]


class RtcSettings(Settings):
    """Where the SFU takes the audio."""

    listen_ip: str = Field(
        default="127.0.0.1", min_length=1, description="The address to take audio at; 0.0.0.0 for all."
    )
    announced_address: str | None = Field(
        default=None,
        min_length=1,
        description="The address or name by which pages reach `listen_ip`, where that is another (NAT, 0.0.0.0).",
    )
    port: int = Field(
        default=40_000,
        ge=0,
        le=65_535,
        description="All calls share this port, UDP and TCP; each further media worker takes the next one.",
    )
    port_range: tuple[_Port, _Port] | None = Field(
        default=None, description="In place of `port`: [lowest, highest], two ports for each call."
    )
    media_workers: int | None = Field(
        default=None,
        ge=1,
        le=256,
        description="mediasoup Workers, a process each; by default one per CPU core.",
    )

    @model_validator(mode="after")
    def _ports(self) -> Self:
        if self.port_range is None:
            if self.port + (self.media_workers or 1) - 1 > 65_535:
                raise ValueError("port is too high for that many media_workers, a port each")
        elif "port" in self.model_fields_set:
            raise ValueError("port and port_range exclude each other")
        elif self.port_range[0] > self.port_range[1]:
            raise ValueError("port_range must be [lowest, highest]")
        return self


class SfuSettings(Settings):
    """The SFU's process."""

    start: bool = Field(
        default=True,
        description="Start the SFU and keep it running; false: it runs by itself, and `socket` says where.",
    )
    node: str = Field(
        default="node", min_length=1, description="Node.js, 20 or newer: a command's name or a path."
    )
    dir: Path | None = Field(
        default=None, description="The SFU's folder; by default the one that came with voicebot."
    )
    connect_timeout_s: float = Field(
        default=30,
        gt=0,
        le=3600,
        description="How long a call worker waits for an SFU that is not there (s).",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="What the SFU logs, from this level up."
    )


class MediasoupConfig(FrontSettings):
    """Settings of `transport: {use: mediasoup}`."""

    rtc: RtcSettings = Field(default_factory=RtcSettings, description="Where the SFU takes the audio.")
    sfu: SfuSettings = Field(default_factory=SfuSettings, description="The SFU's process.")

    @model_validator(mode="after")
    def _can_be_found(self) -> Self:
        if not self.sfu.start and self.socket is None:
            raise ValueError("sfu.start is false: set socket to the path that the running SFU was given")
        return self
