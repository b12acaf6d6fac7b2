"""Who may see the operator's page, and from where a call may be ended (sans-I/O)."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from voicebot.access.addresses import FORWARDING_HEADERS, is_loopback_name
from voicebot.operating.settings import OperatorSettings

__all__ = ["Guard", "Refusal"]


@dataclass(frozen=True, slots=True)
class Refusal:
    status: int
    text: str


class Guard:
    """Asked before anything else of each request.

    With a password, whoever knows it is the operator, by HTTP's basic authentication. Without one, it is whoever is on
    this machine: neither what a proxy brings, nor a page under another name than this machine's (DNS rebinding).
    """

    def __init__(self, settings: OperatorSettings) -> None:
        password = settings.password
        self._password = None if password is None else password.get_secret_value().encode()

    def refusal(self, method: str, headers: Mapping[str, str]) -> Refusal | None:
        """Why a request is not answered; None where it is.

        Args:
            headers: by their names in lower case.
        """
        host = headers.get("host", "")
        if self._password is not None:
            if not hmac.compare_digest(_password(headers.get("authorization", "")), self._password):
                return Refusal(401, "The operator's password is needed.\n")
        elif any(name.lower() in headers for name in FORWARDING_HEADERS) or not is_loopback_name(host):
            return Refusal(403, "Without operator.password this page is for its own machine only.\n")
        # A browser says where a POST comes from; its password, once given, goes with those of other sites, too.
        if method == "POST" and not _same_site(headers.get("origin", ""), host):
            return Refusal(403, "Only this page may do that.\n")
        return None


def _password(authorization: str) -> bytes:
    """The password of an Authorization header; b"" where it has none. The user's name may be any."""
    scheme, _, credentials = authorization.partition(" ")
    if scheme.lower() != "basic":
        return b""
    try:
        return base64.b64decode(credentials.strip(), validate=True).partition(b":")[2]
    except (binascii.Error, ValueError):
        return b""


def _same_site(origin: str, host: str) -> bool:
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and parts.netloc.lower() == host.lower() != ""
