"""Whether Python holds more memory than it may."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["memory_over"]


@contextmanager
def memory_over(limit: int) -> Iterator[Callable[[], bool]]:
    """Tells whether more bytes than that were allocated since, and not freed: Python's objects and NumPy's arrays.

    What a library in C keeps for itself is not seen.
    """
    began = not tracemalloc.is_tracing()
    if began:
        tracemalloc.start()
    allowed = tracemalloc.get_traced_memory()[0] + limit

    def over() -> bool:
        if tracemalloc.get_traced_memory()[0] > allowed:
            gc.collect()
        return tracemalloc.get_traced_memory()[0] > allowed

    try:
        yield over
    finally:
        if began:
            tracemalloc.stop()
