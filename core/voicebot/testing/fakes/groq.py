"""A server that speaks Groq's chat completions: `FakeServer(groq.app(api_key="gsk_fake"))`.

Written after https://console.groq.com/docs (api-reference, errors, rate-limits, reasoning, deprecations), the types of
Groq's SDK and recorded streams; what it says is scripted, or echoes the question.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Sequence
from typing import Any

from voicebot.testing.fakes.groq_answer import Answer, Calls, Reply, Settings
from voicebot.testing.fakes.http import Handler, Request, Response, json_response

__all__ = ["MODELS", "Calls", "Reply", "app"]

MODELS = ("openai/gpt-oss-120b", "openai/gpt-oss-20b", "qwen/qwen3.6-27b", "whisper-large-v3-turbo")
DECOMMISSIONED = ("llama3-70b-8192", "mixtral-8x7b-32768")
_BASE = "/openai/v1"


class _Refusal(Exception):
    def __init__(
        self, status: int, message: str, code: str = "", kind: str = "invalid_request_error"
    ) -> None:
        super().__init__(message)
        self.status = status
        error = {"message": message, "type": kind, **({"code": code} if code else {})}
        self.body = {"error": error}


def app(
    *,
    api_key: str = "gsk_fake",
    models: Sequence[str] = MODELS,
    replies: Sequence[Reply] = (),
    ttft_s: float = 0.0,
    tokens_per_s: float = 0.0,
    reasoning: str = "",
    argument_chars: int = 0,
    requests_per_day: int = 14_400,
) -> Handler:
    """The handler of a fake Groq.

    Args:
        replies: its answers in turn, the last one again and again. Without them it echoes the question, calls a tool
            that the question names (with the JSON object in it, if there is one), and repeats a tool's result.
        ttft_s: from a request to the first token.
        tokens_per_s: 0 for all at once; a token is a word.
        reasoning: what the model thinks first.
        argument_chars: tool calls come in pieces of so many characters of their arguments; 0 for whole, as with Groq.
        requests_per_day: after so many, 429.
    """
    return _Groq(
        Settings(
            api_key,
            tuple(models),
            tuple(replies),
            ttft_s,
            tokens_per_s,
            reasoning,
            argument_chars,
            requests_per_day,
        )
    ).handle


class _Groq:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._asked = 0

    async def handle(self, request: Request) -> Response:
        headers = {"x-request-id": _request_id()}
        try:
            self._admit(request)
            try:
                response = self._route(request, headers["x-request-id"])
            except (LookupError, TypeError, AttributeError) as error:
                raise _Refusal(400, f"The request has not the form that it should have: {error!r}") from None
        except _Refusal as refusal:
            response = json_response(refusal.body, refusal.status)
        response.headers.update(headers)
        if request.path == f"{_BASE}/chat/completions":
            response.headers.update(self._limits(response.status))
        return response

    def _admit(self, request: Request) -> None:
        given = request.headers.get("authorization", "")
        if given != f"Bearer {self._settings.api_key}":
            raise _Refusal(401, "Invalid API Key", "invalid_api_key")

    def _route(self, request: Request, request_id: str) -> Response:
        path = request.path
        if path == f"{_BASE}/chat/completions" and request.method == "POST":
            return self._chat(_read_body(request), request_id)
        if path == f"{_BASE}/models" and request.method == "GET":
            return json_response({"object": "list", "data": [_model(name) for name in self._settings.models]})
        if path.startswith(f"{_BASE}/models/") and request.method == "GET":
            name = path.removeprefix(f"{_BASE}/models/")
            self._know(name)
            return json_response(_model(name))
        raise _Refusal(404, f"Unknown request URL: {request.method} {path}.", "unknown_url")

    def _know(self, model: str) -> None:
        if model in DECOMMISSIONED:
            raise _Refusal(
                400,
                f"The model `{model}` has been decommissioned and is no longer supported. Please refer to "
                "https://console.groq.com/docs/deprecations for a recommendation on which model to use instead.",
                "model_decommissioned",
            )
        if model not in self._settings.models:
            missing = f"The model `{model}` does not exist or you do not have access to it."
            raise _Refusal(404, missing, "model_not_found")

    def _chat(self, body: dict[str, Any], request_id: str) -> Response:
        model = body.get("model")
        if not isinstance(model, str) or not model:
            raise _Refusal(400, "'model' : property 'model' is missing")
        self._know(model)
        messages = _checked(body.get("messages"))
        effort = body.get("reasoning_effort")
        if model.startswith("openai/gpt-oss") and effort not in {None, "low", "medium", "high"}:
            raise _Refusal(400, "`reasoning_effort` must be one of `low`, `medium`, or `high`")
        self._asked += 1
        if self._asked > self._settings.requests_per_day:
            limit = self._settings.requests_per_day
            raise _Refusal(
                429,
                f"Rate limit reached for model `{model}` in organization `org_fake` service tier `on_demand` on "
                f"requests per day (RPD): Limit {limit}, Used {limit}, Requested 1. Please try again in 6s.",
                "rate_limit_exceeded",
                "requests",
            )
        answer = Answer(self._settings, body, self._reply(body, messages), request_id)
        if body.get("stream") is True:
            kind = {"Content-Type": "text/event-stream; charset=utf-8", "Cache-Control": "no-cache"}
            return Response(200, kind, answer.events())
        return json_response(answer.whole())

    def _reply(self, body: dict[str, Any], messages: list[dict[str, Any]]) -> Reply:
        if replies := self._settings.replies:
            return replies[min(self._asked, len(replies)) - 1]
        last = messages[-1]
        text = str(last.get("content") or "")
        if last["role"] == "tool":
            return f"The tool says: {text}"
        names = [tool["function"]["name"] for tool in body.get("tools") or ()]
        if called := next((name for name in names if name in text), ""):
            arguments = re.search(r"\{.*\}", text, re.DOTALL)
            return Calls(((called, arguments[0] if arguments else "{}"),))
        return f"You said: {text}"

    def _limits(self, status: int) -> dict[str, str]:
        left = max(0, self._settings.requests_per_day - self._asked)
        limits = {
            "x-ratelimit-limit-requests": str(self._settings.requests_per_day),
            "x-ratelimit-limit-tokens": "250000",
            "x-ratelimit-remaining-requests": str(left),
            "x-ratelimit-remaining-tokens": "249000",
            "x-ratelimit-reset-requests": "6s",
            "x-ratelimit-reset-tokens": "7.66s",
        }
        return {**limits, "retry-after": "6"} if status == 429 else limits


def _read_body(request: Request) -> dict[str, Any]:
    try:
        body = request.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise _Refusal(400, "The request body is not a JSON object.", "json_invalid")
    return body


def _checked(messages: Any) -> list[dict[str, Any]]:
    """What the real one refuses: a tool's message that answers no call, and calls whose arguments are no JSON."""
    if not isinstance(messages, list) or not messages:
        raise _Refusal(400, "'messages' : minimum number of items is 1")
    called: set[str] = set()
    for index, message in enumerate(messages):
        place = f"'messages.{index}'"
        if message["role"] not in {"system", "user", "assistant", "tool"}:
            raise _Refusal(400, f"{place} : discriminator property 'role' has invalid value")
        if message["role"] == "tool":
            if message.get("tool_call_id") not in called:
                raise _Refusal(400, f"{place} : tool_call_id answers no tool call")
        elif not isinstance(message.get("content"), str) and not message.get("tool_calls"):
            raise _Refusal(400, f"{place} : value must be a string")
        for call in message.get("tool_calls") or ():
            called.add(call["id"])
            try:
                json.loads(call["function"]["arguments"])
            except ValueError:
                raise _Refusal(400, f"{place} : tool call arguments must be JSON") from None
    return messages


def _model(name: str) -> dict[str, Any]:
    return {
        "id": name,
        "object": "model",
        "created": 1754407957,
        "owned_by": name.partition("/")[0] if "/" in name else "Groq",
        "active": True,
        "context_window": 131_072,
        "public_apps": None,
        "max_completion_tokens": 65_536,
    }


def _request_id() -> str:
    return f"req_{uuid.uuid4().hex[:26]}"
