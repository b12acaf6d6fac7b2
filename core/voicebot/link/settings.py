"""What a profile can say about the front: the same for every transport that has one."""

from __future__ import annotations

import os
import stat
import warnings
from pathlib import Path
from typing import Annotated

import platformdirs
from pydantic import Field, SecretStr, StringConstraints

from voicebot.errors import EngineError
from voicebot.link.messages import IceServer
from voicebot.rtp.settings import JitterSettings, OpusSettings
from voicebot.settings import Settings

__all__ = ["FrontSettings", "TurnSettings", "private_folder", "socket_path"]

_LONGEST_SOCKET_PATH = 107
"""Bytes: `sun_path` of Linux's sockaddr_un, less its terminator."""

_Url = Annotated[str, StringConstraints(pattern=r"^turns?:\S+$")]
_Origin = Annotated[str, StringConstraints(pattern=r"^https?://[^/\s]+$")]


class TurnSettings(Settings):
    """A TURN server with credentials that expire (coturn's `use-auth-secret`)."""

    urls: list[_Url] = Field(
        min_length=1, description="For example `turn:turn.example.org:3478?transport=udp`."
    )
    secret: SecretStr = Field(
        min_length=1, description="Shared with the TURN server (`static-auth-secret`): write ${TURN_SECRET}."
    )
    ttl_s: int = Field(default=3600, ge=60, le=86_400, description="How long a page's credentials hold (s).")


class FrontSettings(Settings):
    """Where pages find the front, and what it tells them."""

    host: str = Field(
        default="127.0.0.1", min_length=1, description="The address to serve the page on; 0.0.0.0 for all."
    )
    port: int = Field(default=8080, ge=0, le=65_535, description="The page's port; 0 takes any that is free.")
    socket: Path | None = Field(
        default=None,
        description="The Unix socket between front and call workers; by default one per port in the user's runtime "
        "folder.",
    )
    allowed_origins: list[_Origin] = Field(
        default_factory=list,
        description="Other sites whose pages may call, as `https://example.org`; the front's own page always may.",
    )
    ice_servers: list[IceServer] = Field(
        default_factory=list,
        description="STUN and TURN servers for the page, as RTCPeerConnection takes them.",
    )
    turn: TurnSettings | None = Field(
        default=None, description="A TURN server for which the front makes credentials that expire."
    )
    jitter_buffer_target_ms: int = Field(
        default=40, ge=0, le=4_000, description="How much of the agent's voice the page buffers (ms)."
    )
    grace_s: float = Field(
        default=10, ge=0, le=600, description="How long a call waits for a page that lost its network (s)."
    )
    opus: OpusSettings = Field(default_factory=OpusSettings, description="How the agent's voice is encoded.")
    jitter: JitterSettings = Field(
        default_factory=JitterSettings, description="How long the user's packets are waited for."
    )


def socket_path(config: FrontSettings, base_dir: Path = Path()) -> Path:
    """Where front and call workers meet; makes the default's folder, for this user only.

    Args:
        base_dir: what a relative `socket` is relative to.

    Raises:
        EngineError: the path is too long for a socket, or the folder cannot be made, is another user's or lies where
            another user could replace it.
    """
    if config.socket is not None:
        path = base_dir / config.socket.expanduser()
    else:
        path = private_folder() / f"{config.port}.sock"
    if len(os.fsencode(path.absolute())) > _LONGEST_SOCKET_PATH:
        raise EngineError(
            f"the socket's path is longer than {_LONGEST_SOCKET_PATH} bytes: {path.absolute()}",
            hint="Give a shorter one: transport.socket.",
        )
    return path.absolute()


def private_folder() -> Path:
    """The user's runtime folder; made, for this user only, if it is not there.

    Raises:
        EngineError: it cannot be made, is another user's or lies where another user could replace it.
    """
    hint = "Set transport.socket to a path in a folder of yours."
    try:
        with warnings.catch_warnings():
            # Without XDG_RUNTIME_DIR it warns that it takes a folder in /tmp, which is checked below.
            warnings.simplefilter("ignore")
            folder = platformdirs.user_runtime_path("voicebot")
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not _is_private(folder):
            raise EngineError(f"{folder} is not a folder of this user alone", hint=hint)
        folder.chmod(0o700)
    except OSError as error:
        raise EngineError(f"the folder of the socket cannot be made: {error}", hint=hint) from error
    return folder


def _is_private(folder: Path) -> bool:
    status, above = folder.lstat(), folder.parent.stat()
    is_ours = stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid()
    # In /tmp anybody can have made the folder above it, and could put another in its place.
    is_open = bool(above.st_mode & 0o022) and not above.st_mode & stat.S_ISVTX
    return is_ours and above.st_uid in (0, os.getuid()) and not is_open
