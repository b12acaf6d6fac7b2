from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import AsyncGenerator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import ClassVar

from pydantic import BaseModel

from voicebot.errors import EngineError
from voicebot.interfaces import Capabilities, ChatMessage, LLMEvent, ProviderContext, TextDelta, ToolSpec
from voicebot_llm_llamacpp.config import LlamaCppConfig
from voicebot_llm_llamacpp.engine import Chunk, Engine
from voicebot_llm_llamacpp.history import History

__all__ = ["LlamaCppLLM"]


class LlamaCppLLM:
    """A GGUF model in this process, on one worker thread; requests are answered one after the other."""

    Config: ClassVar[type[BaseModel]] = LlamaCppConfig
    capabilities: ClassVar[Capabilities] = Capabilities(
        streams=True, licence="MIT", modules=("xllamacpp",), extra="llamacpp"
    )

    def __init__(self, config: LlamaCppConfig, context: ProviderContext) -> None:
        self._config = config
        self._context = context
        self._history = History(config.examples)
        self._engine: Engine | None = None
        self._executor: ThreadPoolExecutor | None = None
        self._answers: set[_Answer] = set()
        self._closed = False

    @classmethod
    def required_models(cls, config: LlamaCppConfig) -> Sequence[str]:
        return [config.model]

    async def warmup(self) -> None:
        """Load the model and evaluate how each conversation begins: the system prompt, and the examples after it.

        Raises:
            ModelMissing: the model is not on this machine.
            ModelError: it is not a GGUF file.
            EngineError: llama.cpp cannot load it.
        """
        if self._closed:
            raise EngineError("The language model was closed.")
        if self._engine is not None:
            return
        path = self._context.models.path(self._config.model)
        self._executor = self._executor or ThreadPoolExecutor(1, thread_name_prefix="llamacpp")

        def load() -> None:
            engine = Engine(path, self._config, self._context.threads)
            system = self._context.system_prompt
            beginning = [ChatMessage("system", system)] if system else []
            prompt = self._history.prompt([*beginning, ChatMessage("user", "Hello!")])
            engine.chat(prompt, lambda chunk: bool(chunk.text), max_tokens=1)
            self._engine = engine

        await asyncio.get_running_loop().run_in_executor(self._executor, load)

    async def generate(
        self, messages: Sequence[ChatMessage], tools: Sequence[ToolSpec] = ()
    ) -> AsyncGenerator[LLMEvent, None]:
        """Stream an answer: text deltas, then the token usage. Closing the generator stops the model.

        The oldest exchanges are left out when the conversation has outgrown `context_tokens`.

        Raises:
            EngineError: not warmed up, closed, or the model failed.
        """
        answer = self._ask(messages)
        try:
            while (event := await answer.get()) is not None:
                yield event
        finally:
            answer.cancel()

    def _ask(self, messages: Sequence[ChatMessage]) -> _Answer:
        if self._closed or self._engine is None or self._executor is None:
            raise EngineError(
                "The language model was closed." if self._closed else "The language model is not loaded."
            )
        loop = asyncio.get_running_loop()
        answer = _Answer(loop)
        self._answers.add(answer)
        # Through the loop, not by `submit`: a virtual clock must know that a thread is at work.
        # In the caller's context, so that the log knows whose answer it is.
        run = contextvars.copy_context().run
        loop.run_in_executor(self._executor, run, self._work, self._engine, list(messages), answer)
        return answer

    def _work(self, engine: Engine, messages: list[ChatMessage], answer: _Answer) -> None:
        """In the worker thread: answer, with less of the history as long as it does not fit."""
        limit = self._config.context_tokens - self._config.max_tokens
        error: Exception | None = None
        try:
            while not answer.cancelled:
                too_long = 0

                def on_chunk(chunk: Chunk) -> bool:
                    nonlocal too_long
                    if chunk.too_long or chunk.prompt_tokens > limit:
                        too_long = chunk.prompt_tokens
                        return True
                    if chunk.error:
                        raise EngineError(f"llama.cpp failed: {chunk.error}")
                    if chunk.text and not answer.put(TextDelta(chunk.text)):
                        return True
                    if chunk.usage is not None:
                        answer.put(chunk.usage)
                    return answer.cancelled

                engine.chat(self._history.prompt(messages), on_chunk, self._config.max_tokens)
                if not too_long:
                    break
                self._history.trim(messages, too_long, limit)
        except Exception as caught:
            error = caught
        self._answers.discard(answer)
        answer.finish(error)

    async def aclose(self) -> None:
        self._closed = True
        for answer in list(self._answers):
            answer.cancel()
        executor, self._executor = self._executor, None
        if executor is not None:
            await asyncio.get_running_loop().run_in_executor(executor, self._unload)
            executor.shutdown()

    def _unload(self) -> None:
        self._engine = None


class _Answer:
    """Carries events from the worker thread to the event loop; the worker waits when they are not taken."""

    CAPACITY = 16

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._room = threading.Semaphore(self.CAPACITY)
        self._events: asyncio.Queue[LLMEvent | Exception | None] = asyncio.Queue()  # bounded by `_room`
        self.cancelled = False

    async def get(self) -> LLMEvent | None:
        """The next event; None after the last. Raises what the worker raised."""
        event = await self._events.get()
        if isinstance(event, Exception):
            raise event
        self._room.release()
        return event

    def cancel(self) -> None:
        """On the event loop: make the worker stop at its next token."""
        self.cancelled = True
        self._room.release()

    def put(self, event: LLMEvent) -> bool:
        """In the worker: hand over an event; False if nobody wants it any more."""
        self._room.acquire()
        return not self.cancelled and self._send(event)

    def finish(self, error: Exception | None) -> None:
        """In the worker: there will be no more."""
        self._send(error)

    def _send(self, event: LLMEvent | Exception | None) -> bool:
        try:
            self._loop.call_soon_threadsafe(self._events.put_nowait, event)
        except RuntimeError:  # the loop was closed
            return False
        return True
