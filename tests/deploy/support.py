"""A real Caddy, and pages that place calls through it."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

__all__ = ["DEPLOY", "Page", "caddy", "free_port", "serving", "tools"]

DEPLOY = Path(__file__).parents[2] / "deploy"
PATIENCE_S = 30


def tools() -> Path:
    """Where install-tools.sh puts what it fetches."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "voicebot" / "tools"


def caddy() -> str:
    """The program; skips the test where there is none."""
    found = shutil.which("caddy") or shutil.which(tools() / "caddy")
    if found is None:
        pytest.skip("no Caddy here: tests/deploy/install-tools.sh fetches it")
    return found


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@asynccontextmanager
async def serving(text: str, home: Path, **environ: str) -> AsyncIterator[None]:
    """Caddy with a Caddyfile's text; its log is in `home`, and ends with the block."""
    own = {"HOME": str(home), "XDG_DATA_HOME": str(home), "XDG_CONFIG_HOME": str(home)}
    file = home / "Caddyfile"
    file.write_text(f"{{\n\tadmin off\n}}\n{text}")
    command = (caddy(), "run", "--adapter", "caddyfile", "--config", str(file))
    with (home / "caddy.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *command, env={**os.environ, **own, **environ}, stdout=subprocess.DEVNULL, stderr=log
        )
    try:
        yield
    finally:
        if process.returncode is None:
            process.terminate()
        async with asyncio.timeout(PATIENCE_S):
            await process.wait()


class Page:
    """A page's signalling connection, joined to a call."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self.token = ""
        self.call_id = ""

    async def join(self, url: str, call: str, *, resume: bool = False) -> str:
        """Place the call that it names `call`, or take it up again: "joined", or why not."""
        self.drop()
        query = f"call={call}" + ("&resume=1" if resume else "")
        try:
            self._socket = await self._session.ws_connect(f"{url}/signal?{query}", origin=url)
        except aiohttp.WSServerHandshakeError as error:
            return f"http {error.status}"
        asked: dict[str, Any] = {"type": "join", "version": 1}
        if resume:
            asked["resume"] = self.token
        await self._socket.send_json(asked)
        message = await self._socket.receive_json(timeout=PATIENCE_S)
        if message["type"] != "joined":
            return str(message["code"])
        self.token, self.call_id = message["token"], message["call_id"]
        return "joined"

    def drop(self) -> None:
        """The network fails: no goodbye."""
        if self._socket is not None and self._socket._response.connection is not None:
            transport = self._socket._response.connection.transport
            if transport is not None:
                transport.abort()
        self._socket = None

    async def leave(self) -> None:
        if self._socket is not None:
            await self._socket.send_json({"type": "leave"})
            await self._socket.close()
            self._socket = None
