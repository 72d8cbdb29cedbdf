"""Programs that run beside a test."""

import asyncio
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

_STOP_TIMEOUT_S: Final = 20.0


class ToolFailedError(Exception):
    """One of Fabric's programs ended with an error."""


@asynccontextmanager
async def process(
    command: Sequence[str | Path], environment: Mapping[str, str], log: Path
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a program for the length of the block, its output in a file."""
    with log.open("ab") as output:
        running = await asyncio.create_subprocess_exec(
            *command, env={**os.environ, **environment}, stdout=output, stderr=output
        )
    try:
        yield running
    finally:
        if running.returncode is None:
            running.terminate()
            async with asyncio.timeout(_STOP_TIMEOUT_S):
                await running.wait()


async def reachable(address: str, *, timeout_s: float = 30.0) -> None:
    """Return once somebody listens at ``address``."""
    host, _, port = address.rpartition(":")
    async with asyncio.timeout(timeout_s):
        while True:
            try:
                _, writer = await asyncio.open_connection(host, int(port))
            except OSError:
                await asyncio.sleep(0.05)
                continue
            writer.close()
            await writer.wait_closed()
            return
