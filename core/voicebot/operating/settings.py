"""The profile's section `operator:`."""

from __future__ import annotations

from typing import Self

from pydantic import Field, SecretStr, model_validator

from voicebot.access.addresses import is_loopback_host
from voicebot.strict import Settings

__all__ = ["OperatorSettings"]

SHORTEST_PASSWORD = 16
"""Characters. So long a one is not found by trying, however often."""


class OperatorSettings(Settings):
    """The page on which an operator sees the calls that are on, and can end one."""

    port: int | None = Field(
        default=None,
        ge=0,
        le=65_535,
        description="Where `voicebot run` serves it; 0: a free port; null: there is none.",
    )
    host: str = Field(
        default="127.0.0.1",
        min_length=1,
        max_length=253,
        description="The address that it listens on; another than loopback needs a `password`.",
    )
    password: SecretStr | None = Field(
        default=None,
        description=f"What the browser asks for, with any user name, {SHORTEST_PASSWORD} characters at least: write "
        "${OPERATOR_PASSWORD}. Without one the page is for this machine only, and not for what a proxy brings.",
    )
    transcripts: bool = Field(
        default=False,
        description="Whether the page shows the last words of a call; only with consent, as `keep.consent` and "
        "`keep.consent_phrases` have it.",
    )

    @model_validator(mode="after")
    def _not_for_everybody(self) -> Self:
        if self.password is None:
            if not is_loopback_host(self.host):
                raise ValueError(
                    f"host {self.host} can be reached from elsewhere, so a password is needed: "
                    "password: ${OPERATOR_PASSWORD}  (openssl rand -hex 16)"
                )
        elif len(self.password.get_secret_value()) < SHORTEST_PASSWORD:
            raise ValueError(f"the password must have {SHORTEST_PASSWORD} characters at least")
        return self
