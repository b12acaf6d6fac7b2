"""The HTTP client of one server: made off the loop, hung up at once, and silent about secrets."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import httpx

from voicebot import __version__
from voicebot.errors import EngineError
from voicebot.servers.config import Headers
from voicebot.servers.failures import broken
from voicebot.servers.waits import named_wait

__all__ = ["Client", "Refused", "body_of", "media_type"]

_MAX_BODY = 4 << 20
_MAX_ERROR = 64 << 10


class Refused(Exception):
    """A response that is not 2xx."""

    def __init__(self, status: int, body: bytes, retry_after: str) -> None:
        super().__init__(status)
        self.status = status
        self.body = body
        self.retry_after = retry_after
        """See `waits.named_wait`."""

    @classmethod
    async def by(cls, response: httpx.Response) -> Refused:
        return cls(response.status_code, await body_of(response, _MAX_ERROR), named_wait(response.headers))


class Client:
    """Requests to one server, on few connections that stay open.

    Args:
        where: its address, without a stroke at its end.
        who: whose server it is, as in "The voice", for errors.
        key: sent as a bearer token, unless it is "".
        read_timeout_s: the longest silence inside a request; None for no limit but the caller's.
        idle_s: a connection that was not used for so long is not trusted.
    """

    def __init__(
        self,
        where: str,
        who: str,
        *,
        headers: Headers,
        connect_timeout_s: float,
        key: str = "",
        read_timeout_s: float | None = None,
        idle_s: float = 60.0,
    ) -> None:
        values = {name: value.get_secret_value() for name, value in headers.items()}
        self.where = where
        self.secrets = frozenset(value for value in (key, *values.values()) if value)
        self._who = who
        self._headers = {
            "Accept-Encoding": "identity",  # a compressed stream comes in lumps
            "User-Agent": f"voicebot/{__version__}",
            **({"Authorization": f"Bearer {key}"} if key else {}),
            **values,
        }
        self._timeout = httpx.Timeout(read_timeout_s, connect=connect_timeout_s, pool=None)
        self._idle_s = idle_s
        self._client: httpx.AsyncClient | None = None
        self._closed = False

    async def open(self) -> httpx.AsyncClient:
        """The client of httpx; no connection is made yet.

        Raises:
            EngineError: it was closed, or the key or a header holds what no header may hold.
        """
        if self._client is None and not self._closed:
            for name, value in self._headers.items():
                if not (name + value).isascii() or not (name + value).isprintable():
                    setting = "`api_key`" if name == "Authorization" else f"The header {name!a}"
                    raise EngineError(f"{setting} holds characters that cannot be sent.")
            secure = self.where.startswith("https:")
            # Takes tens of milliseconds: not on the loop.
            context = await asyncio.to_thread(ssl.create_default_context) if secure else False
            if self._client is None and not self._closed:
                self._client = _Client(
                    verify=context,
                    trust_env=not _is_loopback(self.where),  # a proxy reaches its own loopback, not ours
                    timeout=self._timeout,
                    limits=httpx.Limits(
                        max_connections=None, max_keepalive_connections=2, keepalive_expiry=self._idle_s
                    ),
                    headers=self._headers,
                )
        if self._client is None or self._closed:
            raise self._was_closed()
        return self._client

    @asynccontextmanager
    async def received(self, send: Callable[[], Awaitable[httpx.Response]]) -> AsyncIterator[httpx.Response]:
        """The response to a request that `send` makes by the client of `open`; it is not read yet.

        Leaving it before its end hangs up at once: the server need not go on.

        Raises:
            Refused: the server answered something else than 2xx.
            EngineError: there was no answer, or the connection broke while it was read.
        """
        response: httpx.Response | None = None
        try:
            response = await send()
            if not response.is_success:
                raise await Refused.by(response)
            yield response
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, RuntimeError) as error:
            if self._closed:
                raise self._was_closed() from None
            if isinstance(error, httpx.HTTPError | httpx.InvalidURL):
                raise broken(error, where=self.where, secrets=self.secrets) from None
            raise
        finally:
            if response is not None:
                if not response.is_closed:
                    _hang_up(response)
                await response.aclose()

    def _was_closed(self) -> EngineError:
        return EngineError(f"{self._who} was closed.")

    async def aclose(self) -> None:
        self._closed = True
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()


class _Client(httpx.AsyncClient):
    """Asks again where the server had closed the idle connection that the request was sent on, as servers may."""

    async def send(self, request: httpx.Request, **options: Any) -> httpx.Response:
        connected = False

        async def trace(event: str, _: object) -> None:
            nonlocal connected
            connected |= event.startswith("connection.connect_")

        request.extensions["trace"] = trace
        try:
            return await super().send(request, **options)
        except (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError):
            if connected:
                raise
        return await super().send(request, **options)


async def body_of(response: httpx.Response, at_most: int = _MAX_BODY) -> bytes:
    """So many bytes of it; of a longer one, only the beginning is read."""
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) >= at_most:
            break
    return bytes(body[:at_most])


def media_type(response: httpx.Response) -> str:
    """As text/html."""
    kind: str = response.headers.get("Content-Type", "")
    return kind.partition(";")[0].strip().lower()


def _hang_up(response: httpx.Response) -> None:
    """httpx would do so some turns of the loop later."""
    stream = response.extensions.get("network_stream")
    sock = stream.get_extra_info("socket") if stream is not None else None
    if sock is not None:
        with contextlib.suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
