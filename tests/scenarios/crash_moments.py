"""The moments at which a node can be killed."""

import asyncio
import sys
from enum import Enum
from pathlib import Path
from typing import Final

from tests.scenarios.crash_load import Load
from tests.scenarios.crash_network import RunningNetwork, exit_code

from tallystick.node.cluster.node import Node

_SCRIPT: Final = Path(__file__).parent / "crash_at_write.py"
_LONGEST_WAIT_S: Final = 0.25
_WRITE_TIMEOUT_S: Final = 30.0


class Moment(Enum):
    """When a node is killed; the values are what people read."""

    ANY = "at any moment"
    BLOCK_WRITTEN = "with a block just written"
    VIEWS_WRITTEN = "with state or index just written"


async def kill_at(moment: Moment, victim: Node, network: RunningNetwork, load: Load) -> None:
    """Kill a node with SIGKILL and return when it is gone."""
    channel = network.network.data_directory(victim) / "channels" / network.network.channel_id
    match moment:
        case Moment.ANY:
            await load.pause(_LONGEST_WAIT_S)
            await network.kill(victim)
        case Moment.BLOCK_WRITTEN:
            await _kill_at_write(victim, network, channel / "blocks")
        case Moment.VIEWS_WRITTEN:
            views = channel / ("store" if victim.kind == "peer" else "index")
            await _kill_at_write(victim, network, views)


async def _kill_at_write(victim: Node, network: RunningNetwork, directory: Path) -> None:
    pid = network.pid(victim)
    killer = await asyncio.create_subprocess_exec(sys.executable, _SCRIPT, str(pid), directory)
    async with asyncio.timeout(_WRITE_TIMEOUT_S):
        assert await killer.wait() == 0
        await exit_code(pid)
