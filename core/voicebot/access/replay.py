"""Which tokens were used: bounded, and forgetful of what has expired (sans-I/O)."""

from __future__ import annotations

import heapq

__all__ = ["ReplayCache"]


class ReplayCache:
    """Ids until they expire.

    Nothing is forgotten before its time to make room: that would let a token in twice. Only tokens with a good
    signature come here, so no stranger can fill it.

    Args:
        size: how many are remembered at most.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._expiries: dict[str, float] = {}
        self._by_expiry: list[tuple[float, str]] = []

    def add(self, token_id: str, expires_s: float, now_s: float) -> bool:
        """Remember an id until then; False where it is there, or there is no room.

        Args:
            now_s: on the clock of `expires_s`.
        """
        while self._by_expiry and self._by_expiry[0][0] <= now_s:
            del self._expiries[heapq.heappop(self._by_expiry)[1]]
        if token_id in self._expiries or len(self._expiries) >= self._size:
            return False
        self._expiries[token_id] = expires_s
        heapq.heappush(self._by_expiry, (expires_s, token_id))
        return True

    def __contains__(self, token_id: str) -> bool:
        return token_id in self._expiries

    def __len__(self) -> int:
        return len(self._expiries)
