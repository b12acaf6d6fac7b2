"""A streamed chat completion, read from bytes as they come. Sans-I/O."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from voicebot.errors import EngineError
from voicebot.interfaces import LLMEvent, TextDelta, TokenUsage
from voicebot_llm_openai.failures import Secrets, in_stream
from voicebot_llm_openai.sse import EventReader

__all__ = ["AnswerReader"]

_NO_TEXT = re.compile("[\x00\ud800-\udfff\ufffd]")
"""What a server sends for a character that it cut in two: half a surrogate pair, or U+FFFD."""


class AnswerReader:
    """Bytes of the server-sent events in, text and usage out; reasoning and tool calls are passed over.

    An answer is whole when its finish reason or `[DONE]` has come. Where neither comes it was cut off, and that is an
    error even though its beginning may have been spoken: nobody should take half a sentence for an answer.
    """

    def __init__(self, secrets: Secrets = ()) -> None:
        self._secrets = secrets
        self._events = EventReader()
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
            EngineError: the answer was cut off, or has no text.
        """
        for event in self._events.end():
            yield from self._read(event)
        if self._usage is not None:
            yield self._usage
        if not self.done and not self._finish_reason:
            raise EngineError(
                "The language model's server ended the stream in the middle of the answer."
                if self._text
                else "The language model's server ended the stream without an answer.",
                retryable=True,
            )
        if not self._text:
            raise self._silence()

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
        if chunk.get("error"):
            raise in_stream(chunk["error"], self._secrets)
        self._usage = _usage(chunk.get("usage")) or self._usage
        choice = _mapping(_first(chunk.get("choices")))
        if isinstance(reason := choice.get("finish_reason"), str):
            self._finish_reason = reason
        delta = _mapping(choice.get("delta"))
        self._reasoning |= bool(delta.get("reasoning_content") or delta.get("reasoning"))
        text = delta.get("content")
        if isinstance(text, str) and (text := _NO_TEXT.sub("", text)):
            self._text = True
            yield TextDelta(text)

    def _silence(self) -> EngineError:
        if self._reasoning:
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
