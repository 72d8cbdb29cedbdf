"""Stories that take seconds of a clock of their own, and next to nothing of the reader's."""

import asyncio
from collections.abc import Awaitable, Callable
from random import Random
from typing import TypeVar

from simulation.loop import SimulatedLoop

ResultT = TypeVar("ResultT")


def run(story: Callable[[], Awaitable[ResultT]], *, within_s: float = 600.0) -> ResultT:
    """Return what a story comes to; ``within_s`` are seconds of its own clock."""

    async def bounded() -> ResultT:
        async with asyncio.timeout(within_s):
            return await story()

    with asyncio.Runner(loop_factory=lambda: SimulatedLoop(Random(0))) as runner:
        return runner.run(bounded())
