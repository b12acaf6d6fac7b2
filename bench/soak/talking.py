"""A page that talks: real signalling, ICE, DTLS, SRTP and Opus, without a browser."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from functools import cache

import aiohttp
import numpy as np
from tests.sfu.page_client import MIC_SSRC, PageClient

from voicebot.audio import PTIME_MS, Samples
from voicebot.rtp.opus import PACKET_SAMPLES, OpusDecoder, OpusEncoder
from voicebot.rtp.packet import RtpError, RtpPacket
from voicebot.rtp.settings import OpusSettings
from voicebot.testing import tone

__all__ = ["PATIENCE_S", "Talk", "calling", "refusal_ms", "until_ready"]

PATIENCE_S = 60.0
QUESTION_S = 0.7
LOUD = 1_500
PAYLOAD_TYPE = 111
SLOT_S = PTIME_MS / 1000


@cache
def _payloads(sound: str) -> tuple[bytes, ...]:
    samples: Samples = (
        tone(QUESTION_S, 48_000) if sound == "question" else np.zeros(PACKET_SAMPLES * 50, np.int16)
    )
    encoder = OpusEncoder(OpusSettings(dtx=False))
    starts = range(0, len(samples) - PACKET_SAMPLES + 1, PACKET_SAMPLES)
    return tuple(encoder.encode(samples[start : start + PACKET_SAMPLES]) for start in starts)


class Talk:
    """A page in a call, whose microphone is open for as long as the call lasts.

    Attributes:
        ended: why the call ended, when it has.
    """

    ended: asyncio.Task[str]

    def __init__(self, page: PageClient) -> None:
        self.page = page
        self._ask = asyncio.Event()
        self._asked = asyncio.Event()

    async def microphone(self) -> None:
        """Silence, and a question when there is one to ask."""
        loop = asyncio.get_running_loop()
        due_s, payloads = loop.time(), self._sound()
        with suppress(ConnectionError):
            for number, payload in enumerate(payloads):
                packet = RtpPacket(PAYLOAD_TYPE, number % 65_536, number * PACKET_SAMPLES, MIC_SSRC, payload)
                await self.page.speak(packet.serialize())
                due_s = max(due_s + SLOT_S, loop.time() - 0.2)
                await asyncio.sleep(max(0.0, due_s - loop.time()))

    def _sound(self) -> Iterator[bytes]:
        while True:
            if self._ask.is_set():
                self._ask.clear()
                yield from _payloads("question")
                self._asked.set()
            yield from itertools.islice(_payloads("silence"), 5)

    async def ask(self) -> float:
        """Ask, hear the answer out, and say how long it took to come (s, from the question's last packet).

        Raises:
            TimeoutError: no answer came.
        """
        loop = asyncio.get_running_loop()
        self._asked.clear()
        self._ask.set()
        async with asyncio.timeout(PATIENCE_S):
            await self._asked.wait()
            asked_s = loop.time()
            decoder = OpusDecoder()
            while not self._is_loud(decoder, await self.page.hear()):
                pass
            came_s = loop.time()
        quiet_since_s = came_s
        while loop.time() < quiet_since_s + 0.4:
            with suppress(TimeoutError):
                async with asyncio.timeout(0.1):
                    if self._is_loud(decoder, await self.page.hear()):
                        quiet_since_s = loop.time()
        return came_s - asked_s

    @property
    def id(self) -> str:
        return self.page.call_id

    @staticmethod
    def _is_loud(decoder: OpusDecoder, data: bytes) -> bool:
        try:
            return int(np.abs(decoder.decode(RtpPacket.parse(data).payload)).max(initial=0)) > LOUD
        except RtpError:
            return False

    async def hang_up(self) -> str:
        """Why the call ended, as the server has it."""
        await self.page.say({"type": "leave"})
        async with asyncio.timeout(PATIENCE_S):
            return await asyncio.shield(self.ended)

    async def listen(self) -> str:
        """Why the call ended, when it has; the server's pings are answered meanwhile."""
        try:
            return str((await self.page.message("ended"))["reason"])
        except (TypeError, ValueError):
            return "closed"


@asynccontextmanager
async def calling(url: str) -> AsyncIterator[Talk]:
    """A call with its media up, until the block ends."""
    async with asyncio.timeout(PATIENCE_S):
        page = await PageClient(url).__aenter__()
    talk = Talk(page)
    talk.ended = asyncio.create_task(talk.listen(), name="signalling")
    microphone = asyncio.create_task(talk.microphone(), name="microphone")
    try:
        yield talk
    finally:
        for task in (microphone, talk.ended):
            task.cancel()
        await asyncio.wait([microphone, talk.ended])
        await page.__aexit__(None, None, None)


async def until_ready(url: str) -> None:
    """Wait until a call would be taken."""
    async with aiohttp.ClientSession() as client, asyncio.timeout(PATIENCE_S):
        while True:
            with suppress(aiohttp.ClientError):
                async with client.get(f"{url}readyz") as response:
                    if response.status == 200:
                        return
            await asyncio.sleep(0.02)


async def refusal_ms(url: str) -> tuple[str, float]:
    """Ask for a call where there is none to be had: what is said, and how soon (ms from the message)."""
    loop = asyncio.get_running_loop()
    async with aiohttp.ClientSession() as client, client.ws_connect(f"{url}signal") as socket:
        asked_s = loop.time()
        await socket.send_json({"type": "join", "version": 1})
        message = await socket.receive_json(timeout=PATIENCE_S)
        return str(message.get("code", message["type"])), (loop.time() - asked_s) * 1000
