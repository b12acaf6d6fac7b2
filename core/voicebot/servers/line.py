"""The HTTP connection to an OpenAI-compatible server: opened before it is needed, and kept open."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeAlias
from urllib.parse import quote, urlsplit

import httpx

from voicebot.errors import EngineError
from voicebot.servers.client import Client, Refused, body_of
from voicebot.servers.config import ModelServerConfig
from voicebot.servers.failures import refusal, web_page
from voicebot.servers.models import check_model, model_ids

__all__ = ["CheckModel", "Line", "rest_of"]

CheckModel: TypeAlias = Callable[[str, list[str], str], None]
"""As `check_model`."""

_REST_S = 0.05
"""After the last event the response's own end follows at once; then the connection can be used again."""
_KEY_VARIABLES = {"api.openai.com": "OPENAI_API_KEY", "api.groq.com": "GROQ_API_KEY"}


class Line(Client):
    """Requests to one server.

    Args:
        who: as in "The language model", for errors.
        what: what it is asked for, as in "chat completions".
        settings: which ones say where that is.
        key_variable: the environment variable in which people keep the key; "" for what is known of the host.
    """

    def __init__(
        self,
        config: ModelServerConfig,
        who: str,
        *,
        what: str,
        settings: str = "`model`, and `base_url` (it usually ends in /v1)",
        key_variable: str = "",
    ) -> None:
        key = config.api_key.get_secret_value().strip() if config.api_key is not None else ""
        super().__init__(
            config.base_url,
            who,
            headers=config.headers,
            connect_timeout_s=config.connect_timeout_s,
            key=key,
            read_timeout_s=config.read_timeout_s,
            idle_s=4 * config.keep_alive_s or 60.0,
        )
        self._config = config
        self._what = what
        self._settings = settings
        self._has_key = bool(key)
        self._key_variable = key_variable or _KEY_VARIABLES.get(urlsplit(self.where).hostname or "", "")
        self._stir = asyncio.Event()
        self._hung_up = False
        self._keeper: asyncio.Task[None] | None = None

    async def look(self, check: CheckModel = check_model) -> None:
        """See that the server knows the key and the model, as far as it tells before it is asked.

        Raises:
            EngineError: it does not, or there is no such server.
        """
        try:
            body = await self._get("/models")
        except Refused as refused:
            # A server may have no list, or not let every key see it.
            if refused.status == 401 or (refused.status >= 500 and refused.status != 501):
                raise self.explain(refused) from None
            return
        if not self._config.check_model:
            return
        if (ids := model_ids(body)) is not None:
            check(self._config.model, ids, self.where)
        elif body.lstrip()[:1] == b"<":
            raise web_page(self.where)

    async def _get(self, path: str) -> bytes:
        client = await self.open()
        request = client.build_request("GET", f"{self.where}{path}")
        async with self.received(lambda: client.send(request, stream=True)) as response:
            return await body_of(response)

    @asynccontextmanager
    async def post(self, path: str, **request: Any) -> AsyncIterator[httpx.Response]:
        """See `stream`.

        Args:
            request: what httpx's `build_request` takes.
        """
        client = await self.open()
        made = client.build_request("POST", f"{self.where}{path}", **request)
        async with self.stream(lambda: client.send(made, stream=True)) as response:
            yield response

    @asynccontextmanager
    async def stream(self, send: Callable[[], Awaitable[httpx.Response]]) -> AsyncIterator[httpx.Response]:
        """As `received`; where that hung up, another connection is made ready."""
        complete = False
        try:
            async with self.received(send) as response:
                yield response
                complete = response.is_closed
        except Refused:
            complete = True
            raise
        finally:
            self._hung_up |= not complete
            self._stir.set()

    def explain(self, refused: Refused) -> EngineError:
        return refusal(
            refused.status,
            refused.body,
            where=self.where,
            model=self._config.model,
            what=self._what,
            settings=self._settings,
            has_key=self._has_key,
            key_variable=self._key_variable,
            retry_after=refused.retry_after,
            secrets=self.secrets,
        )

    def keep_open(self) -> None:
        """From now on, have an idle connection."""
        if self._keeper is None and not self._closed:
            self._keeper = asyncio.create_task(self._keep(), name="keep-alive")

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
            await self._get(f"/models/{quote(self._config.model)}")

    async def aclose(self) -> None:
        self._closed = True
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.wait([self._keeper])
        await super().aclose()


async def rest_of(chunks: AsyncIterator[bytes]) -> None:
    """Read a response to its end, if that comes at once."""
    with contextlib.suppress(TimeoutError, httpx.HTTPError):
        async with asyncio.timeout(_REST_S):
            async for _ in chunks:
                pass
