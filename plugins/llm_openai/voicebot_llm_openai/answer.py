"""A streamed chat completion, read from bytes as they come. Sans-I/O."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from voicebot.errors import EngineError
from voicebot.interfaces import LLMEvent, TextDelta, TokenUsage
from voicebot.servers.failures import Secrets
from voicebot_llm_openai.failures import in_stream
from voicebot_llm_openai.sse import EventReader
from voicebot_llm_openai.thinking import ThoughtFilter
from voicebot_llm_openai.tools import CallReader

__all__ = ["AnswerReader"]

_NO_TEXT = re.compile("[\x00\ud800-\udfff\ufffd]")
"""What a server sends for a character that it cut in two: half a surrogate pair, or U+FFFD."""


class AnswerReader:
    """Bytes of the server-sent events in; text, tool calls and usage out. Reasoning is passed over.

    An answer is whole when its finish reason or `[DONE]` has come. Where neither comes it was cut off, and that is an
    error even though its beginning may have been spoken: nobody should take half a sentence for an answer. Tool calls
    are told only when they are whole.
    """

    def __init__(self, secrets: Secrets = ()) -> None:
        self._secrets = secrets
        self._events = EventReader()
        self._calls = CallReader()
        self._thoughts = ThoughtFilter()
        self._usage: TokenUsage | None = None
        self._finish_reason = ""
        self._text = self._reasoning = False
        self.done = False
        """`[DONE]` has come: what follows is of no interest."""

    def feed(self, data: bytes) -> Iterator[LLMEvent]:
        """What these bytes tell.

        Raises:
            EngineError: they are no chat completion, or report the server's failure.
        """
        for event in self._events.feed(data):
            yield from self._read(event)

    def end(self) -> Iterator[LLMEvent]:
        """What is left to tell when `done`, or when the server has ended the stream.

        Raises:
            EngineError: the answer was cut off, or has neither text nor tool calls.
        """
        for event in self._last():
            yield from self._read(event)
        whole = self.done or bool(self._finish_reason)
        if whole:
            yield from self._rest()
        if self._usage is not None:
            yield self._usage
        if not whole:
            raise EngineError(
                "The language model's server ended the stream in the middle of the answer."
                if self._text
                else "The language model's server ended the stream without an answer.",
                retryable=True,
            )
        if not self._text and not self._calls.begun:
            raise self._silence()

    def _last(self) -> list[str]:
        """An event without its blank line: some servers leave that out, and others have ended in the middle of it."""
        try:
            events = list(self._events.end())
            if not all(event.strip() == "[DONE]" for event in events):
                list(map(json.loads, events))
        except (EngineError, ValueError, RecursionError):
            return []
        return events

    def _read(self, event: str) -> Iterator[LLMEvent]:
        if self.done:
            return
        if event.strip() == "[DONE]":
            self.done = True
            return
        try:
            chunk = json.loads(event)
        except (ValueError, RecursionError):
            raise EngineError("The language model's server sends events that are not JSON.") from None
        if not isinstance(chunk, dict):
            raise EngineError("The language model's server sends events that are no chat completion.")
        groq = _mapping(chunk.get("x_groq"))  # Groq's own field: usage, and why a stream was stopped early
        if error := chunk.get("error") or groq.get("error"):
            raise in_stream(error, self._secrets)
        self._usage = _usage(chunk.get("usage")) or _usage(groq.get("usage")) or self._usage
        choice = _mapping(_first(chunk.get("choices")))
        delta = _mapping(choice.get("delta"))
        self._reasoning |= bool(delta.get("reasoning_content") or delta.get("reasoning"))
        text = delta.get("content")
        if isinstance(text, str):
            yield from self._told(self._thoughts.feed(_NO_TEXT.sub("", text)))
        self._calls.feed(delta.get("tool_calls"))
        if isinstance(reason := choice.get("finish_reason"), str) and reason:
            self._finish_reason = reason
            yield from self._rest()

    def _rest(self) -> Iterator[LLMEvent]:
        yield from self._told(self._thoughts.end())
        yield from self._calls.take()

    def _told(self, text: str) -> Iterator[LLMEvent]:
        if text:
            self._text |= not text.isspace()
            yield TextDelta(text)

    def _silence(self) -> EngineError:
        if self._reasoning or self._thoughts.thought:
            return EngineError(
                "The language model only reasoned, and its answer has no text.",
                hint="Turn reasoning off (extra_body), raise max_tokens, or take a model that does not reason.",
            )
        reason = f" (finish reason {self._finish_reason[:40]!r})" if self._finish_reason else ""
        return EngineError(f"The language model's answer has no text{reason}.", retryable=True)


def _usage(counts: Any) -> TokenUsage | None:
    counts = _mapping(counts)
    if not {"prompt_tokens", "completion_tokens"} <= counts.keys():
        return None
    cached = _mapping(counts.get("prompt_tokens_details")).get("cached_tokens")
    return TokenUsage(_count(counts["prompt_tokens"]), _count(counts["completion_tokens"]), _count(cached))


def _count(value: Any) -> int:
    return value if isinstance(value, int) and value >= 0 else 0


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _first(value: Any) -> Any:
    return value[0] if isinstance(value, list) and value else None
