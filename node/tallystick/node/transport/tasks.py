"""Tasks that live as long as a block of code, or a call."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Iterable
from contextlib import asynccontextmanager
from typing import TypeVar

ValueT = TypeVar("ValueT")


@asynccontextmanager
async def supervised_tasks() -> AsyncIterator[asyncio.TaskGroup]:
    """Yield a task group that raises a single failure as itself rather than as a group of one.

    A composition root mostly fails in one place, a port in use or a full disk, and whoever started
    it wants to catch exactly that.
    """
    try:
        async with asyncio.TaskGroup() as tasks:
            yield tasks
    except BaseExceptionGroup as failures:
        if len(failures.exceptions) == 1:
            raise failures.exceptions[0] from None
        raise


async def all_of(calls: Iterable[Coroutine[object, object, ValueT]]) -> list[ValueT]:
    """Return what all ``calls`` return; the first failure cancels the rest and is raised."""
    try:
        async with asyncio.TaskGroup() as tasks:
            started = [tasks.create_task(call) for call in calls]
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from None
    return [task.result() for task in started]
