"""Call tokens: JSON Web Tokens, HS256, short-lived, each good for one call (sans-I/O).

| claim | |
|---|---|
| `aud` | the profile's `access.audience`, a text or a list with it |
| `iat`, `exp` | when it was made, and until when it holds: seconds since 1970 |
| `jti` | names the token: no two may have the same, so a random one of 16 bytes or more |
| `nbf` | optional: from when it holds |
| `origin` | optional: the only site whose page may use it, `https://example.org` |
| `max_call_s` | optional: the longest call with it (s) |
| `sub` | optional: a label for logs, such as the number of a customer |

Others are ignored.
"""

from __future__ import annotations

import math
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

import jwt

from voicebot.access.replay import ReplayCache
from voicebot.access.used import UsedTokens

__all__ = ["CallGrant", "TokenReason", "TokenRefused", "TokenVerifier", "make_token"]

ALGORITHM = "HS256"
LONGEST_TOKEN = 2_048
"""Characters."""
LONGEST_TEXT = 200
"""Characters of `jti`, `sub` and `origin`."""
_LATEST = float(2**53)
LONGEST_CALL_S = 604_800.0

TokenReason: TypeAlias = Literal[
    "missing",
    "malformed",
    "forged",
    "wrong_audience",
    "expired",
    "not_yet",
    "too_long",
    "wrong_origin",
    "replayed",
    "too_many",
]
"""`missing`: there is none. `malformed`: it is no token, or a claim is missing or of a wrong form. `forged`: signed
with another secret, with another algorithm or not at all. `wrong_audience`: for another deployment. `expired`.
`not_yet`: its time has not come, or it was made in the future. `too_long`: it holds for longer than
`access.max_ttl_s`. `wrong_origin`: for the page of another site. `replayed`: it has had its call. `too_many`: more
tokens were used than are remembered.

For logs and metrics. Callers are told that they are not allowed, and no more."""


class TokenRefused(Exception):
    """A token is not good for a call now."""

    def __init__(self, reason: TokenReason) -> None:
        super().__init__(reason)
        self.reason: TokenReason = reason


@dataclass(frozen=True, slots=True)
class CallGrant:
    """What a good token says."""

    token_id: str
    expires_s: float
    """Unix time from which it is refused, leeway included."""
    label: str = ""
    max_call_s: float | None = None


def make_token(
    secret: bytes,
    *,
    audience: str,
    now_s: float,
    ttl_s: float,
    label: str = "",
    max_call_s: float | None = None,
    origin: str = "",
    token_id: str | None = None,
) -> str:
    """Sign a token.

    Args:
        now_s: Unix time.
        token_id: its `jti`; a random one of 128 bits where None.
    """
    claims: dict[str, Any] = {
        "aud": audience,
        "iat": math.floor(now_s),
        "exp": math.floor(now_s + ttl_s),
        "jti": token_id or secrets.token_urlsafe(16),
    }
    given = {"sub": label, "max_call_s": max_call_s, "origin": origin}
    claims |= {name: value for name, value in given.items() if value}
    return jwt.encode(claims, secret, ALGORITHM)


