"""An OpenAI-compatible server of known speed: `python -m voicebot_llm_stub.server '{"ttft_ms": 120, …}'`.

It listens on a free port of 127.0.0.1, writes `{"port": …}` on its standard output, and ends when its standard input
does. `POST /v1/chat/completions` answers, `GET /v1/models` lists its one model, and `GET /requests` tells what it was
asked and what became of it. It runs on h11 and the standard library alone, so that it starts quickly.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import random
import sys
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import h11

from voicebot_llm_stub.replies import reply_to, tokens

__all__ = ["BadRequest", "ChatRequest", "Record", "Settings", "main", "read_request", "schedule"]

KEPT_REQUESTS = 200
MODEL = "stub"


@dataclass(frozen=True, slots=True)
class Settings:
    """As in `StubConfig`."""

    ttft_ms: float = 120.0
    tokens_per_s: float = 200.0
    jitter_ms: float = 0.0
    seed: int = 0
    replies: list[str] | None = None
    misbehave: str = ""


class BadRequest(ValueError):
    """A request that no chat-completions server would take."""


@dataclass(frozen=True, slots=True)
class ChatRequest:
    messages: list[dict[str, str]]
    max_tokens: int | None
    wants_usage: bool


@dataclass(slots=True)
class Record:
    """What became of a request. Times are seconds of the machine's monotonic clock."""

    number: int
    messages: list[dict[str, str]]
    received_at_s: float
    first_token_at_s: float | None = None
    tokens_written: int = 0
    finished: bool = False
    closed_early: bool = False
    """The client hung up before the end."""


def read_request(body: bytes) -> ChatRequest:
    """Read the body of a chat-completions request.

    Raises:
        BadRequest: it is none, or does not ask for a stream.
    """
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        raise BadRequest("the body is not JSON") from None
    if not isinstance(data, dict) or data.get("stream") is not True:
        raise BadRequest("only streams are served")
    messages = data.get("messages")
    if not isinstance(messages, list) or not messages:
        raise BadRequest("messages must be a list")
    for message in messages:
        if not isinstance(message, dict) or not isinstance(message.get("content"), str):
            raise BadRequest("each message must have a text as its content")
    limit = data.get("max_tokens")
    options = data.get("stream_options")
    return ChatRequest(
        [{"role": str(message.get("role")), "content": message["content"]} for message in messages],
        limit if isinstance(limit, int) and limit > 0 else None,
        isinstance(options, dict) and options.get("include_usage") is True,
    )


def schedule(settings: Settings, number: int) -> Iterator[float]:
    """When the tokens of request `number` are due, in seconds after it was received."""
    chance = random.Random(f"{settings.seed} {number}")
    latest = 0.0
    for index in itertools.count():
        due = settings.ttft_ms / 1000 + index / settings.tokens_per_s
        latest = max(latest, due + chance.uniform(0, settings.jitter_ms) / 1000)
        yield latest


