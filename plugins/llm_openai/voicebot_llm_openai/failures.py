"""What a server's refusal or a broken connection means, as errors that hold no secret."""

from __future__ import annotations

import json
import ssl
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Any

from voicebot.errors import EngineError, EngineTimeout
from voicebot_llm_openai.waits import asked_wait_s

if TYPE_CHECKING:
    import httpx

__all__ = ["Secrets", "broken", "in_stream", "refusal", "said"]

Secrets = Collection[str]
"""Never to be shown, even where a server repeats them."""

_PASSING = frozenset({408, 409, 425, 429, 498})
"""498 is Groq's: its flex tier has no capacity just now."""
_BILL = frozenset({"insufficient_quota", "billing_hard_limit_reached"})
_CHANCE = frozenset({"tool_use_failed"})
"""The model has garbled a tool call: another attempt may go well."""
_SHOWN = 300


def refusal(
    status: int,
    body: bytes,
    *,
    where: str,
    model: str,
    has_key: bool,
    retry_after: str,
    secrets: Secrets,
    key_variable: str = "OPENAI_API_KEY",
) -> EngineError:
    """A response that is not 2xx.

    Args:
        retry_after: what its headers say, see `waits.named_wait`.
        key_variable: where people keep the key.
    """
    words = said(body, secrets)
    quoted = f": {words}" if words else ""
    answered = f"{where} answered {status}{quoted}"
    retryable = status in _PASSING or status >= 500 or _code(body) in _CHANCE
    wait_s = asked_wait_s(retry_after, words)
    hint = ""
    if 300 <= status < 400:
        hint = "It points elsewhere: check base_url (https or http, and it usually ends in /v1)."
    elif status == 401:
        answered = f"{where} {'refuses the API key' if has_key else 'wants an API key'}{quoted}"
        hint = f"Check `api_key`, in a profile as api_key: ${{{key_variable}}}."
    elif status == 403:
        answered = f"{where} forbids the request{quoted}"
        hint = f"May the key of `api_key` use the model {model!r}?"
    elif status == 404:
        answered = f"{where} has no model {model!r}, or no chat completions at that address{quoted}"
        hint = "Check `model`, and `base_url` (it usually ends in /v1)."
    elif status == 429 and _code(body) in _BILL:
        answered, retryable = f"{where} wants to be paid first{quoted}", False
    elif status == 429:
        asks = f" and asks to wait {round(wait_s, 1):g} s" if wait_s is not None else ""
        answered = f"{where} has had too many requests{asks}{quoted}"
    elif status in {400, 413} and "context" in words.lower():
        hint = "Lower agent.history_turns or max_tokens, or shorten the system prompt."
    return EngineError(
        _sentence(answered), retryable=retryable, retry_after_s=wait_s if retryable else None, hint=hint
    )


def in_stream(error: Any, secrets: Secrets) -> EngineError:
    """An error that a server reports after it has begun to answer."""
    code = error.get("code") if isinstance(error, dict) else None
    status = code if isinstance(code, int) else 500
    unpaid = isinstance(code, str) and code in _BILL
    words = _clean(_words(error), secrets)
    return EngineError(
        _sentence(f"The language model's server failed{f': {words}' if words else ''}"),
        retryable=(status in _PASSING or status >= 500) and not unpaid,
    )


def broken(error: httpx.HTTPError | httpx.InvalidURL, *, where: str, secrets: Secrets) -> EngineError:
    """What the HTTP client raised. Raise it `from None`: the client's own errors may quote a header."""
    import httpx

    words = _clean(str(error), secrets)
    if isinstance(error, httpx.ConnectTimeout):
        return EngineTimeout(f"{where} cannot be reached in time.", retryable=True)
    if isinstance(error, httpx.TimeoutException):
        return EngineTimeout(f"{where} has stopped answering.", retryable=True)
    if isinstance(error, httpx.ConnectError) and _is_tls(error):
        return EngineError(
            _sentence(f"{where} cannot be trusted: {words}"),
            hint="For an own certificate authority set SSL_CERT_FILE; a server without TLS needs http:// in base_url.",
        )
    if isinstance(error, httpx.ConnectError | httpx.ProxyError):
        return EngineError(
            _sentence(f"{where} cannot be reached: {words or type(error).__name__}"),
            retryable=True,
            hint="Is the server running, and base_url its address?",
        )
    if isinstance(error, httpx.NetworkError | httpx.RemoteProtocolError):
        why = f": {words}" if words else ""
        return EngineError(_sentence(f"The connection to {where} broke{why}"), retryable=True)
    return EngineError(f"The request to {where} cannot be made ({type(error).__name__}).")


def said(body: bytes, secrets: Secrets) -> str:
    """The message in a server's error, in one line; "" where there is none that a person would read."""
    text = body.decode("utf-8", "replace")
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return "" if text.lstrip().startswith("<") else _clean(text, secrets)
    return _clean(_words(data), secrets)


def _words(data: Any) -> str:
    for _ in range(4):  # {"error": {"message": ...}} and its relatives
        if not isinstance(data, dict):
            break
        data = next(
            (data[key] for key in ("error", "message", "detail", "code", "type") if data.get(key)), ""
        )
    return data if isinstance(data, str) else json.dumps(data)


def _code(body: bytes) -> str:
    try:
        code = json.loads(body)["error"]["code"]
    except (ValueError, RecursionError, LookupError, TypeError):
        return ""
    return code if isinstance(code, str) else ""


def _clean(text: str, secrets: Secrets) -> str:
    for secret in secrets:
        text = text.replace(secret, "***")
    line = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return line if len(line) <= _SHOWN else f"{line[:_SHOWN]}…"


def _sentence(text: str) -> str:
    text = text.rstrip()
    return text if text.endswith((".", "!", "?", "…")) else f"{text}."


def _is_tls(error: BaseException) -> bool:
    return any(isinstance(cause, ssl.SSLError) for cause in _causes(error))


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    seen = 0
    while error is not None and seen < 10:
        yield error
        error = error.__cause__ or error.__context__
        seen += 1
