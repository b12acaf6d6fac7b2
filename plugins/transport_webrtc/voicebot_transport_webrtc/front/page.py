"""One page's connection: the rules of signalling that need no other (sans-I/O)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeAlias

from voicebot.access.addresses import Caller
from voicebot.access.limits import TokenBucket
from voicebot_transport_webrtc.front.metrics import Metrics
from voicebot_transport_webrtc.front.signals import BadSignal, Heard, Join, Leave, Request, parse

__all__ = ["CLOSE_CODES", "From", "Page", "PagePort", "RefusedCode"]

JOIN_WITHIN_S = 5.0
PING_EVERY_S = 5.0
DEAD_AFTER_S = 15.0
MESSAGES_PER_S = 50.0
MESSAGES_BURST = 100.0

RefusedCode: TypeAlias = Literal[
    "busy", "not_ready", "wrong_version", "unknown_call", "in_use", "not_allowed", "bad_message", "too_fast"
]
CLOSE_CODES: Mapping[str, int] = {
    "busy": 4001,
    "not_ready": 4002,
    "wrong_version": 4003,
    "unknown_call": 4004,
    "in_use": 4005,
    "not_allowed": 4006,
    "bad_message": 4400,
    "too_fast": 4429,
}
GONE_AWAY = 1001
NORMAL = 1000


@dataclass(frozen=True, slots=True)
class From:
    """Who a page is, by its request."""

    caller: Caller
    host: str
    origin: str | None


class PagePort(Protocol):
    """Where a page is reached. Nothing here waits; what cannot be delivered any more is dropped."""

    def send(self, message: Mapping[str, Any]) -> None: ...

    def ping(self) -> None: ...

    def close(self, code: int, reason: str) -> None:
        """Close after what was sent before."""
        ...


class Page:
    """One connection of a page, from its first message to its last.

    It knows who may speak when; what is said goes to `on_message`, and that it is over, once, to `on_over`.
    """

    def __init__(
        self,
        port: PagePort,
        source: From,
        now_s: float,
        metrics: Metrics,
        on_message: Callable[[Page, Join | Request | Heard | Leave, float], None],
        on_over: Callable[[Page, float], None],
    ) -> None:
        self.source = source
        self._port = port
        self._metrics = metrics
        self._on_message = on_message
        self._on_over = on_over
        self._bucket = TokenBucket(MESSAGES_PER_S, MESSAGES_BURST, now_s)
        self._opened_s = self._pinged_s = self._alive_s = now_s
        self._last_request = -1
        self._has_said_join = False
        self.in_call = False
        """`joined` was sent."""
        self.is_over = False

    # --- from the network ---------------------------------------------------------------------------------------

    def received(self, text: str | None, now_s: float) -> None:
        """A message came; None where it was not text."""
        if self.is_over:
            return
        if not self._bucket.take(now_s):
            self.refuse("too_fast", "more than 50 messages a second", now_s)
            return
        try:
            if text is None:
                raise BadSignal("not a text message")
            signal = parse(text)
            self._check_order(signal)
        except BadSignal as error:
            self.refuse("bad_message", str(error), now_s)
            return
        self._on_message(self, signal, now_s)

    def _check_order(self, signal: Join | Request | Heard | Leave) -> None:
        if isinstance(signal, Join):
            if self._has_said_join:
                raise BadSignal("a second join")
            self._has_said_join = True
        elif not self.in_call and not (self._has_said_join and isinstance(signal, Leave)):
            raise BadSignal(f"{signal.type} before joined")
        if isinstance(signal, Request):
            if signal.id <= self._last_request:
                raise BadSignal(f"request {signal.id} after {self._last_request}: ids must grow")
            self._last_request = signal.id

    def pinged(self, now_s: float) -> bool:
        """A ping came; whether it is to be answered. It counts as a message."""
        if not self.is_over and not self._bucket.take(now_s):
            self.refuse("too_fast", "more than 50 messages a second", now_s)
        return not self.is_over

    def ponged(self, now_s: float) -> None:
        self._alive_s = now_s

    @property
    def alive_s(self) -> float:
        """When it last answered a ping."""
        return self._alive_s

    def lost(self, now_s: float) -> None:
        """The connection is gone."""
        self._finish(now_s)

    def tick(self, now_s: float) -> None:
        if self.is_over:
            return
        if not self._has_said_join and now_s >= self._opened_s + JOIN_WITHIN_S:
            self.refuse("bad_message", "no join within 5 s", now_s)
        elif now_s >= self._alive_s + DEAD_AFTER_S:
            self._metrics.signalling_refused["no_pong"] += 1
            self._port.close(GONE_AWAY, "no pong")
            self._finish(now_s)
        elif now_s >= self._pinged_s + PING_EVERY_S:
            self.ping(now_s)

    # --- to the page ----------------------------------------------------------------------------------------------

    def ping(self, now_s: float) -> None:
        self._pinged_s = now_s
        self._port.ping()

    def send(self, message: Mapping[str, Any]) -> None:
        if not self.is_over:
            self._port.send(message)

    def refuse(self, code: RefusedCode, message: str, now_s: float, *, counted: str = "") -> None:
        """Say why not, and close."""
        if self.is_over:
            return
        self._metrics.signalling_refused[counted or code] += 1
        self._port.send({"type": "refused", "code": code, "message": message})
        self._port.close(CLOSE_CODES[code], message)
        self._finish(now_s)

    def end(self, reason: str, message: str, now_s: float) -> None:
        """The call is over: say so, and close."""
        if not self.is_over:
            self._port.send({"type": "ended", "reason": reason, "message": message})
            self._port.close(NORMAL, reason)
            self._finish(now_s)

    def dismiss(self, reason: str, now_s: float) -> None:
        """Close without a word: another connection has the call, or there is no call to end."""
        if not self.is_over:
            self._port.close(GONE_AWAY, reason)
            self._finish(now_s)

    def _finish(self, now_s: float) -> None:
        if not self.is_over:
            self.is_over = True
            self._on_over(self, now_s)
