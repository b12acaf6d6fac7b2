"""What to do after an error: ask the same engine once more, ask the next, or give up (sans-I/O).

A caller waits on the line. So an engine is asked again only where its error says that this may help and the wait is
short, shorter yet where there is another to ask; and a silence that has used up its patience is not waited for twice.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from voicebot.fallback.breaker import BreakerSettings

__all__ = ["WORTH_S", "Decision", "GiveUp", "Limits", "Next", "Retry", "after_error"]

WORTH_S = 0.25
"""With less time than this left, no other attempt is begun."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How patient a chain is."""

    switch_s: float = 3.0
    """An engine's first result, while there is another to ask."""
    backoff_s: float = 0.2
    """Before the same engine is asked again: half of it to one and a half, by chance."""
    longest_wait_s: float = 0.5
    """If it had to wait longer for that, the next engine is asked instead."""
    longest_wait_alone_s: float = 2.0
    """The same where there is no other: then it is given up."""
    breaker: BreakerSettings = field(default_factory=BreakerSettings)


@dataclass(frozen=True, slots=True)
class Retry:
    """The same engine, after a while."""

    after_s: float


@dataclass(frozen=True, slots=True)
class Next:
    """The next engine, at once."""


@dataclass(frozen=True, slots=True)
class GiveUp:
    """The error is the request's."""


Decision = Retry | Next | GiveUp


def after_error(
    *,
    retryable: bool,
    timed_out: bool,
    retried: bool,
    wait_s: float,
    left_s: float,
    has_next: bool,
    jitter: float,
    limits: Limits,
) -> Decision:
    """Decide, before any result has been handed on.

    Args:
        retryable: whether the error says that the same request may succeed.
        timed_out: the engine gave no result at all in time.
        retried: this engine has been asked a second time already.
        wait_s: how long its breaker wants it to be left alone, what the server asks for included.
        left_s: of the request's deadline.
        has_next: whether another engine may be asked.
        jitter: by chance, 0 to 1.
    """
    after_s = wait_s + limits.backoff_s * (0.5 + jitter)
    longest_s = limits.longest_wait_s if has_next else limits.longest_wait_alone_s
    again = retryable and not retried and not (timed_out and has_next)
    if again and after_s <= longest_s and left_s - after_s >= WORTH_S:
        return Retry(after_s)
    return Next() if has_next and left_s >= WORTH_S else GiveUp()
