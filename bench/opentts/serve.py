"""The measurement's fake OpenTTS, until it is stopped: `python -m bench.opentts.serve DELAY_S DELAY_S_PER_CHAR`."""

from __future__ import annotations

import asyncio
import signal
import sys

from voicebot.testing.fakes.http import FakeServer
from voicebot.testing.fakes.opentts import app


async def serve(delay_s: float, delay_s_per_char: float) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with FakeServer(app(delay_s=delay_s, delay_s_per_char=delay_s_per_char)) as server:
        sys.stdout.write(f"{server.url}\n")
        sys.stdout.flush()
        await stop.wait()


if __name__ == "__main__":
    asyncio.run(serve(float(sys.argv[1]), float(sys.argv[2])))
