"""The real model. What it says is not judged here, only how it is delivered."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from voicebot.errors import EngineError, ModelError, ModelMissing
from voicebot.interfaces import ChatMessage, LLMEvent, ProviderContext, TextDelta, TokenUsage
from voicebot.models import ModelStore
from voicebot_llm_llamacpp import LlamaCppConfig, LlamaCppLLM
from voicebot_llm_llamacpp.engine import Chunk, read_chunk
from voicebot_llm_llamacpp.provider import _Answer

SYSTEM = ChatMessage(
    "system", "You are a friendly voice assistant. You answer in one short English sentence."
)


def ask(text: str) -> list[ChatMessage]:
    return [SYSTEM, ChatMessage("user", text)]


def provider(store: ModelStore, **settings: object) -> LlamaCppLLM:
    return LlamaCppLLM(LlamaCppConfig.model_validate(settings), ProviderContext(models=store, threads=1))


def with_model(store: ModelStore, use: Callable[[LlamaCppLLM], Awaitable[None]], **settings: object) -> None:
    async def main() -> None:
        llm = provider(store, **settings)
        try:
            await llm.warmup()
            await use(llm)
        finally:
            await llm.aclose()

    asyncio.run(main())


async def collect(events: AsyncGenerator[LLMEvent, None]) -> tuple[list[str], TokenUsage]:
    deltas: list[str] = []
    usage: list[TokenUsage] = []
    async for event in events:
        if isinstance(event, TextDelta):
            deltas.append(event.text)
        elif isinstance(event, TokenUsage):
            usage.append(event)
    assert len(usage) == 1
    return deltas, usage[0]


def worker_threads() -> set[str]:
    return {thread.name for thread in threading.enumerate() if thread.name.startswith("llamacpp")}


@pytest.mark.engine
def test_an_answer_is_streamed_and_the_next_prompt_is_cached(
    model_store: ModelStore, capfd: pytest.CaptureFixture[str]
) -> None:
    async def use(llm: LlamaCppLLM) -> None:
        first, usage = await collect(llm.generate(ask("What is the capital of France?")))
        assert len(first) > 3
        assert "Paris" in "".join(first)
        assert usage.completion_tokens <= 80
        history = [*ask("What is the capital of France?"), ChatMessage("assistant", "".join(first))]
        _, second = await collect(llm.generate([*history, ChatMessage("user", "And of Spain?")]))
        assert second.prompt_tokens > usage.prompt_tokens
        assert second.cached_tokens >= usage.prompt_tokens - 4

    with_model(model_store, use)
    assert worker_threads() == set()
    assert capfd.readouterr() == ("", "")


@pytest.mark.engine
def test_the_beginning_of_a_conversation_is_cached_before_its_first_answer(model_store: ModelStore) -> None:
    async def main() -> None:
        context = ProviderContext(models=model_store, threads=1, system_prompt=SYSTEM.content)
        llm = LlamaCppLLM(LlamaCppConfig(), context)
        try:
            await llm.warmup()
            _, usage = await collect(llm.generate(ask("Hello!")))
            assert usage.cached_tokens >= usage.prompt_tokens - 8
        finally:
            await llm.aclose()

    asyncio.run(main())


@pytest.mark.engine
def test_closing_the_generator_stops_the_model(
    model_store: ModelStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []

    def spy(data: dict[str, Any]) -> Chunk:
        chunk = read_chunk(data)
        made.extend([chunk.text] if chunk.text else [])
        return chunk

    monkeypatch.setattr("voicebot_llm_llamacpp.engine.read_chunk", spy)

    async def use(llm: LlamaCppLLM) -> None:
        story = ask("Tell me a very long story about the sea.")
        whole, _ = await collect(llm.generate(story))
        assert len(whole) > 60
        made.clear()
        async with aclosing(llm.generate(story)) as answer:
            for _ in range(3):
                await anext(answer)
        after, _ = await collect(llm.generate(ask("Hello!")))
        assert after
        # The worker may be one answer's hand-off ahead of its reader, never more.
        assert len(made) - len(after) < 30

    with_model(model_store, use, examples=[], max_tokens=120)


@pytest.mark.engine
def test_an_answer_closed_while_its_prompt_is_evaluated_gives_way(model_store: ModelStore) -> None:
    async def use(llm: LlamaCppLLM) -> None:
        long_question = ask("Please explain this. " * 200)
        answer = llm.generate(long_question)
        pending = asyncio.ensure_future(anext(answer))
        await asyncio.sleep(0)
        pending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await pending
        await answer.aclose()
        deltas, usage = await collect(llm.generate(ask("Hello!")))
        assert deltas
        assert usage.prompt_tokens < 400

    with_model(model_store, use)


def blocked_worker(answer: _Answer, taken: list[bool]) -> tuple[threading.Thread, threading.Event]:
    """A worker with one event more than there is room for; the Event tells that the room is used up."""
    full = threading.Event()

    def work() -> None:
        taken.extend(answer.put(TextDelta(str(number))) for number in range(answer.CAPACITY))
        full.set()
        taken.append(answer.put(TextDelta("last")))

    worker = threading.Thread(target=work)
    worker.start()
    return worker, full


def test_the_worker_waits_for_a_reader_that_is_behind() -> None:
    async def main() -> None:
        answer, taken = _Answer(asyncio.get_running_loop()), list[bool]()
        worker, full = blocked_worker(answer, taken)
        await asyncio.to_thread(full.wait)
        assert worker.is_alive()
        assert answer._events.qsize() == answer.CAPACITY
        assert await answer.get() == TextDelta("0")
        worker.join()
        assert taken == [True] * (answer.CAPACITY + 1)
        assert [await answer.get() for _ in range(answer.CAPACITY)][-1] == TextDelta("last")

    asyncio.run(main())


def test_a_waiting_worker_is_freed_when_the_answer_is_cancelled() -> None:
    async def main() -> None:
        answer, taken = _Answer(asyncio.get_running_loop()), list[bool]()
        worker, full = blocked_worker(answer, taken)
        await asyncio.to_thread(full.wait)
        answer.cancel()
        worker.join()
        assert taken == [True] * answer.CAPACITY + [False]

    asyncio.run(main())


@pytest.mark.engine
def test_a_conversation_longer_than_the_context_loses_its_beginning(model_store: ModelStore) -> None:
    async def use(llm: LlamaCppLLM) -> None:
        messages = [SYSTEM]
        for number in range(30):
            messages += [
                ChatMessage("user", f"Remember {number}."),
                ChatMessage("assistant", f"I remember {number}."),
            ]
        messages.append(ChatMessage("user", "What is the capital of France?"))
        deltas, usage = await collect(llm.generate(messages))
        assert deltas
        assert 100 < usage.prompt_tokens <= 256 - 40
        messages += [ChatMessage("assistant", "".join(deltas)), ChatMessage("user", "Thanks.")]
        _, again = await collect(llm.generate(messages))
        assert again.cached_tokens >= usage.prompt_tokens - 4
        with pytest.raises(EngineError, match="raise context_tokens"):
            await collect(llm.generate(ask("hello " * 600)))

    with_model(model_store, use, examples=[], context_tokens=256, max_tokens=40)


@pytest.mark.engine
def test_characters_of_several_tokens_come_whole(model_store: ModelStore) -> None:
    async def use(llm: LlamaCppLLM) -> None:
        for limit in range(2):
            deltas, _ = await collect(
                llm.generate(ask("Say this again and again: 你好，世界 😊😊 здравствуй" + " " * limit))
            )
            text = "".join(deltas)
            assert "\ufffd" not in text
            assert any(not char.isascii() for char in text)

    with_model(model_store, use, examples=[], max_tokens=31)


@pytest.mark.engine
def test_it_can_be_closed_while_it_answers(model_store: ModelStore) -> None:
    async def main() -> None:
        llm = provider(model_store, examples=[])
        await llm.warmup()
        answer = llm.generate(ask("Tell me a very long story about the sea."))
        await anext(answer)
        await llm.aclose()
        await llm.aclose()
        await answer.aclose()
        with pytest.raises(EngineError, match="closed"):
            await anext(llm.generate(ask("Hello!")))
        with pytest.raises(EngineError, match="closed"):
            await llm.warmup()

    asyncio.run(main())
    assert worker_threads() == set()


def test_it_can_be_closed_before_it_is_loaded() -> None:
    async def main() -> None:
        llm = provider(ModelStore())
        with pytest.raises(EngineError, match="not loaded"):
            await anext(llm.generate(ask("Hello!")))
        await llm.aclose()
        await llm.aclose()

    asyncio.run(main())


def test_a_missing_model_is_named(tmp_path: Path) -> None:
    async def main() -> None:
        for model in (str(tmp_path / "none.gguf"), "smollm2-135m-instruct"):
            with pytest.raises(ModelMissing):
                await provider(ModelStore(tmp_path), model=model).warmup()

    asyncio.run(main())


def warm_up_fails(path: Path) -> str:
    async def main() -> str:
        llm = provider(ModelStore(), model=str(path))
        try:
            with pytest.raises((ModelError, EngineError)) as caught:
                await llm.warmup()
        finally:
            await llm.aclose()
        return str(caught.value)

    return asyncio.run(main())


@pytest.mark.parametrize("content", [b"", b"GG", os.urandom(3000), b'{"not": "weights"}'])
def test_a_file_that_is_no_gguf_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "bad.gguf"
    path.write_bytes(content)
    assert f"{path} is not a GGUF file" in warm_up_fails(path)
    assert "single .gguf file" in warm_up_fails(tmp_path)


@pytest.mark.engine
def test_a_damaged_model_is_named_and_the_process_lives(
    tmp_path: Path, model_store: ModelStore, capfd: pytest.CaptureFixture[str]
) -> None:
    with model_store.path("smollm2-135m-instruct").open("rb") as file:
        good = file.read(3_000_000)
    path = tmp_path / "damaged.gguf"
    for content in (good[:4], good[:100], good, good[:4] + b"\xff" * 5000):
        path.write_bytes(content)
        assert f"cannot load the model {path}" in warm_up_fails(path)
    assert capfd.readouterr() == ("", "")
