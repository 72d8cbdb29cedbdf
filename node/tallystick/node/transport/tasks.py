"""Background tasks that live as long as a block of code."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


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
