"""What transactions leave behind in the memory of nodes and of their client: nothing.

Peers, orderer and client run in this process, with all that they keep in LevelDB or in files. What
they remember for speed is forgotten before memory is measured, since each such memory has a bound
and only takes long to reach it.
"""

import asyncio
import gc
import logging
import tracemalloc
from collections.abc import AsyncIterator, Iterator
from functools import _lru_cache_wrapper

import pytest
from bench.memory import topology

from tallystick.node.deliver import source
from tallystick.node.ledger.committed import transaction_id_of_entry
from tallystick.node.membership.signature_checker import SignatureChecker
from tallystick.node.testing.local_network import LocalNetwork
from tallystick.node.validation.block_view import BlockView

IN_FLIGHT = 25
TRANSACTIONS = 400
"""In a round. An event loop keeps up to a hundred timers that were cancelled: not to be seen."""
MOST_LEFT_BYTES = 50
"""For each transaction, in three peers, an orderer and a client."""

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def _small_memories(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep small what cannot be made to forget."""
    monkeypatch.setattr(SignatureChecker.__init__, "__defaults__", (16,))
    monkeypatch.setattr(source, "CACHED_BLOCKS", 0)


@pytest.fixture(autouse=True)
def _silent() -> Iterator[None]:
    """Log nothing: pytest keeps what is logged, at whatever level another test has left."""
    former = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(former)


@pytest.fixture(autouse=True)
def _traced() -> Iterator[None]:
    tracemalloc.start()
    try:
        yield
    finally:
        tracemalloc.stop()


@pytest.fixture
async def network() -> AsyncIterator[LocalNetwork]:
    prepared = LocalNetwork(topology())
    prepared._topology = prepared._topology.model_copy(update={"store": "leveldb"})
    async with prepared:
        yield prepared


async def load(network: LocalNetwork, numbers: range) -> None:
    contract, rest = network.contract("ATSMSP", "keyvalue"), iter(numbers)

    async def one_after_another() -> None:
        for number in rest:
            await contract.submit("put", f"{number:012}", "x" * 100)

    async with asyncio.TaskGroup() as callers:
        for _ in range(IN_FLIGHT):
            callers.create_task(one_after_another())


async def held_bytes(network: LocalNetwork) -> int:
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


async def left_behind(network: LocalNetwork, first: int) -> float:
    """Return how many bytes each of some transactions leaves behind."""
    before = await held_bytes(network)
    await load(network, range(first, first + TRANSACTIONS))
    return (await held_bytes(network) - before) / TRANSACTIONS


async def test_a_transaction_leaves_nothing_behind_in_memory(network: LocalNetwork) -> None:
    await load(network, range(TRANSACTIONS))
    assert min([await left_behind(network, n * TRANSACTIONS) for n in (1, 2, 3)]) < MOST_LEFT_BYTES

    kept: list[str] = []
    channel = network.peers["ATSMSP"].channels[network.channel_id]

    def keep_ids() -> None:
        block = channel.ledger.block(channel.ledger.height - 1)
        kept.extend(map(transaction_id_of_entry, block.data.data))

    channel.commit_listeners.append(keep_ids)
    assert await left_behind(network, 4 * TRANSACTIONS) > MOST_LEFT_BYTES, "an id kept is noticed"
    assert len(kept) == TRANSACTIONS
