"""The profile's section `access:`."""

from __future__ import annotations

from ipaddress import ip_network
from pathlib import Path
from typing import Self

from pydantic import Field, SecretStr, field_validator, model_validator

from voicebot.strict import Settings

__all__ = ["AccessLimits", "AccessSettings", "LimitTexts"]


class AccessLimits(Settings):
    """How much anybody may ask for. An address is an IPv4 address, or an IPv6 network of 64 bits.

    Programs on the front's own machine are bound by the limits for all together only.
    """

    connections: int = Field(
        default=100, ge=1, le=100_000, description="Signalling connections in no call, of all addresses."
    )
    connections_per_address: int = Field(
        default=20, ge=1, le=100_000, description="Signalling connections of one address, in a call or not."
    )
    calls_per_address: int = Field(default=8, ge=1, le=100_000, description="Calls of one address at once.")
    joins_per_minute: float = Field(
        default=30, gt=0, le=1_000_000, description="Attempts to join a call, of one address."
    )
    requests_per_s: float = Field(
        default=20,
        gt=0,
        le=1_000_000,
        description="HTTP requests of one address, WebSockets included; five times as many at once.",
    )
    sockets: int = Field(
        default=1_000, ge=1, le=1_000_000, description="TCP connections to the port, of all addresses."
    )
    sockets_per_address: int = Field(
        default=100,
        ge=1,
        le=1_000_000,
        description="TCP connections to the port from one address; a trusted proxy is bound by `sockets` only.",
    )
    request_timeout_s: float = Field(
        default=10, gt=0, le=600, description="How long a request may take to come, headers and body (s)."
    )
    response_timeout_s: float = Field(
        default=60,
        gt=0,
        le=3_600,
        description="How long a connection that is no WebSocket and no trusted proxy's may last, whatever it does (s).",
    )


def _text(what: str, example: str) -> str | None:
    value: str | None = Field(
        default=None,
        max_length=300,
        description=f"{what}; empty: nothing; null: '{example}' in the call's language, where voicebot knows it.",
    )
    return value


class LimitTexts(Settings):
    """What the agent says before a limit ends the call."""

    wrap_up: str | None = _text("A little before the longest call ends", "We have to finish soon.")
    time_is_up: str | None = _text("When it ends", "Our time is up. Goodbye.")
    still_there: str | None = _text("When nothing has been said for long", "Are you still there?")
    goodbye: str | None = _text(
        "When nobody answers that", "I will hang up now, as I cannot hear you. Goodbye."
    )
    closing: str | None = _text(
        "When the server stops (`pool.drain_s`), or an operator ends the call",
        "We have to close now. Goodbye.",
    )


class AccessSettings(Settings):
    """Who may call, how often and for how long."""

    secret: SecretStr | None = Field(
        default=None,
        description="Signs call tokens, 32 bytes at least: write ${CALL_SECRET}. With one, every call needs "
        "a token; `voicebot token` makes them, and so can your own server.",
    )
    previous_secret: SecretStr | None = Field(
        default=None, description="The secret before, whose tokens are still taken while you change it."
    )
    secret_file: Path | None = Field(
        default=None,
        description="A file in place of `secret`: its first line is the secret, a second line the previous one.",
    )
    open: bool = Field(
        default=False,
        description="Let anybody call who reaches a public address, without a token. Without it, a front without a "
        "secret serves this machine only.",
    )
    audience: str = Field(
        default="voicebot",
        min_length=1,
        max_length=200,
        description="What a token's `aud` must be: another one for each deployment that shares the secret.",
    )
    max_ttl_s: float = Field(
        default=3_600, gt=0, le=86_400, description="The longest time for which a token may hold (s)."
    )
    leeway_s: float = Field(
        default=5, ge=0, le=300, description="How far the clocks of whoever makes tokens may be off (s)."
    )
    used_tokens: Path | None = Field(
        default=None,
        description="A folder in which used tokens are remembered, relative to the profile: then one is not good again "
        "after a restart, nor at another node with the same folder. null: each front remembers them in memory.",
    )
    trusted_proxies: tuple[str, ...] = Field(
        default=(),
        max_length=100,
        description="Addresses or networks of your own proxies, such as 127.0.0.1 or 10.0.0.0/8: what they say of a "
        "caller's address (X-Forwarded-For) is believed.",
    )
    limits: AccessLimits = Field(
        default_factory=AccessLimits, description="How much anybody may ask for at once."
    )
    max_call_s: float | None = Field(
        default=3_600,
        ge=5,
        le=604_800,
        description="The longest call (s); null: no limit. A token may say less.",
    )
    wrap_up_s: float = Field(
        default=30,
        ge=0,
        le=3_600,
        description="So long before the longest call ends the agent says so (s); not in one of less than twice that.",
    )
    idle_s: float | None = Field(
        default=300,
        ge=5,
        le=86_400,
        description="After so long without a word from either side the agent asks whether the user is still there (s); "
        "null: never.",
    )
    idle_answer_s: float = Field(
        default=10,
        ge=1,
        le=3_600,
        description="So long it waits for an answer to that, and then hangs up (s).",
    )
    texts: LimitTexts = Field(
        default_factory=LimitTexts, description="What the agent says before a limit ends the call."
    )

    @field_validator("trusted_proxies")
    @classmethod
    def _are_networks(cls, networks: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(str(ip_network(network, strict=False)) for network in networks)

    @model_validator(mode="after")
    def _one_secret(self) -> Self:
        if self.secret_file is not None and (self.secret or self.previous_secret):
            raise ValueError(
                "secret_file takes the place of secret and previous_secret: give one or the other"
            )
        if self.previous_secret is not None and self.secret is None:
            raise ValueError("previous_secret is of no use without secret")
        return self
