"""Requests made by Groq's own SDK, on our connections."""

from __future__ import annotations

import asyncio
import importlib
from typing import TYPE_CHECKING, Any

import httpx

from voicebot.errors import EngineError
from voicebot.servers.client import Refused
from voicebot_llm_groq.config import API_PATH, GroqConfig

if TYPE_CHECKING:
    import groq

__all__ = ["Sdk"]

_TRIAL = {"model": "none", "messages": [{"role": "user", "content": "Hello!"}], "stream": True}


class Sdk:
    """Sends chat completions; their responses are read by us.

    The SDK's own stream takes an answer that breaks off for a whole one, holds an event of any length, and raises what
    its JSON reader raises; and the SDK would try again by itself, where the call has its own plan.
    """

    def __init__(self, config: GroqConfig) -> None:
        self._config = config
        self._client: groq.AsyncGroq | None = None

    async def load(self) -> None:
        """Import the SDK, and let it make a request to nobody.

        At its first it looks about the machine and reads its own type hints; that should not be in a call.
        """
        await asyncio.to_thread(importlib.import_module, "groq")
        nobody = httpx.MockTransport(lambda request: httpx.Response(200))
        async with httpx.AsyncClient(transport=nobody) as client:
            response = await _create(self._make(client), _TRIAL)
            await response.aclose()

    async def send(self, client: httpx.AsyncClient, body: dict[str, Any]) -> httpx.Response:
        """Send a request by this client; its response has not been read.

        Raises:
            Refused: the server answered something else than 2xx.
            httpx.HTTPError: there was no answer.
            EngineError: the SDK does not take the request.
        """
        import groq

        self._client = self._client or self._make(client)
        try:
            return await _create(self._client, body)
        except groq.APIStatusError as error:
            raise await Refused.by(error.response) from None
        except groq.APIConnectionError as error:
            cause = error.__cause__
        except groq.GroqError as error:
            raise EngineError(f"Groq's SDK does not take the request ({type(error).__name__}).") from None
        if isinstance(cause, httpx.HTTPError | httpx.InvalidURL):
            raise cause
        raise EngineError("Groq's SDK could not make the request.", retryable=True)

    def _make(self, client: httpx.AsyncClient) -> groq.AsyncGroq:
        import groq

        return groq.AsyncGroq(
            api_key=self._config.api_key.get_secret_value().strip(),
            base_url=self._config.base_url.removesuffix(API_PATH),
            max_retries=0,
            timeout=client.timeout,
            http_client=client,
        )


async def _create(client: groq.AsyncGroq, body: dict[str, Any]) -> httpx.Response:
    fields = dict(body)
    model, messages = fields.pop("model"), fields.pop("messages")
    del fields["stream"]
    raw = await client.chat.completions.with_raw_response.create(
        model=model,
        messages=messages,
        stream=True,
        extra_body=fields,  # whatever this version of the SDK knows of them
        extra_headers={"Accept": "text/event-stream", "Accept-Encoding": "identity"},
    )
    return raw.http_response