class TokenVerifier:
    """Says which tokens are good, and remembers those that were used.

    Args:
        secrets: any of them may have signed.
        max_ttl_s: the longest time for which a token may hold.
        leeway_s: how far clocks may be off.
        folder: where used tokens are remembered beyond this process; None: nowhere.
    """

    def __init__(
        self,
        secrets: Sequence[bytes],
        *,
        audience: str,
        max_ttl_s: float,
        leeway_s: float,
        remembered: int = 100_000,
        folder: Path | None = None,
    ) -> None:
        self._secrets = tuple(secrets)
        self._audience = audience
        self._max_ttl_s = max_ttl_s
        self._leeway_s = leeway_s
        self.used = ReplayCache(remembered)
        # A token may have been made a leeway from now, and be taken a leeway after it has expired.
        self.kept = None if folder is None else UsedTokens(folder, max_ttl_s + 2 * leeway_s)

    def verify(self, token: str | None, now_s: float, origin: str | None = None) -> CallGrant:
        """What the token grants; it is not used up by that.

        Args:
            now_s: Unix time.
            origin: the site of the page, as its browser says; None where nothing says it.

        Raises:
            TokenRefused: it is not good.
        """
        if not token:
            raise TokenRefused("missing")
        claims = self._claims(token)
        token_id, expires_s, label, max_call_s, bound_to = self._check(claims, now_s)
        if bound_to is not None and (origin is None or bound_to.lower() != origin.lower()):
            raise TokenRefused("wrong_origin")
        if token_id in self.used or (self.kept is not None and token_id in self.kept):
            raise TokenRefused("replayed")
        return CallGrant(token_id, expires_s, label, max_call_s)

    def use(self, grant: CallGrant, now_s: float) -> None:
        """The token has its call now.

        Raises:
            TokenRefused: it has had one, or too many others have.
        """
        if grant.token_id in self.used:
            raise TokenRefused("replayed")
        if not self.used.add(grant.token_id, grant.expires_s, now_s):
            raise TokenRefused("too_many")
        if self.kept is not None and not self.kept.add(grant.token_id, now_s):
            raise TokenRefused("replayed")

    def _claims(self, token: str) -> dict[str, Any]:
        if len(token) > LONGEST_TOKEN or not _COMPACT.fullmatch(token):
            raise TokenRefused("malformed")
        for secret in self._secrets:
            try:
                # Times and the rest are checked below, on the caller's clock.
                claims: dict[str, Any] = jwt.decode(token, secret, [ALGORITHM], options=_SIGNATURE_ONLY)
                return claims
            except (jwt.InvalidSignatureError, jwt.InvalidAlgorithmError):
                continue
            except (jwt.InvalidTokenError, RecursionError) as error:  # the latter of JSON that is too deep
                raise TokenRefused("malformed") from error
        raise TokenRefused("forged")

    def _check(
        self, claims: dict[str, Any], now_s: float
    ) -> tuple[str, float, str, float | None, str | None]:
        issued_s, expires_s = _time(claims, "iat"), _time(claims, "exp")
        not_before_s = _time(claims, "nbf") if "nbf" in claims else issued_s
        token_id = _text(claims, "jti")
        label = _text(claims, "sub") if "sub" in claims else ""
        origin = _text(claims, "origin") if "origin" in claims else None
        max_call_s = _number(claims, "max_call_s", LONGEST_CALL_S) if "max_call_s" in claims else None
        if max_call_s is not None and max_call_s < 1:
            raise TokenRefused("malformed")
        audience = claims.get("aud")
        if self._audience not in (audience if isinstance(audience, list) else [audience]):
            raise TokenRefused("wrong_audience")
        if now_s >= expires_s + self._leeway_s:
            raise TokenRefused("expired")
        if now_s < max(issued_s, not_before_s) - self._leeway_s:
            raise TokenRefused("not_yet")
        if expires_s - issued_s > self._max_ttl_s:
            raise TokenRefused("too_long")
        return token_id, expires_s + self._leeway_s, label, max_call_s, origin


_COMPACT = re.compile(r"[\w-]+\.[\w-]+\.[\w-]*", re.ASCII)
_SIGNATURE_ONLY: Any = {
    "verify_signature": True,
    **{f"verify_{name}": False for name in ("aud", "exp", "iat", "iss", "jti", "nbf", "sub")},
}


def _number(claims: dict[str, Any], name: str, most: float) -> float:
    value = claims.get(name)
    # JSON of Python has NaN; a comparison with it is false.
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= most:
        raise TokenRefused("malformed")
    return float(value)


def _time(claims: dict[str, Any], name: str) -> float:
    return _number(claims, name, _LATEST)


def _text(claims: dict[str, Any], name: str) -> str:
    value = claims.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= LONGEST_TEXT:
        raise TokenRefused("malformed")
    return value
