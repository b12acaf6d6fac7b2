"""The mediasoup transport with the real SFU: started, joined, killed, started again, stopped."""

from __future__ import annotations

import asyncio
import itertools
import os
import select
import signal
import subprocess
import sys
from contextlib import aclosing, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
import pytest
from tests.core.rtp.streams import packets_of, speech
from tests.sfu.page_client import MIC_SSRC, PageClient

from voicebot.audio import AudioChunk
from voicebot.errors import EngineError
from voicebot.events import StateChanged
from voicebot.interfaces import HeardReport
from voicebot.rtp.connection import RtpConnection
from voicebot.rtp.opus import OpusDecoder
from voicebot.rtp.packet import RtpPacket
from voicebot.testing import context, tone
from voicebot_transport_mediasoup import MediasoupConfig, MediasoupTransport

SAFETY_S = 100.0


@pytest.fixture
def transport(tmp_path: Path) -> MediasoupTransport:
    settings = {
        "port": 0,
        "socket": tmp_path / "sfu.sock",
        "rtc": {"port": 0, "media_workers": 1},
        "sfu": {"log_level": "warning"},
    }
    return MediasoupTransport(MediasoupConfig.model_validate(settings), context())


def commands_of(sessions: set[int]) -> list[str]:
    """What runs in these sessions; the SFU's process is the first of its own."""
    commands = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            state, _, _, session = (folder / "stat").read_text().rpartition(")")[2].split()[:4]
            # One that is on its way out has no command any more.
            if int(session) in sessions and state != "Z" and (command := (folder / "cmdline").read_text()):
                commands.append(command)
        except (FileNotFoundError, ProcessLookupError):
            continue
    return commands


def sfu_pid(parent: int) -> int:
    """The node process that this one has started."""
    (pid,) = (
        int(child)
        for task in Path(f"/proc/{parent}/task").iterdir()
        for child in (task / "children").read_text().split()
        if b"main.js" in Path(f"/proc/{child}/cmdline").read_bytes()
    )
    return pid


async def until(url: str, status: int) -> str:
    """Wait until `/readyz` answers with this status; returns what it says."""
    async with aiohttp.ClientSession() as client:
        while True:
            async with client.get(f"{url}readyz") as response:
                if response.status == status:
                    return await response.text()
            await asyncio.sleep(0.02)


async def cancelled(task: asyncio.Future[Any]) -> None:
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()


async def stopped(task: asyncio.Future[None]) -> None:
    """The task has ended, by this or before."""
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled() or task.exception() is None


async def talk(page: PageClient) -> None:
    """Speech into the microphone, in real time, again and again, until the call ends."""
    packets = packets_of(speech(), ssrc=MIC_SSRC)
    with suppress(ConnectionError):
        for number in itertools.count():
            packet = replace(packets[number % len(packets)], sequence_number=number, timestamp=number * 960)
            await page.speak(packet.serialize())
            await asyncio.sleep(0.02)


async def converse(connection: RtpConnection, page: PageClient) -> None:
    """Speech arrives on both sides, and so does what is said about it."""
    async for item in connection.receive():
        if isinstance(item, AudioChunk) and np.abs(item.samples).max() > 3_000:
            break
    decoder, loudest = OpusDecoder(), 0
    while loudest < 3_000:
        await connection.send(AudioChunk(tone(0.02, 48_000), 48_000))
        packet = RtpPacket.parse(await page.hear())
        loudest = max(loudest, int(np.abs(decoder.decode(packet.payload)).max()))
    connection.notify(StateChanged(1.0, "listening"))
    assert (await page.message("event"))["event"]["state"] == "listening"
    await page.say({"type": "heard", "turn_id": 1, "voice_to_voice_ms": 640.5})
    async for item in connection.receive():
        if isinstance(item, HeardReport):
            assert item == HeardReport(1, 640.5)
            return


def test_a_worker_gets_calls_and_survives_the_sfu(transport: MediasoupTransport, tmp_path: Path) -> None:
    front = transport.front()
    assert front is not None
    sessions: set[int] = set()

    async def main() -> None:
        urls: asyncio.Queue[str] = asyncio.Queue()
        async with asyncio.timeout(SAFETY_S):
            serving = asyncio.create_task(front.serve(urls.put_nowait))
            async with aclosing(transport.connections()) as calls:
                url = await urls.get()
                assert "worker" in await until(url, 503)
                asking = asyncio.ensure_future(anext(calls))
                await until(url, 200)

                async with PageClient(url) as page:
                    talking = asyncio.create_task(talk(page))
                    connection = await asking
                    await converse(connection, page)
                    await page.say({"type": "leave"})
                    async for _ in connection.receive():
                        pass
                    await connection.aclose()
                    assert (await page.message("ended"))["reason"] == "hung_up"
                    await stopped(talking)

                # Another comes, and the agent hangs up.
                asking = asyncio.ensure_future(anext(calls))
                await until(url, 200)
                async with PageClient(url) as page:
                    talking = asyncio.create_task(talk(page))
                    connection = await asking
                    await connection.aclose()
                    assert (await page.message("ended"))["reason"] == "hung_up"
                    await stopped(talking)

                # The SFU dies while the worker waits; the next one takes its place.
                asking = asyncio.ensure_future(anext(calls))
                await until(url, 200)
                killed = sfu_pid(os.getpid())
                os.kill(killed, signal.SIGKILL)
                assert await urls.get() == url
                await until(url, 200)
                sessions.update((killed, sfu_pid(os.getpid())))
                # The last one, and its mediasoup Worker; nothing is left of the first.
                assert len(commands_of(sessions)) == 2
                assert not asking.done()
                await cancelled(asking)
            await cancelled(serving)

    asyncio.run(main())
    assert commands_of(sessions) == []
    assert list(tmp_path.iterdir()) == []


def test_a_second_sfu_says_what_is_in_its_way(transport: MediasoupTransport) -> None:
    first, second = transport.front(), transport.front()
    assert first is not None
    assert second is not None

    async def main() -> None:
        urls: asyncio.Queue[str] = asyncio.Queue()
        async with asyncio.timeout(SAFETY_S):
            serving = asyncio.create_task(first.serve(urls.put_nowait))
            await urls.get()
            with pytest.raises(EngineError, match=r"sfu\.sock"):
                await second.serve(urls.put_nowait)
            await cancelled(serving)

    asyncio.run(main())


PARENT = """
import asyncio, sys
from voicebot_transport_mediasoup import MediasoupConfig, SfuFront
config = MediasoupConfig.model_validate_json(sys.argv[1])
asyncio.run(SfuFront(config).serve(lambda url: print(url, flush=True)))
"""


def test_the_sfu_goes_when_its_parent_is_killed(tmp_path: Path) -> None:
    rtc = {"port": 0, "media_workers": 1}
    config = MediasoupConfig.model_validate({"port": 0, "socket": tmp_path / "sfu.sock", "rtc": rtc})
    command = [sys.executable, "-c", PARENT, config.model_dump_json()]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline().startswith("http://")
        watched = os.pidfd_open(sfu_pid(parent.pid))
        parent.kill()
    assert select.select([watched], [], [], SAFETY_S)[0]
    os.close(watched)
    assert list(tmp_path.iterdir()) == []
