"""The answers of the fake Groq, whole and streamed."""

from __future__ import annotations

import asyncio
import json
import re
import time
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

__all__ = ["Answer", "Calls", "Reply", "Settings"]

_TOKEN = re.compile(r"\s*\S+|\s+\Z")


@dataclass(frozen=True, slots=True)
class Calls:
    """An answer that calls tools."""

    calls: tuple[tuple[str, str], ...]
    """Name, and arguments as JSON."""
    text: str = ""


Reply = str | Calls


@dataclass(frozen=True, slots=True)
class Settings:
    """See `groq.app`."""

    api_key: str
    models: tuple[str, ...]
    replies: tuple[Reply, ...]
    ttft_s: float
    tokens_per_s: float
    reasoning: str
    argument_chars: int
    requests_per_day: int


class Answer:
    """One chat completion."""

    def __init__(self, settings: Settings, body: dict[str, Any], reply: Reply, request_id: str) -> None:
        self._settings = settings
        self._model = str(body["model"])
        self._request_id = request_id
        self._id = f"chatcmpl-{uuid.uuid4()}"
        self._created = int(time.time())
        self._calls = reply.calls if isinstance(reply, Calls) else ()
        self._prompt_tokens = sum(len(str(m.get("content") or "").split()) for m in body["messages"])
        limit = body.get("max_completion_tokens") or body.get("max_tokens")
        words = _TOKEN.findall(reply.text if isinstance(reply, Calls) else reply)
        self._words = words[:limit] if isinstance(limit, int) else words
        self._finish = "length" if len(self._words) < len(words) else "tool_calls" if self._calls else "stop"
        self._thoughts: list[str] = []
        if settings.reasoning:
            if body.get("reasoning_format") == "raw":
                self._words = [f"<think>\n{settings.reasoning}\n</think>\n\n", *self._words]
            elif body.get("include_reasoning") is not False and body.get("reasoning_format") != "hidden":
                self._thoughts = _TOKEN.findall(settings.reasoning)

    async def events(self) -> AsyncIterator[bytes]:
        loop = asyncio.get_running_loop()
        begun = loop.time()
        first = {"role": "assistant", "content": ""}
        for number, delta in enumerate([*self._text(), *self._tool_calls()]):
            if self._settings.ttft_s or self._settings.tokens_per_s:
                spoken_s = number / self._settings.tokens_per_s if self._settings.tokens_per_s else 0.0
                await asyncio.sleep(begun + self._settings.ttft_s + spoken_s - loop.time())
            if number == 0:
                yield self._event(first, x_groq={"id": self._request_id, "seed": 1})
            yield self._event(delta)
            await asyncio.sleep(0)
        usage = self._usage()
        x_groq = {"id": self._request_id, "usage": usage}
        yield self._event({}, finish_reason=self._finish, x_groq=x_groq, usage=usage)
        yield b"data: [DONE]\n\n"

    def whole(self) -> dict[str, Any]:
        message: dict[str, Any] = {"role": "assistant", "content": "".join(self._words) or None}
        if self._calls:
            message["tool_calls"] = [_call(name, arguments) for name, arguments in self._calls]
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": self._finish}
        return {
            **self._head("chat.completion"),
            "choices": [choice],
            "usage": self._usage(),
            "x_groq": {"id": self._request_id},
        }

    def _text(self) -> list[dict[str, Any]]:
        thoughts = [{"reasoning": thought, "channel": "analysis"} for thought in self._thoughts]
        return [*thoughts, *({"content": word} for word in self._words)]

    def _tool_calls(self) -> list[dict[str, Any]]:
        deltas = []
        for index, (name, arguments) in enumerate(self._calls):
            size = self._settings.argument_chars or max(len(arguments), 1)
            first = {**_call(name, arguments[:size]), "index": index}
            deltas.append({"tool_calls": [first]})
            deltas += [
                {"tool_calls": [{"index": index, "function": {"arguments": arguments[at : at + size]}}]}
                for at in range(size, len(arguments), size)
            ]
        return deltas

    def _event(self, delta: dict[str, Any], finish_reason: str | None = None, **more: object) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        chunk = {**self._head("chat.completion.chunk"), "choices": [choice], **more}
        return f"data: {json.dumps(chunk, ensure_ascii=False)}\n\n".encode("utf-8", "replace")

    def _head(self, kind: str) -> dict[str, Any]:
        return {
            "id": self._id,
            "object": kind,
            "created": self._created,
            "model": self._model,
            "system_fingerprint": "fp_fake",
        }

    def _usage(self) -> dict[str, Any]:
        written = len(self._words) + len(self._thoughts) + sum(len(call[1]) // 4 + 1 for call in self._calls)
        return {
            "queue_time": 0.0,
            "prompt_tokens": self._prompt_tokens,
            "prompt_time": 0.0,
            "completion_tokens": written,
            "completion_time": 0.0,
            "total_tokens": self._prompt_tokens + written,
            "total_time": 0.0,
        }


def _call(name: str, arguments: str) -> dict[str, Any]:
    function = {"name": name, "arguments": arguments}
    return {"id": f"call_{uuid.uuid4().hex[:12]}", "type": "function", "function": function}
