"""Requests to the server, each within its time."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from voicebot.errors import EngineError, EngineTimeout
from voicebot.servers.client import Client, Refused, body_of, media_type
from voicebot.servers.failures import said
from voicebot_tts_opentts.failures import refusal

__all__ = ["Answer", "Line"]


@dataclass(frozen=True, slots=True)
class Answer:
    kind: str
    """Its media type, in lower case."""
    body: bytes


class Line(Client):
    """What is asked of one server."""

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
        client = await self.open()
        request = client.build_request("GET", f"{self.where}{path}", params=query)
        try:
            async with (
                asyncio.timeout(timeout_s) as scope,
                self.received(lambda: client.send(request, stream=True)) as response,
            ):
                answer = Answer(media_type(response), await body_of(response, max_bytes + 1))
        except Refused as refused:
            words = said(refused.body, self.secrets)
            raise refusal(refused.status, words, where=self.where, retry_after=refused.retry_after) from None
        except TimeoutError:
            if not scope.expired():
                raise
            raise EngineTimeout(
                f"{self.where} did not answer within {timeout_s:g} s.", retryable=True
            ) from None
        if len(answer.body) > max_bytes:
            raise EngineError(
                f"{self.where} answered with more than {max_bytes >> 20} MiB.",
                hint="Is base_url the address of an OpenTTS server?",
            )
        return answer
