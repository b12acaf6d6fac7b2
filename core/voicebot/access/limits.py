"""How much one address, and all together, may ask for (sans-I/O)."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable

from voicebot.access.settings import AccessLimits

__all__ = ["AddressLimits", "TokenBucket"]

MOST_ADDRESSES = 10_000
"""Whose rates are remembered: beyond, the one that was quiet for longest is forgotten, and may ask anew."""
REQUESTS_BURST = 5.0
"""Seconds' worth of requests that may come at once: a page is a handful of files."""


class TokenBucket:
    """Lets `burst` through at once and `per_s` in the long run."""

    def __init__(self, per_s: float, burst: float, now_s: float) -> None:
        self._per_s = per_s
        self._burst = burst
        self._tokens = burst
        self._at_s = now_s

    def take(self, now_s: float) -> bool:
        """Whether one more may pass now."""
        self._tokens = min(self._burst, self._tokens + max(0.0, now_s - self._at_s) * self._per_s)
        self._at_s = now_s
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


class _Rates:
    def __init__(self, bucket: Callable[[float], TokenBucket]) -> None:
        self._bucket = bucket
        self._buckets: OrderedDict[str, TokenBucket] = OrderedDict()

    def take(self, key: str, now_s: float) -> bool:
        if key not in self._buckets:
            self._buckets[key] = self._bucket(now_s)
            if len(self._buckets) > MOST_ADDRESSES:
                self._buckets.popitem(last=False)
        self._buckets.move_to_end(key)
        return self._buckets[key].take(now_s)


class _Held:
    """Things that are taken and given back, counted per address."""

    def __init__(self, most: int, most_per_address: int) -> None:
        self._most, self._most_per_address = most, most_per_address
        self._counts: Counter[str] = Counter()
        self.total = 0

    def take(self, key: str) -> bool:
        if self.total >= self._most or (key and self._counts[key] >= self._most_per_address):
            return False
        self.total += 1
        if key:
            self._counts[key] += 1
        return True

    def give_back(self, key: str) -> None:
        self.total -= 1
        if key:
            self._counts[key] -= 1
            if self._counts[key] <= 0:
                del self._counts[key]


class AddressLimits:
    """Asked before each thing that costs something. The key "" is of those who have no limit of their own.

    `socket`, `page` and `call` are given back, by the method of that name and `_over`.
    """

    def __init__(self, limits: AccessLimits) -> None:
        self._limits = limits
        per_s = limits.requests_per_s
        self._requests = _Rates(lambda now_s: TokenBucket(per_s, max(1.0, per_s * REQUESTS_BURST), now_s))
        joins = limits.joins_per_minute
        self._joins = _Rates(lambda now_s: TokenBucket(joins / 60, max(1.0, joins / 2), now_s))
        self._sockets = _Held(limits.sockets, limits.sockets_per_address)
        self._pages = _Held(1 << 62, limits.connections_per_address)
        self._calls = _Held(1 << 62, limits.calls_per_address)

    def request(self, key: str, now_s: float) -> bool:
        """Whether an HTTP request is answered."""
        return not key or self._requests.take(key, now_s)

    def join(self, key: str, now_s: float) -> bool:
        """Whether an attempt to join a call is looked at."""
        return not key or self._joins.take(key, now_s)

    def socket(self, key: str) -> bool:
        """Whether a TCP connection is kept."""
        return self._sockets.take(key)

    def socket_over(self, key: str) -> None:
        self._sockets.give_back(key)

    def page(self, key: str) -> bool:
        """Whether a signalling connection is taken, as far as its address goes."""
        return self._pages.take(key)

    def page_over(self, key: str) -> None:
        self._pages.give_back(key)

    def call(self, key: str) -> bool:
        """Whether a call begins, as far as its address goes."""
        return self._calls.take(key)

    def call_over(self, key: str) -> None:
        self._calls.give_back(key)
