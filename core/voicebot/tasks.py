"""A task group whose failure is the first failure itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

__all__ = ["task_group"]


class _LeavingGroup(BaseException):
    """Ends a group's remaining tasks."""


@asynccontextmanager
async def task_group(*, cancel_on_exit: bool = False) -> AsyncIterator[asyncio.TaskGroup]:
    """`asyncio.TaskGroup`, raising what went wrong first instead of an exception group.

    Args:
        cancel_on_exit: when the body is done, cancel the tasks that still run instead of waiting for them.
    """
    first: Exception | None = None
    try:
        async with asyncio.TaskGroup() as group:
            try:
                yield group
            except Exception as error:
                # The group lists the body's failure last, after whatever ending the tasks made go wrong.
                body = asyncio.current_task()
                if body is not None and not body.cancelling():
                    first = error
                raise
            if cancel_on_exit:
                raise _LeavingGroup
    except BaseExceptionGroup as failures:
        if first is not None:
            raise first from first.__cause__
        for failure in failures.exceptions:
            if not isinstance(failure, _LeavingGroup):
                raise failure from failure.__cause__
