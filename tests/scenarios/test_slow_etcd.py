"""An orderer whose line to etcd carries 2 Mbit/s orders and copies the largest batches."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from random import Random
from typing import Final

import pytest
from tests.scenarios.faults.slow_lines import Line, slow_line
from tests.scenarios.one_etcd import HOST, KEYS, begin_term, one_etcd

from tallystick.node.cluster.ports import free_ports
from tallystick.node.ordering.etcd.client import EtcdClient
from tallystick.node.ordering.etcd.log import OrderedLog
from tallystick.node.ordering.etcd.port import EtcdUnavailableError, only
from tallystick.node.ordering.etcd.session import Session
from tallystick.protos.tallystick.ordered_log_pb2 import OrderedBatch

pytestmark = [pytest.mark.slow, pytest.mark.cluster]

SLOWEST: Final = Line(delay_s=0.02, bytes_per_s=250_000)
"""2 Mbit/s each way, as docs/etcd.md has it."""
LARGEST_BYTES: Final = 10 * 1024 * 1024
"""AbsoluteMaxBytes of a channel that sets none."""
MOST_FAILURES: Final = 6


def batch(size_bytes: int) -> OrderedBatch:
    return OrderedBatch(previous_hash=b"hash", envelopes=[Random(size_bytes).randbytes(size_bytes)])


@asynccontextmanager
async def behind_slow_line(port: int) -> AsyncIterator[EtcdClient]:
    (slow_port,) = free_ports(1, HOST)
    async with (
        slow_line(HOST, slow_port, port, SLOWEST),
        EtcdClient([f"{HOST}:{slow_port}"], None) as client,
    ):
        yield client


async def written(log: OrderedLog, term: int, number: int, content: OrderedBatch) -> None:
    """Write a block: a leader that still has its lease is given again what it could not write."""
    for _ in range(MOST_FAILURES):
        with suppress(EtcdUnavailableError):
            await log.append(term, number, content)
            return
    raise AssertionError(f"block {number} does not come through in {MOST_FAILURES} attempts")


async def test_a_leader_behind_a_slow_line_writes_the_largest_batch_and_keeps_its_lease(
    tmp_path: Path,
) -> None:
    async with (
        one_etcd(tmp_path) as port,
        behind_slow_line(port) as client,
        asyncio.TaskGroup() as tasks,
    ):
        # The manual advises 3 s for such a line; here the line itself is work for the same thread.
        session = Session(client, ttl_s=5)
        keeping = tasks.create_task(session.run())
        term = await begin_term(client, await session.lease())
        log = OrderedLog(client, KEYS)
        await log.publish("orderer.example:7050", 1)
        for number, size_bytes in enumerate((900_000, LARGEST_BYTES), start=1):
            await written(log, term, number, batch(size_bytes))
            following = log.follow(number, lambda: True)
            assert await anext(following) == (number, batch(size_bytes))
            await following.aclose()
        (found,) = (await client.read(only(KEYS.leader))).records
        keeping.cancel()
    assert found.create_revision == term, "the lease under which it leads has not lapsed"


async def test_an_orderer_behind_a_slow_line_copies_what_a_leader_with_a_fast_one_wrote(
    tmp_path: Path,
) -> None:
    # After a small one, all are asked for at once, and do not come in time.
    sizes = [1_000, *[900_000] * 4, LARGEST_BYTES // 4]
    async with one_etcd(tmp_path) as port:
        async with EtcdClient([f"{HOST}:{port}"], None) as fast:
            term = await begin_term(fast)
            log = OrderedLog(fast, KEYS)
            for number, size_bytes in enumerate(sizes, start=1):
                await log.append(term, number, batch(size_bytes))
        async with behind_slow_line(port) as client:
            slow_log, copied, failures = OrderedLog(client, KEYS), 0, 0
            while copied < len(sizes):
                following = slow_log.follow(copied + 1, lambda: False)
                with suppress(EtcdUnavailableError):  # as an orderer, it tries again
                    while copied < len(sizes):
                        assert await anext(following) == (copied + 1, batch(sizes[copied]))
                        copied += 1
                await following.aclose()
                failures += copied < len(sizes)
                assert failures <= MOST_FAILURES
