"""Requests to the server, on connections that stay open, each within its time; a cancelled one hangs up."""

from __future__ import annotations

import asyncio
import ipaddress
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx

from voicebot import __version__
from voicebot.errors import EngineError, EngineTimeout
from voicebot_llm_openai.failures import broken, said
from voicebot_tts_opentts.config import OpenTTSConfig
from voicebot_tts_opentts.failures import refusal

__all__ = ["Answer", "Line"]

_MAX_ERROR = 64 << 10


@dataclass(frozen=True, slots=True)
class Answer:
    kind: str
    """Its media type, in lower case."""
    body: bytes


class Line:
    """What is asked of one server.

    Raises:
        EngineError: a header holds what no header may hold.
    """

    def __init__(self, config: OpenTTSConfig) -> None:
        self._config = config
        self.where = config.base_url
        values = {name: value.get_secret_value() for name, value in config.headers.items()}
        self.secrets = frozenset(value for value in values.values() if value)
        self._headers = {
            "Accept-Encoding": "identity",
            "User-Agent": f"voicebot/{__version__}",
            **values,
        }
        for name, value in self._headers.items():
            if not (name + value).isascii() or not (name + value).isprintable():
                raise EngineError(f"The header {name!a} holds characters that cannot be sent.")
        self._client: httpx.AsyncClient | None = None
        self._closed = False

    async def get(
        self, path: str, query: Mapping[str, str], *, max_bytes: int, timeout_s: float | None
    ) -> Answer:
        """A whole answer. Cancelling this closes its connection, so that the server need not send it.

        Args:
            timeout_s: for all of it, its last byte included; None for no limit but the caller's.

        Raises:
            EngineError: there was no answer, it was no success, or it is longer than `max_bytes`;
                EngineTimeout: not within the time.
        """
        client = await self._open()
        try:
            async with asyncio.timeout(timeout_s) as scope:
                return await self._ask(client, path, query, max_bytes)
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, RuntimeError) as error:
            if self._closed:
                raise _closed() from None
            if isinstance(error, httpx.HTTPError | httpx.InvalidURL):
                raise broken(error, where=self.where, secrets=self.secrets) from None
            raise
        except TimeoutError:
            if not scope.expired():
                raise
            raise EngineTimeout(
                f"{self.where} did not answer within {timeout_s:g} s.", retryable=True
            ) from None

    async def _ask(
        self, client: httpx.AsyncClient, path: str, query: Mapping[str, str], max_bytes: int
    ) -> Answer:
        async with client.stream("GET", f"{self.where}{path}", params=query) as response:
            if not response.is_success:
                body = await _at_most(response, _MAX_ERROR)
                raise refusal(
                    response.status_code,
                    said(body or b"", self.secrets),
                    where=self.where,
                    retry_after=response.headers.get("Retry-After", ""),
                )
            whole = await _at_most(response, max_bytes)
            if whole is None:
                raise EngineError(
                    f"{self.where} answered with more than {max_bytes >> 20} MiB.",
                    hint="Is base_url the address of an OpenTTS server?",
                )
            kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
            return Answer(kind, whole)

    async def _open(self) -> httpx.AsyncClient:
        if self._client is None and not self._closed:
            secure = self.where.startswith("https:")
            # Takes tens of milliseconds: not on the loop.
            context = await asyncio.to_thread(ssl.create_default_context) if secure else False
            if self._client is None and not self._closed:
                self._client = httpx.AsyncClient(
                    verify=context,
                    trust_env=not _is_loopback(self.where),  # a proxy reaches its own loopback, not ours
                    timeout=httpx.Timeout(None, connect=self._config.connect_timeout_s),
                    limits=httpx.Limits(
                        max_connections=None, max_keepalive_connections=2, keepalive_expiry=60
                    ),
                    headers=self._headers,
                )
        if self._client is None or self._closed:
            raise _closed()
        return self._client

    async def aclose(self) -> None:
        self._closed = True
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()


async def _at_most(response: httpx.Response, size: int) -> bytes | None:
    """The body, or None where it is longer; the rest is not read then."""
    announced = response.headers.get("Content-Length", "")
    if re.fullmatch(r"\d+", announced, re.ASCII) and (len(announced) > 15 or int(announced) > size):
        return None
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > size:
            return None
    return bytes(body)


def _closed() -> EngineError:
    return EngineError("The voice was closed.")


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
