"""A front's rules of access in one place: who may call, and with which token (sans-I/O but for the secret file and the
used tokens)."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Literal, TypeAlias

from voicebot.access.addresses import Caller, Proxies, is_loopback_host, is_loopback_name
from voicebot.access.limits import AddressLimits, TokenBucket
from voicebot.access.secrets import AccessError, call_secrets
from voicebot.access.settings import AccessSettings
from voicebot.access.tokens import CallGrant, TokenReason, TokenRefused, TokenVerifier

__all__ = ["Door", "JoinReason", "JoinRefused", "used_tokens_folder"]

LINES = (1.0, 20.0)
"""Refusals that are logged: so many a second, and at once."""

JoinReason: TypeAlias = TokenReason | Literal["not_local", "too_many_joins", "too_many_calls"]
"""`TokenReason`, and: `not_local`: without a secret, somebody who is not on this machine, or comes through a proxy or
under a name that is not this machine's. `too_many_joins`, `too_many_calls`: of that address."""


def used_tokens_folder(settings: AccessSettings, base_dir: Path) -> Path | None:
    """Where a profile's fronts remember used tokens, where that is on disk."""
    return None if settings.used_tokens is None else base_dir / settings.used_tokens.expanduser()


class JoinRefused(Exception):
    """A call is not given; `reason` is for logs and metrics."""

    def __init__(self, reason: JoinReason) -> None:
        super().__init__(reason)
        self.reason: JoinReason = reason


class Door:
    """Where a front asks whom it lets in.

    Three kinds of fronts: with a secret, a call needs a token. Without one, calls are for this machine only: the front
    must listen on loopback, and no proxy may bring others. `open` lets everybody in.

    Args:
        host: where the front listens.

    Raises:
        AccessError: it listens for strangers and nothing says who may call, or a secret cannot be used.
    """

    def __init__(self, settings: AccessSettings, host: str, base_dir: Path = Path()) -> None:
        secrets = call_secrets(settings, base_dir)
        if not secrets and not settings.open and not is_loopback_host(host):
            raise AccessError(
                f"transport.host is {host}, and nothing says who may call",
                hint="Add to the profile:  access: {secret: '${CALL_SECRET}'}  and set that variable "
                "(openssl rand -hex 32): calls then need a token. To let anybody call:  access: {open: true}",
            )
        self.limits = AddressLimits(settings.limits)
        self.refused: Counter[str] = Counter()
        """Calls that were not given, by reason."""
        self.max_call_s = settings.max_call_s
        self._lines = TokenBucket(*LINES, 0.0)
        self._proxies = Proxies(settings.trusted_proxies)
        self._open = settings.open
        self.tokens = (
            TokenVerifier(
                secrets,
                audience=settings.audience,
                max_ttl_s=settings.max_ttl_s,
                leeway_s=settings.leeway_s,
                folder=used_tokens_folder(settings, base_dir),
            )
            if secrets
            else None
        )

    def prepare(self) -> None:
        """Before the first call: make what is needed on disk.

        Raises:
            AccessError: it cannot be made.
        """
        if self.tokens is not None and self.tokens.kept is not None:
            self.tokens.kept.prepare()

    @property
    def needs_token(self) -> bool:
        return self.tokens is not None

    def caller(self, peer: str, forwarded_for: str = "", *, via_proxy: bool = False) -> Caller:
        """Whose request it is: `Proxies.caller`."""
        return self._proxies.caller(peer, forwarded_for, via_proxy=via_proxy)

    def is_proxy(self, peer: str) -> bool:
        """Whether a connection is a trusted proxy's, which keeps it for the next caller."""
        return self._proxies.trusts(peer)

    def socket_key(self, peer: str) -> str:
        """What a TCP connection is counted as, before it has said anything."""
        return "" if self._proxies.trusts(peer) else self._proxies.caller(peer).key

    def may_join(
        self, caller: Caller, host: str, origin: str | None, token: str | None, *, now_s: float, unix_s: float
    ) -> CallGrant | None:
        """Whether a call may be given, as far as this goes; nothing is used up but one of the address's attempts.

        Args:
            host: the request's Host.
            origin: its Origin.
            now_s: on a monotonic clock.
            unix_s: Unix time.

        Returns:
            What its token grants; None where none is needed.

        Raises:
            JoinRefused: no.
        """
        try:
            if not self.limits.join(caller.key, now_s):
                raise JoinRefused("too_many_joins")
            if self.tokens is not None:
                return self.tokens.verify(token, unix_s, origin)
            if not self._open and (caller.forwarded or not is_loopback_name(host)):
                raise JoinRefused("not_local")
            return None
        except (JoinRefused, TokenRefused) as error:
            raise self._counted(error.reason) from error

    def begin(self, caller: Caller, grant: CallGrant | None, unix_s: float) -> None:
        """A call is given: its token is used up, and the address has one call more, until `call_over`.

        Raises:
            JoinRefused: no; then nothing has changed.
        """
        if not self.limits.call(caller.key):
            raise self._counted("too_many_calls")
        if self.tokens is not None and grant is not None:
            try:
                self.tokens.use(grant, unix_s)
            except TokenRefused as error:
                self.limits.call_over(caller.key)
                raise self._counted(error.reason) from error

    def worth_a_line(self, now_s: float) -> bool:
        """Whether another refusal is to be logged: a flood must not fill the disk. All are counted."""
        return self._lines.take(now_s)

    def call_over(self, caller: Caller) -> None:
        self.limits.call_over(caller.key)

    def longest_call_s(self, grant: CallGrant | None) -> float | None:
        """How long a call may last: the token's word, within the profile's."""
        limits = [s for s in (self.max_call_s, grant.max_call_s if grant else None) if s is not None]
        return min(limits, default=None)

    def _counted(self, reason: JoinReason) -> JoinRefused:
        self.refused[reason] += 1
        return JoinRefused(reason)
