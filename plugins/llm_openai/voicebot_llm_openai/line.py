"""The HTTP connection to the server: opened before it is needed, kept open, hung up at once."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import json
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any
from urllib.parse import quote, urlsplit

import httpx

from voicebot import __version__
from voicebot.errors import EngineError
from voicebot_llm_openai.config import OpenAIConfig
from voicebot_llm_openai.failures import broken, refusal
from voicebot_llm_openai.waits import named_wait

__all__ = ["Line", "Refused", "body_of", "rest_of"]

_MAX_BODY = 4 << 20
_REST_S = 0.05
"""After the last event the response's own end follows at once; then the connection can be used again."""


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
        return cls(response.status_code, await body_of(response), named_wait(response.headers))


class Line:
    """Requests to one server, on few connections that stay open.

    Args:
        key_variable: the environment variable in which people keep the key, for errors.

    Raises:
        EngineError: the key or a header holds what no header may hold.
    """

    def __init__(self, config: OpenAIConfig, *, key_variable: str = "OPENAI_API_KEY") -> None:
        self._config = config
        self._key_variable = key_variable
        key = config.api_key.get_secret_value().strip() if config.api_key is not None else ""
        values = {name: value.get_secret_value() for name, value in config.headers.items()}
        self.where = config.base_url
        self.secrets = frozenset(value for value in (key, *values.values()) if value)
        self._has_key = bool(key)
        self._headers = {
            "Accept-Encoding": "identity",  # a compressed stream comes in lumps
            "User-Agent": f"voicebot/{__version__}",
            **({"Authorization": f"Bearer {key}"} if key else {}),
            **values,
        }
        for name, value in self._headers.items():
            if not (name + value).isascii() or not (name + value).isprintable():
                setting = "`api_key`" if name == "Authorization" else f"The header {name!a}"
                raise EngineError(f"{setting} holds characters that cannot be sent.")
        self._client: httpx.AsyncClient | None = None
        self._closed = False
        self._stir = asyncio.Event()
        self._hung_up = False
        self._keeper: asyncio.Task[None] | None = None

    async def open(self) -> httpx.AsyncClient:
        """The client; no connection is made yet.

        Raises:
            EngineError: it was closed.
        """
        if self._client is None and not self._closed:
            secure = self.where.startswith("https:")
            # Takes tens of milliseconds: not on the loop.
            context = await asyncio.to_thread(ssl.create_default_context) if secure else False
            if self._client is None and not self._closed:
                self._client = self._make(context)
        if self._client is None or self._closed:
            raise EngineError("The language model was closed.")
        return self._client

    def _make(self, verify: ssl.SSLContext | bool) -> httpx.AsyncClient:
        config = self._config
        expiry = (
            4 * config.keep_alive_s or 60.0
        )  # a connection that was not even used for this is not trusted
        return httpx.AsyncClient(
            verify=verify,
            trust_env=not _is_loopback(self.where),  # a proxy reaches its own loopback, not ours
            timeout=httpx.Timeout(config.read_timeout_s, connect=config.connect_timeout_s, pool=None),
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=2, keepalive_expiry=expiry),
            headers=self._headers,
        )

    async def get(self, path: str) -> bytes:
        """A small resource, whole.

        Raises:
            Refused: the server answered something else than 2xx.
            EngineError: there was no answer.
        """
        client = await self.open()
        async with self._response(client, client.build_request("GET", f"{self.where}{path}")) as response:
            return await body_of(response)

    @asynccontextmanager
    async def post(self, path: str, body: Mapping[str, Any]) -> AsyncIterator[httpx.Response]:
        """A response to be streamed. Leaving it before its end hangs up at once: the server need not go on.

        Raises:
            Refused: the server answered something else than 2xx.
            EngineError: there was no answer, or the connection broke while it was read.
        """
        client = await self.open()
        request = client.build_request(
            "POST",
            f"{self.where}{path}",
            content=json.dumps(body).encode(),
            headers={"Content-Type": "application/json", "Accept": "text/event-stream"},
        )
        async with self.stream(lambda: client.send(request, stream=True)) as response:
            yield response

    @asynccontextmanager
    async def stream(self, send: Callable[[], Awaitable[httpx.Response]]) -> AsyncIterator[httpx.Response]:
        """As `post`, with a request that somebody else makes by the client of `open`; its response is not read yet."""
        complete = False
        try:
            async with self._received(send) as response:
                yield response
                complete = response.is_closed
        except Refused:
            complete = True
            raise
        finally:
            self._hung_up |= not complete
            self._stir.set()

    def _response(
        self, client: httpx.AsyncClient, request: httpx.Request
    ) -> AbstractAsyncContextManager[httpx.Response]:
        return self._received(lambda: client.send(request, stream=True))

    @asynccontextmanager
    async def _received(self, send: Callable[[], Awaitable[httpx.Response]]) -> AsyncIterator[httpx.Response]:
        response: httpx.Response | None = None
        try:
            response = await send()
            if not response.is_success:
                raise await Refused.by(response)
            yield response
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
            raise (
                broken(error, where=self.where, secrets=self.secrets)
                if isinstance(error, httpx.HTTPError | httpx.InvalidURL)
                else EngineError("The language model was closed.")
            ) from None
        finally:
            if response is not None:
                if not response.is_closed:
                    _hang_up(response)
                await response.aclose()

    def explain(self, refused: Refused) -> EngineError:
        return refusal(
            refused.status,
            refused.body,
            where=self.where,
            model=self._config.model,
            has_key=self._has_key,
            retry_after=refused.retry_after,
            secrets=self.secrets,
            key_variable=self._key_variable,
        )

    def keep_open(self) -> None:
        """From now on, have an idle connection."""
        if self._keeper is None and not self._closed:
            self._keeper = asyncio.create_task(self._keep(), name="llm keep-alive")

    async def _keep(self) -> None:
        while True:
            self._stir.clear()
            if not self._hung_up:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._config.keep_alive_s or None):
                        await self._stir.wait()
            if self._hung_up or not self._stir.is_set():
                await self.touch()

    async def touch(self) -> None:
        """Use an idle connection, or make one, by a question with a short answer; whatever that is."""
        self._hung_up = False
        with contextlib.suppress(EngineError, Refused):
            await self.get(f"/models/{quote(self._config.model)}")

    async def aclose(self) -> None:
        self._closed = True
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.wait([self._keeper])
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()


async def rest_of(chunks: AsyncIterator[bytes]) -> None:
    """Read a response to its end, if that comes at once."""
    with contextlib.suppress(TimeoutError, httpx.HTTPError):
        async with asyncio.timeout(_REST_S):
            async for _ in chunks:
                pass


async def body_of(response: httpx.Response) -> bytes:
    """At most `_MAX_BODY` of it."""
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) >= _MAX_BODY:
            break
    return bytes(body[:_MAX_BODY])


def _hang_up(response: httpx.Response) -> None:
    """The client would do so some turns of the loop later."""
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
