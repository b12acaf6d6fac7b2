"""When a call worker gives its place to a fresh one, between calls."""

from __future__ import annotations

from voicebot.settings import PoolSettings

__all__ = ["Turnover"]


class Turnover:
    """Counts the calls of one worker."""

    def __init__(self, settings: PoolSettings) -> None:
        self._settings = settings
        self._calls = 0

    def call_over(self, rss_mb: float) -> str | None:
        """After a call: why the worker should go, "" where nobody has to know, None where it may stay.

        Args:
            rss_mb: the memory that it holds now.
        """
        self._calls += 1
        most, limit = self._settings.max_memory_mb, self._settings.calls_per_worker
        if most is not None and rss_mb > most:
            return f"it holds {rss_mb:,.0f} MB of memory (pool.max_memory_mb: {most:,})"
        return "" if limit is not None and self._calls >= limit else None
