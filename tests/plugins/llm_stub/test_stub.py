"""The server in its own process, and its end."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import aclosing, asynccontextmanager, suppress
from typing import Any

import pytest

from voicebot.errors import EngineError
from voicebot.interfaces import ChatMessage, TextDelta, TokenUsage
from voicebot.testing.engines import context
from voicebot_llm_openai import OpenAIConfig, OpenAILLM
from voicebot_llm_stub import StubConfig, StubLLM
from voicebot_llm_stub.replies import LONG, SHORT, tokens

FAST = {"ttft_ms": 2.0, "tokens_per_s": 5000.0}


def stub(**settings: object) -> StubLLM:
    return StubLLM(StubConfig.model_validate({**FAST, **settings}), context())


def ask(text: str) -> list[ChatMessage]:
    return [ChatMessage("system", "You are brief."), ChatMessage("user", text)]


async def answer(llm: StubLLM, text: str) -> str:
    parts = [event.text async for event in llm.generate(ask(text)) if isinstance(event, TextDelta)]
    return "".join(parts)


def with_stub(use: Callable[[StubLLM], Awaitable[None]], **settings: object) -> None:
    async def main() -> None:
        llm = stub(**settings)
        try:
            await llm.warmup()
            async with asyncio.timeout(30):
                await use(llm)
        finally:
            await llm.aclose()

    asyncio.run(main())


@pytest.fixture
def processes(monkeypatch: pytest.MonkeyPatch) -> list[asyncio.subprocess.Process]:
    """Every process that is started."""
    started: list[asyncio.subprocess.Process] = []
    start = asyncio.create_subprocess_exec

    async def watched(*args: Any, **more: Any) -> asyncio.subprocess.Process:
        process = await start(*args, **more)
        started.append(process)
        return process

    monkeypatch.setattr(asyncio, "create_subprocess_exec", watched)
    return started


@pytest.fixture
def server() -> Iterator[str]:
    """The address of a server that was started by hand."""
    command = [sys.executable, "-m", "voicebot_llm_stub.server", json.dumps(FAST)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{json.loads(process.stdout.readline())['port']}/v1"
        process.communicate()
        assert process.returncode == 0


def test_its_process_says_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    async def use(llm: StubLLM) -> None:
        assert await answer(llm, "When do you open?")

    with_stub(use)
    assert capfd.readouterr() == ("", "")


def test_the_openai_plugin_can_ask_it(server: str) -> None:
    async def main() -> None:
        llm = OpenAILLM(OpenAIConfig(base_url=server, model="stub", warmup_request=True), context())
        try:
            await llm.warmup()
            assert any([isinstance(event, TextDelta) async for event in llm.generate(ask("Hello!"))])
        finally:
            await llm.aclose()

    asyncio.run(main())


def test_answers_and_what_the_server_remembers() -> None:
    async def use(llm: StubLLM) -> None:
        events = [event async for event in llm.generate(ask("When do you open?"))]
        text = "".join(event.text for event in events if isinstance(event, TextDelta))
        assert text in SHORT
        assert events[-1] == TokenUsage(7, len(tokens(text)))
        assert await answer(llm, "Tell me everything") in LONG
        first, second = await llm.requests()
        assert first["messages"][-1] == {"role": "user", "content": "When do you open?"}
        assert first["first_token_at_s"] - first["received_at_s"] >= FAST["ttft_ms"] / 1000
        assert first["tokens_written"] == len(tokens(text))
        assert (first["finished"], first["closed_early"]) == (True, False)
        assert second["number"] == 1

    with_stub(use)


def test_an_interrupted_answer_stops_at_the_server() -> None:
    async def use(llm: StubLLM) -> None:
        async with aclosing(llm.generate(ask("Tell me a story"))) as stream:
            await anext(stream)
        while not (records := await llm.requests())[0]["closed_early"]:
            pass
        assert 1 <= records[0]["tokens_written"] < 100
        assert not records[0]["finished"]
        assert await answer(llm, "Thanks") in SHORT

    with_stub(use, tokens_per_s=20)


def test_own_replies() -> None:
    async def use(llm: StubLLM) -> None:
        assert await answer(llm, "Anything, a story even") == "Just this."

    with_stub(use, replies=["Just this."])


@pytest.mark.parametrize(("how", "words"), [("error", "told to fail"), ("cut", "broke")])
def test_misbehaving(how: str, words: str) -> None:
    async def use(llm: StubLLM) -> None:
        with pytest.raises(EngineError, match=words) as caught:
            await answer(llm, "Hello")
        assert caught.value.retryable
        (record,) = await llm.requests()
        assert record["tokens_written"] == (3 if how == "cut" else 0)
        assert not record["finished"]

    with_stub(use, misbehave=how)


def test_hanging() -> None:
    async def use(llm: StubLLM) -> None:
        task = asyncio.create_task(answer(llm, "Hello"))
        while not await llm.requests():
            pass
        task.cancel()
        await asyncio.wait([task])
        while not (await llm.requests())[0]["closed_early"]:
            pass

    with_stub(use, misbehave="hang")


def test_slow_headers() -> None:
    async def use(llm: StubLLM) -> None:
        assert await answer(llm, "Hello") in SHORT

    with_stub(use, misbehave="slow_headers")


@asynccontextmanager
async def connected(llm: StubLLM) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", int(llm.url.rsplit(":", 1)[1]))
    try:
        yield reader, writer
    finally:
        writer.close()
        await asyncio.wait([asyncio.create_task(writer.wait_closed())])


@pytest.mark.parametrize("data", [b"\x16\x03\x01\x00\xff" * 50, b"GET\r\n\r\n", b"\r\n" * 100_000])
def test_what_is_no_http_is_hung_up_on(data: bytes) -> None:
    async def use(llm: StubLLM) -> None:
        async with connected(llm) as (reader, writer):
            with suppress(OSError):  # it may have hung up before we have said all
                writer.write(data)
                writer.write_eof()
                assert await reader.read() == b""
        assert await answer(llm, "Hello") in SHORT

    with_stub(use)


@pytest.mark.parametrize(
    ("request_line", "body", "status"),
    [
        (b"POST /v1/chat/completions", b"{}", b"400"),
        (b"GET /nothing", b"", b"404"),
        (b"GET /v1/models", b"", b"200"),
    ],
)
def test_plain_requests(request_line: bytes, body: bytes, status: bytes) -> None:
    async def use(llm: StubLLM) -> None:
        async with connected(llm) as (reader, writer):
            head = b"%s HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"
            writer.write(head % (request_line, len(body)) + body)
            assert (await reader.read()).startswith(b"HTTP/1.1 " + status)

    with_stub(use)


def test_requests_that_come_in_one_piece_are_answered_in_turn() -> None:
    async def use(llm: StubLLM) -> None:
        body = json.dumps({"stream": True, "messages": [{"role": "user", "content": "Hi"}]}).encode()
        head = b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\n%sContent-Length: %d\r\n\r\n"
        async with connected(llm) as (reader, writer):
            writer.write(head % (b"", len(body)) + body + head % (b"Connection: close\r\n", len(body)) + body)
            assert (await reader.read()).count(b"[DONE]") == 2

    with_stub(use)


def test_aclose_ends_the_process(processes: list[asyncio.subprocess.Process]) -> None:
    async def use(llm: StubLLM) -> None:
        await llm.warmup()  # twice is once
        await llm.aclose()
        assert [process.returncode is None for process in processes] == [False]
        with pytest.raises(EngineError, match="was closed"):
            await answer(llm, "Hello")
        with pytest.raises(EngineError, match="was closed"):
            await llm.warmup()

    with_stub(use)


def test_a_warmup_that_fails_half_way_ends_the_process(
    processes: list[asyncio.subprocess.Process], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(self: OpenAILLM) -> None:
        raise EngineError("not today")

    monkeypatch.setattr(OpenAILLM, "warmup", fail)

    async def main() -> None:
        llm = stub()
        with pytest.raises(EngineError, match="not today"):
            await llm.warmup()
        assert [process.returncode is None for process in processes] == [False]
        await llm.aclose()

    asyncio.run(main())


def test_a_warmup_that_is_cancelled_ends_the_process(processes: list[asyncio.subprocess.Process]) -> None:
    async def main() -> None:
        llm = stub()
        task = asyncio.create_task(llm.warmup())
        while not processes:  # noqa: ASYNC110
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
        assert [process.returncode is None for process in processes] == [False]
        await llm.aclose()

    asyncio.run(main())


def test_a_process_that_dies_at_once_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONHOME", "/nonexistent")

    async def main() -> None:
        llm = stub()
        with pytest.raises(EngineError, match=r"has not started: .+"):
            await llm.warmup()
        await llm.aclose()

    asyncio.run(main())


def test_the_server_dies_with_its_parent_however_that_dies() -> None:
    script = (
        "import asyncio\n"
        "from voicebot.testing.engines import context\n"
        "from voicebot_llm_stub import StubConfig, StubLLM\n"
        "async def main():\n"
        "    llm = StubLLM(StubConfig(), context())\n"
        "    await llm.warmup()\n"
        "    print(llm.url, flush=True)\n"
        "    await asyncio.Event().wait()\n"
        "asyncio.run(main())\n"
    )

    async def main() -> None:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", script, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        assert process.stdout is not None
        port = int((await process.stdout.readline()).decode().rsplit(":", 1)[1])
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        process.send_signal(signal.SIGKILL)
        await process.communicate()
        assert process.returncode == -signal.SIGKILL
        with suppress(ConnectionError):
            assert await reader.read() == b""  # until the server has ended, too
        writer.close()
        await asyncio.wait([asyncio.create_task(writer.wait_closed())])

    asyncio.run(main())