class _Stub:
    """What the connections share."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.records: deque[Record] = deque(maxlen=KEPT_REQUESTS)
        self.numbers = itertools.count()
        self.peers: set[_Peer] = set()


class _Peer(asyncio.Protocol):
    """One connection, kept alive."""

    def __init__(self, stub: _Stub) -> None:
        self._stub = stub
        self._http = h11.Connection(h11.SERVER)
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport
        self._request: h11.Request | None = None
        self._body = bytearray()
        self._answering: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._stub.peers.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stub.peers.discard(self)
        if self._answering is not None:
            self._answering.cancel()

    def data_received(self, data: bytes) -> None:
        received_at_s = self._loop.time()
        self._http.receive_data(data)
        self._advance(received_at_s)

    def close(self) -> None:
        self._transport.abort()

    def _advance(self, received_at_s: float) -> None:
        try:
            while True:
                event = self._http.next_event()
                if isinstance(event, h11.Request):
                    self._request, self._body = event, bytearray()
                elif isinstance(event, h11.Data):
                    self._body += event.data
                elif isinstance(event, h11.EndOfMessage) and self._request is not None:
                    self._route(self._request, received_at_s)
                else:
                    return
        except h11.RemoteProtocolError:
            self._transport.abort()

    def _route(self, request: h11.Request, received_at_s: float) -> None:
        path = request.target.split(b"?")[0]
        if path == b"/v1/chat/completions" and request.method == b"POST":
            try:
                chat = read_request(bytes(self._body))
            except BadRequest as error:
                self._json(400, {"error": {"message": str(error), "type": "invalid_request_error"}})
                return
            record = Record(next(self._stub.numbers), chat.messages, received_at_s)
            self._stub.records.append(record)
            self._answering = self._loop.create_task(self._answer(chat, record), name="answer")
        elif path == b"/v1/models":
            self._json(200, {"object": "list", "data": [{"id": MODEL, "object": "model"}]})
        elif path == b"/requests":
            self._json(200, [asdict(record) for record in self._stub.records])
        else:
            self._json(404, {"error": {"message": "no such address", "type": "not_found"}})

    async def _answer(self, chat: ChatRequest, record: Record) -> None:
        try:
            await self._stream(chat, record)
        except asyncio.CancelledError:
            record.closed_early = True
            raise

    async def _stream(self, chat: ChatRequest, record: Record) -> None:
        settings = self._stub.settings
        due = schedule(settings, record.number)
        asked = next((m["content"] for m in reversed(chat.messages) if m["role"] == "user"), "")
        words = tokens(reply_to(asked, settings.replies))[: chat.max_tokens]
        if settings.misbehave == "error":
            self._json(500, {"error": {"message": "told to fail", "type": "server_error"}})
            return
        if settings.misbehave != "slow_headers":
            self._begin()
        if settings.misbehave == "hang":
            await asyncio.Event().wait()
        for index, (word, due_s) in enumerate(zip(words, due, strict=False)):
            await asyncio.sleep(record.received_at_s + due_s - self._loop.time())
            if index == 0:
                if settings.misbehave == "slow_headers":
                    self._begin()
                record.first_token_at_s = self._loop.time()
            self._event(record, [{"index": 0, "delta": {"role": "assistant", "content": word}}])
            record.tokens_written += 1
            if settings.misbehave == "cut" and index == 2:
                self._transport.close()
                return
        finish_reason = "length" if chat.max_tokens == len(words) else "stop"
        self._event(record, [{"index": 0, "delta": {}, "finish_reason": finish_reason}])
        if chat.wants_usage:
            prompt = sum(len(message["content"].split()) for message in chat.messages)
            self._event(record, [], {"prompt_tokens": prompt, "completion_tokens": len(words)})
        record.finished = True
        self._write(h11.Data(data=b"data: [DONE]\n\n"), h11.EndOfMessage())
        self._next()

    def _begin(self) -> None:
        headers = [("Content-Type", "text/event-stream; charset=utf-8"), ("Cache-Control", "no-store")]
        self._write(h11.Response(status_code=200, headers=headers))

    def _event(
        self, record: Record, choices: list[dict[str, Any]], usage: Mapping[str, int] | None = None
    ) -> None:
        chunk = {
            "id": f"chatcmpl-{record.number}",
            "object": "chat.completion.chunk",
            "model": MODEL,
            "choices": choices,
            **({"usage": usage} if usage else {}),
        }
        self._write(h11.Data(data=f"data: {json.dumps(chunk)}\n\n".encode()))

    def _json(self, status: int, data: object) -> None:
        body = json.dumps(data).encode()
        headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
        self._write(
            h11.Response(status_code=status, headers=headers), h11.Data(data=body), h11.EndOfMessage()
        )
        self._next()

    def _write(self, *events: h11.Event) -> None:
        self._transport.write(b"".join(self._http.send(event) or b"" for event in events))

    def _next(self) -> None:
        """The connection's next request, which may be here already."""
        self._answering = None
        if self._http.our_state is h11.MUST_CLOSE:
            self._transport.close()
            return
        self._http.start_next_cycle()
        self._loop.call_soon(self._advance, self._loop.time())


async def _serve(settings: Settings) -> None:
    loop = asyncio.get_running_loop()
    stub = _Stub(settings)
    server = await loop.create_server(lambda: _Peer(stub), "127.0.0.1", 0)
    parent = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(parent), sys.stdin)
    sys.stdout.write(json.dumps({"port": server.sockets[0].getsockname()[1]}) + "\n")
    sys.stdout.flush()
    while await parent.read(1024):
        pass
    server.close()
    for peer in list(stub.peers):
        peer.close()


def main() -> None:
    settings = Settings(**json.loads(sys.argv[1]))
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(settings))


if __name__ == "__main__":
    main()
