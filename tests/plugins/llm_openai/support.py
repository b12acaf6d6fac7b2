"""A chat server that does what a test tells it, on the test's own loop."""

from __future__ import annotations

import asyncio
import json
import os
import socket
from collections.abc import Awaitable, Callable
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from typing import Any, Self

from voicebot.interfaces import ChatMessage, LLMEvent, TextDelta
from voicebot.testing.engines import context
from voicebot_llm_openai import OpenAIConfig, OpenAILLM

KEY = "sk-9f8e7d6c5b4a-very-secret"
QUESTION = [ChatMessage("system", "You are brief."), ChatMessage("user", "Say hello.")]


@dataclass
class Request:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Peer:
    """The server's end of one connection."""

    writer: asyncio.StreamWriter
    gone: asyncio.Event = field(default_factory=asyncio.Event)
    events_written: int = 0

    def respond(self, status: int, body: bytes, kind: str = "application/json", **headers: str) -> None:
        lines = [f"HTTP/1.1 {status} Whatever", f"Content-Type: {kind}", f"Content-Length: {len(body)}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        self.writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)

    def begin(self, kind: str = "text/event-stream") -> None:
        head = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nTransfer-Encoding: chunked\r\n\r\n"
        self.writer.write(head.encode())

    def raw(self, data: bytes) -> None:
        self.writer.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        self.events_written += 1

    def text(self, text: str, **more: object) -> None:
        self.chunk({"choices": [{"delta": {"content": text}, **more}]})

    def chunk(self, chunk: object) -> None:
        self.raw(f"data: {json.dumps(chunk)}\n\n".encode())

    def end(self) -> None:
        self.writer.write(b"0\r\n\r\n")

    def answer(self, *texts: str) -> None:
        """A whole answer, with its usage."""
        self.begin()
        for text in texts:
            self.text(text)
        self.chunk({"choices": [{"delta": {}, "finish_reason": "stop"}]})
        self.chunk({"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": len(texts)}})
        self.raw(b"data: [DONE]\n\n")
        self.end()

    def client_has_hung_up(self) -> bool:
        """Seen on the socket itself, whether or not the loop has turned."""
        with socket.socket(fileno=os.dup(self.writer.get_extra_info("socket").fileno())) as sock:
            sock.setblocking(False)
            try:
                return sock.recv(1, socket.MSG_PEEK) == b""
            except BlockingIOError:
                return False
            except ConnectionResetError:
                return True


Handler = Callable[[Request, Peer], Awaitable[None]]


class Server:
    """Answers chats by `chat`, and anything else by `other` (404 unless it is given)."""

    def __init__(self, chat: Handler, other: Handler | None = None) -> None:
        self._chat = chat
        self._other = other
        self.requests: list[Request] = []
        self.peers: list[Peer] = []
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/v1"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for peer in self.peers:
            peer.writer.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    @property
    def chats(self) -> list[Request]:
        return [request for request in self.requests if request.path == "/v1/chat/completions"]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = Peer(writer)
        self.peers.append(peer)
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
                method, path, _ = head[0].split(" ")
                headers = {k.lower(): v for k, v in (line.split(": ", 1) for line in head[1:] if line)}
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                request = Request(method, path, headers, body)
                self.requests.append(request)
                task = asyncio.create_task(self._handle(request, peer))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
        peer.gone.set()
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()

    async def _handle(self, request: Request, peer: Peer) -> None:
        if request.path == "/v1/chat/completions":
            await self._chat(request, peer)
        elif self._other is not None:
            await self._other(request, peer)
        else:
            peer.respond(404, b"{}")


async def hello(request: Request, peer: Peer) -> None:
    peer.answer("Hello", " there", ".")


def models(*ids: str) -> Handler:
    async def handle(request: Request, peer: Peer) -> None:
        if request.path == "/v1/models":
            peer.respond(200, json.dumps({"data": [{"id": name} for name in ids]}).encode())
        else:
            peer.respond(404, b"{}")

    return handle


def provider(url: str, **settings: object) -> OpenAILLM:
    values = {"base_url": url, "api_key": KEY, "model": "small-model", **settings}
    return OpenAILLM(OpenAIConfig.model_validate(values), context(system_prompt="You are brief."))


async def collect(llm: OpenAILLM) -> list[LLMEvent]:
    async with aclosing(llm.generate(QUESTION)) as stream:
        return [event async for event in stream]


def text_of(events: list[LLMEvent]) -> str:
    return "".join(event.text for event in events if isinstance(event, TextDelta))


def run(
    chat: Handler,
    use: Callable[[OpenAILLM, Server], Awaitable[None]],
    other: Handler | None = None,
    **settings: object,
) -> None:
    """Use a provider with a server around it."""

    async def main() -> None:
        async with Server(chat, other) as server:
            llm = provider(server.url, **settings)
            try:
                async with asyncio.timeout(20):
                    await use(llm, server)
            finally:
                await llm.aclose()
                await llm.aclose()

    asyncio.run(main())


async def until(condition: Callable[[], bool]) -> None:
    """Wait for it (the test's own timeout is the net)."""
    while not condition():  # noqa: ASYNC110
        await asyncio.sleep(0.001)
