"""What a server's refusal or a broken connection means, as errors that hold no secret."""

from __future__ import annotations

import json
import ssl
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Any

from voicebot.errors import EngineError, EngineTimeout
from voicebot.servers.waits import asked_wait_s

if TYPE_CHECKING:
    import httpx

__all__ = [
    "UNPAID",
    "Secrets",
    "broken",
    "is_passing",
    "message",
    "refusal",
    "said",
    "sentence",
    "web_page",
]

Secrets = Collection[str]
"""Never to be shown, even where a server repeats them."""

_PASSING = frozenset({408, 409, 425, 429, 498})
"""498 is Groq's: its flex tier has no capacity just now."""
UNPAID = frozenset({"insufficient_quota", "billing_hard_limit_reached"})
_CHANCE = frozenset({"tool_use_failed"})
"""The model has garbled a tool call: another attempt may go well."""
_SHOWN = 300


def refusal(
    status: int,
    body: bytes,
    *,
    where: str,
    model: str,
    what: str,
    settings: str,
    has_key: bool,
    key_variable: str,
    retry_after: str,
    secrets: Secrets,
) -> EngineError:
    """A response of an OpenAI-compatible server that is not 2xx.

    Args:
        what: what it was asked for, as in "chat completions".
        settings: which ones say where that is.
        key_variable: the environment variable in which people keep the key, or "".
        retry_after: what its headers say, see `waits.named_wait`.
    """
    words = said(body, secrets)
    quoted = f": {words}" if words else ""
    answered = f"{where} answered {status}{quoted}"
    retryable = is_passing(status) or _code(body) in _CHANCE
    wait_s = asked_wait_s(retry_after, words)
    hint = ""
    if 300 <= status < 400:
        hint = "It points elsewhere: check base_url (https or http, and it usually ends in /v1)."
    elif status == 401:
        answered = f"{where} {'refuses the API key' if has_key else 'wants an API key'}{quoted}"
        hint = f"Check `api_key`{f', in a profile as api_key: ${{{key_variable}}}' if key_variable else ''}."
    elif status == 403:
        answered = f"{where} forbids the request{quoted}"
        hint = f"May the key of `api_key` use the model {model!r}?"
    elif status == 404:
        answered = f"{where} has no model {model!r}, or no {what}{quoted}"
        hint = f"Check {settings}."
    elif status == 429 and _code(body) in UNPAID:
        answered, retryable = f"{where} wants to be paid first{quoted}", False
    elif status == 429:
        asks = f" and asks to wait {round(wait_s, 1):g} s" if wait_s is not None else ""
        answered = f"{where} has had too many requests{asks}{quoted}"
    return EngineError(
        sentence(answered), retryable=retryable, retry_after_s=wait_s if retryable else None, hint=hint
    )


def is_passing(status: int) -> bool:
    """Whether the same request may go well later."""
    return status in _PASSING or status >= 500


def web_page(where: str) -> EngineError:
    """Something else answers there."""
    return EngineError(f"{where} answered with a web page.", hint="Check base_url: it usually ends in /v1.")


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
            sentence(f"{where} cannot be trusted: {words}"),
            hint="For an own certificate authority set SSL_CERT_FILE; a server without TLS needs http:// in base_url.",
        )
    if isinstance(error, httpx.ConnectError | httpx.ProxyError):
        return EngineError(
            sentence(f"{where} cannot be reached: {words or type(error).__name__}"),
            retryable=True,
            hint="Is the server running, and base_url its address?",
        )
    if isinstance(error, httpx.NetworkError | httpx.RemoteProtocolError):
        why = f": {words}" if words else ""
        return EngineError(sentence(f"The connection to {where} broke{why}"), retryable=True)
    return EngineError(f"The request to {where} cannot be made ({type(error).__name__}).")


def said(body: bytes, secrets: Secrets) -> str:
    """The message in a server's error, in one line; "" where there is none that a person would read."""
    text = body.decode("utf-8", "replace")
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return "" if text.lstrip().startswith("<") else _clean(text, secrets)
    return message(data, secrets)


def message(data: Any, secrets: Secrets) -> str:
    """As `said`, of an error in JSON that has been read."""
    for _ in range(4):  # {"error": {"message": ...}} and its relatives
        if not isinstance(data, dict):
            break
        data = next(
            (data[key] for key in ("error", "message", "detail", "code", "type") if data.get(key)), ""
        )
    return _clean(data if isinstance(data, str) else json.dumps(data), secrets)


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


def sentence(text: str) -> str:
    """With its full stop."""
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
