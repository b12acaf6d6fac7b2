"""The measurement's fake servers, one at a time: `python bench/cancel/serve.py llm|tts|stt`.

It writes its address, then a line of JSON for each request that is to be cancelled (`begun`) and for each whose
client has closed the connection (`closed`), with the time on the system's monotonic clock in seconds.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys

from voicebot.testing.fakes import groq, opentts, transcription
from voicebot.testing.fakes.http import FakeServer, Handler, Request, Response

KEY = "gsk_fake"
TOKENS_PER_S = 50.0
WORDS = 5_000
"""Of each answer: it would take 100 s."""


def tell(**what: object) -> None:
    sys.stdout.write(f"{json.dumps(what)}\n")
    sys.stdout.flush()


def working(handler: Handler, path: str, *, free: int = 0) -> Handler:
    """Requests to this path are never answered, but for so many first ones."""
    asked = 0

    async def handle(request: Request) -> Response:
        nonlocal asked
        if request.path != path:
            return await handler(request)
        asked += 1
        if asked > free:
            tell(begun=asyncio.get_running_loop().time())
            await asyncio.Event().wait()
        return await handler(request)

    return handle


def handler(name: str) -> Handler:
    match name:
        case "llm":
            return groq.app(api_key=KEY, replies=("word " * WORDS,), tokens_per_s=TOKENS_PER_S)
        case "tts":
            return working(opentts.app(), "/api/tts", free=1)  # the warm-up's
        case _:
            return working(transcription.app(), "/v1/audio/transcriptions")


async def serve(name: str) -> None:
    loop, stopped = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    async with FakeServer(handler(name)) as server:
        tell(url=server.url)
        watcher = asyncio.create_task(watch(server), name="watch")
        await stopped.wait()
        watcher.cancel()
        await asyncio.wait([watcher])


async def watch(server: FakeServer) -> None:
    count = 0
    while True:
        await server.wait_hung_up(count + 1)
        for closed in server.hung_up[count:]:
            tell(closed=closed)
            count += 1


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1]))
