"""The ICE servers of a call, with credentials that expire."""

from __future__ import annotations

import base64
import hashlib
import hmac

from voicebot.link.messages import IceServer
from voicebot.link.settings import FrontSettings, TurnSettings

__all__ = ["ice_servers", "turn_server"]


def ice_servers(config: FrontSettings, call_id: str, unix_time_s: float) -> list[IceServer]:
    """Those of the profile, and the TURN server with this call's own credentials."""
    if config.turn is None:
        return list(config.ice_servers)
    return [*config.ice_servers, turn_server(config.turn, call_id, unix_time_s)]


def turn_server(turn: TurnSettings, call_id: str, unix_time_s: float) -> IceServer:
    """Credentials as coturn's `use-auth-secret` checks them (draft-uberti-behave-turn-rest-00).

    The user name is when they expire and for whom, the password its base64 HMAC-SHA1 by the shared secret.
    """
    username = f"{int(unix_time_s) + turn.ttl_s}:{call_id}"
    digest = hmac.digest(turn.secret.get_secret_value().encode(), username.encode(), hashlib.sha1)
    return IceServer(urls=turn.urls, username=username, credential=base64.b64encode(digest).decode())
