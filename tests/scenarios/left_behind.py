"""`python -m tests.scenarios.left_behind`: what transactions leave behind in memory, as JSON.

A program of its own: in a process that has run other tests, what they left counts as well. Peers,
orderer and client run in it, with all that they keep in LevelDB or in files. What they remember
for speed is forgotten before memory is measured, since each such memory has a bound and only takes
long to reach it.
"""

import asyncio
import gc
import json
import sys
import tracemalloc
from collections.abc import Sequence
from functools import _lru_cache_wrapper
from typing import Final

from bench.memory import topology

from tallystick.node.deliver import source
from tallystick.node.ledger.committed import transaction_id_of_entry
from tallystick.node.membership.signature_checker import SignatureChecker
from tallystick.node.testing.local_network import LocalNetwork
from tallystick.node.validation.block_view import BlockView

ROUNDS: Final = 3
TRANSACTIONS: Final = 400
"""In a round. An event loop keeps up to a hundred timers that were cancelled: not to be seen."""
IN_FLIGHT: Final = 25
SHOWN_PLACES: Final = 10


async def main() -> None:
    """Print bytes a transaction of each round, then of one in which the id of each is kept."""
    # What cannot be made to forget is kept small.
    SignatureChecker.__init__.__defaults__ = (16,)
    source.CACHED_BLOCKS = 0  # type: ignore[misc]  # final for everybody else
    prepared = LocalNetwork(topology())
    prepared._topology = prepared._topology.model_copy(update={"store": "leveldb"})
    async with prepared as network:
        await _load(network, range(TRANSACTIONS))
        await _held_bytes(network)
        first = tracemalloc.take_snapshot()
        rounds = [await _left_behind(network, n * TRANSACTIONS) for n in range(1, ROUNDS + 1)]
        places = _grown(first, tracemalloc.take_snapshot())
        kept: list[str] = []
        channel = network.peers["ATSMSP"].channels[network.channel_id]

        def keep_ids() -> None:
            block = channel.ledger.block(channel.ledger.height - 1)
            kept.extend(map(transaction_id_of_entry, block.data.data))

        channel.commit_listeners.append(keep_ids)
        with_ids_kept = await _left_behind(network, (ROUNDS + 1) * TRANSACTIONS)
    found = {"rounds": rounds, "places": places, "with_ids": with_ids_kept, "ids": len(kept)}
    json.dump(found, sys.stdout)


async def _left_behind(network: LocalNetwork, first: int) -> float:
    """Return how many bytes each of some transactions leaves behind."""
    before = await _held_bytes(network)
    await _load(network, range(first, first + TRANSACTIONS))
    return (await _held_bytes(network) - before) / TRANSACTIONS


async def _load(network: LocalNetwork, numbers: range) -> None:
    contract, rest = network.contract("ATSMSP", "keyvalue"), iter(numbers)

    async def one_after_another() -> None:
        for number in rest:
            await contract.submit("put", f"{number:012}", "x" * 100)

    async with asyncio.TaskGroup() as callers:
        for _ in range(IN_FLIGHT):
            callers.create_task(one_after_another())


async def _held_bytes(network: LocalNetwork) -> int:
    """Return what Python holds once nothing is under way any more."""
    channels = [peer.channels[network.channel_id] for peer in network.peers.values()]
    height = max(channel.ledger.height for channel in channels)
    for channel in channels:
        await channel.watch.wait_for(height)
        channel.validator._view = BlockView(channel.ledger.state)
    for each in gc.get_objects():
        if isinstance(each, _lru_cache_wrapper):
            each.cache_clear()
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


def _grown(before: tracemalloc.Snapshot, after: tracemalloc.Snapshot) -> Sequence[str]:
    """Return where most was allocated that one snapshot has and the other has not."""
    differences = after.compare_to(before, "lineno")
    return [str(each) for each in differences if each.size_diff > 0][:SHOWN_PLACES]


if __name__ == "__main__":
    tracemalloc.start()
    asyncio.run(main())
