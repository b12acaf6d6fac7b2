"""One answer of a model that calls tools on the way: generate, call, tell the results, generate."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import replace

from voicebot.clock import now
from voicebot.interfaces import ChatMessage, LLMEvent, TextDelta, TokenUsage, ToolCall, ToolSpec
from voicebot.tools.filler import Filler, default_filler
from voicebot.tools.runner import ToolEvent, ToolRunner

__all__ = ["INTERRUPTED", "LAST_ROUND", "Conversation", "Generate"]

Generate = Callable[[Sequence[ChatMessage], Sequence[ToolSpec]], AsyncGenerator[LLMEvent, None]]
"""As `LLM.generate`."""

INTERRUPTED = "Error: interrupted; whether it was done is not known."
"""A call's result for as long as it has none."""
LOOK_S = 0.1
"""How often it is looked whether the agent is heard, while tools run."""
LAST_ROUND = "\n(No more tools can be called in this answer.)"


class Conversation:
    """An answer, and the calls that it takes.

    Args:
        generate: asks the model; what it raises leaves `answer` as it is.
        runner: makes the calls.
        committed: no tool is called before this is set.
        language: the call's, BCP 47.
        on_filler: called with what to say, while tools keep the user waiting.
        speaking: whether the agent is being heard, or has more to say that it was given already.
        on_tool: called about each call.

    Attributes:
        exchanged: what belongs into the conversation between the user's words and the answer: the model's calls and
            their results. Complete at any time: after a cancellation, calls without a result have `INTERRUPTED`.
    """

    def __init__(
        self,
        generate: Generate,
        runner: ToolRunner,
        *,
        committed: asyncio.Event,
        language: str,
        on_filler: Callable[[str], None],
        speaking: Callable[[], bool] = lambda: False,
        on_tool: Callable[[ToolEvent], None] = lambda event: None,
    ) -> None:
        settings = runner.settings
        self.exchanged: list[ChatMessage] = []
        self._generate = generate
        self._runner = runner
        self._committed = committed
        self._on_tool = on_tool
        self._filler_text = default_filler(language) if settings.filler is None else settings.filler
        self._wait = _Wait(Filler(settings.filler_after_ms), on_filler, speaking)

    def remembered(self) -> list[ChatMessage]:
        """`exchanged` for the history: without the model's text, of which the history has what was heard."""
        return [replace(one, content="") if one.tool_calls else one for one in self.exchanged]

    async def answer(self, messages: Sequence[ChatMessage]) -> AsyncGenerator[TextDelta | TokenUsage, None]:
        """The answer to these messages, as it is generated; closing this closes the model's stream.

        Text that stands before calls is ended with a line break, so that it can be said at once. `TokenUsage` is the
        sum so far.

        Raises:
            EngineError: the model failed. Tools that fail raise nothing: the model is told.
        """
        spent = TokenUsage(0, 0)
        rounds = self._runner.settings.max_rounds
        try:
            for number in range(rounds + 1):
                tools = self._runner.specs if number < rounds else ()
                told = self.exchanged if number < rounds else _last_round(self.exchanged)
                text, calls = "", list[ToolCall]()
                usage: TokenUsage | None = None
                async with aclosing(self._generate([*messages, *told], tools)) as events:
                    async for event in events:
                        if isinstance(event, TextDelta):
                            text += event.text
                            if text.strip():
                                self._wait.end()
                            yield event
                        elif isinstance(event, ToolCall):
                            calls.append(event)
                        else:
                            usage = event
                if usage is not None:
                    spent = _sum(spent, usage)
                    yield spent
                if not calls or not tools:
                    return
                if text.strip():
                    yield TextDelta("\n")
                await self._committed.wait()
                await self._call(text, calls)
        finally:
            self._wait.end()

    async def _call(self, text: str, calls: Sequence[ToolCall]) -> None:
        self.exchanged.append(ChatMessage("assistant", text, tool_calls=tuple(calls)))
        first = len(self.exchanged)
        self.exchanged += [ChatMessage("tool", INTERRUPTED, tool_call_id=call.id) for call in calls]

        def keep(index: int, result: str) -> None:
            self.exchanged[first + index] = replace(self.exchanged[first + index], content=result)

        self._wait.begin(self._runner.filler(calls, self._filler_text))
        await self._runner.run(calls, keep, self._on_tool)


def _last_round(exchanged: Sequence[ChatMessage]) -> list[ChatMessage]:
    return [*exchanged[:-1], replace(exchanged[-1], content=exchanged[-1].content + LAST_ROUND)]


def _sum(one: TokenUsage, other: TokenUsage) -> TokenUsage:
    return TokenUsage(
        one.prompt_tokens + other.prompt_tokens,
        one.completion_tokens + other.completion_tokens,
        one.cached_tokens + other.cached_tokens,
    )


class _Wait:
    """Tells the filler whether the agent is heard, and says what it says."""

    def __init__(
        self, filler: Filler, on_filler: Callable[[str], None], speaking: Callable[[], bool]
    ) -> None:
        self._filler = filler
        self._on_filler = on_filler
        self._speaking = speaking
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, text: str) -> None:
        """Tools are being called."""
        self._filler.calls_began(now(), text)
        self._set()

    def end(self) -> None:
        """There is an answer, or there will be none."""
        self._filler.answered()
        self._set()

    def _set(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if (due_s := self._filler.due_s) is not None:
            look_s = min(due_s, now() + LOOK_S)
            self._timer = asyncio.get_running_loop().call_at(look_s, self._look, look_s)

    def _look(self, look_s: float) -> None:
        at_s = max(now(), look_s)  # a timer may come a little early
        if self._speaking():
            self._filler.spoke(at_s)
        elif text := self._filler.take(at_s):
            self._on_filler(text)
        self._set()
