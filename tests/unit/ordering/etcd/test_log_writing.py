"""How large batches are written to etcd and read again."""

from collections.abc import Sequence
from random import Random

import pytest
from simulation.etcd import Cluster, EtcdConnection
from tests.unit.ordering.etcd.fake import KEYS, new_cluster
from tests.virtual_time import run

from tallystick.node.ordering.etcd.log import OrderedLog
from tallystick.node.ordering.etcd.port import (
    Committed,
    Condition,
    Deletion,
    EtcdUnavailableError,
    Found,
    KeyRange,
    Put,
    Values,
)
from tallystick.node.ordering.etcd.records import (
    MAX_VALUE_BYTES,
    MIN_VALUE_BYTES,
    UntrustedBatchError,
)
from tallystick.protos.tallystick.ordered_log_pb2 import OrderedBatch


class WatchedEtcd(EtcdConnection):
    """Notes how large the values are that are written, and may fail to write one.

    Attributes:
        sizes: Of the values, in bytes.
        fails_at: How many are written before one is not; None if all are.
        read_keys: The ranges that were read.
    """

    def __init__(self, cluster: Cluster) -> None:
        super().__init__(cluster, "orderer")
        self.sizes: list[int] = []
        self.fails_at: int | None = None
        self.read_keys: list[KeyRange] = []

    async def commit(
        self, conditions: Sequence[Condition], changes: Sequence[Put | Deletion]
    ) -> Committed:
        if len(self.sizes) == self.fails_at:
            self.fails_at = None
            raise EtcdUnavailableError("no answer in time")
        self.sizes += [len(each.value) for each in changes if isinstance(each, Put)]
        return await super().commit(conditions, changes)

    async def read(
        self,
        keys: KeyRange,
        *,
        limit: int = 0,
        newest_first: bool = False,
        values: Values = Values.SMALL,
    ) -> Found:
        self.read_keys.append(keys)
        return await super().read(keys, limit=limit, newest_first=newest_first, values=values)


def batch(size_bytes: int, seed: int = 0) -> OrderedBatch:
    """Return a batch that compression makes no smaller."""
    envelope = Random(seed).randbytes(size_bytes)
    return OrderedBatch(previous_hash=b"hash", envelopes=[envelope])


async def term_of(etcd: WatchedEtcd) -> int:
    term = (await etcd.commit([], [Put(KEYS.leader, b"leader")])).revision
    etcd.sizes.clear()
    return term


async def read_block(log: OrderedLog, number: int) -> OrderedBatch:
    following = log.follow(number, lambda: False)
    _, content = await anext(following)
    await following.aclose()
    return content


@pytest.mark.parametrize("size_bytes", [100_000, 1_200_000])
def test_a_batch_that_was_given_up_halfway_leaves_nothing_in_the_next_one_of_that_term(
    size_bytes: int,
) -> None:
    async def story() -> None:
        etcd = WatchedEtcd(new_cluster())
        term, log = await term_of(etcd), OrderedLog(etcd, KEYS)
        etcd.fails_at = 3
        try:
            await log.append(term, 1, batch(5_000_000))
        except EtcdUnavailableError:
            await log.append(term, 1, batch(size_bytes, seed=1))
        assert await read_block(OrderedLog(etcd, KEYS), 1) == batch(size_bytes, seed=1)

    run(story)


def test_after_a_failure_a_leader_writes_as_little_at_once_as_the_slowest_line_bears() -> None:
    async def story() -> None:
        etcd = WatchedEtcd(new_cluster())
        term, log = await term_of(etcd), OrderedLog(etcd, KEYS)
        await log.append(term, 1, batch(6_000_000))
        assert max(etcd.sizes) == MAX_VALUE_BYTES
        etcd.sizes.clear()
        etcd.fails_at = 0
        try:
            await log.append(term, 2, batch(6_000_000))
        except EtcdUnavailableError:
            await log.append(term, 2, batch(6_000_000))
        assert etcd.sizes[0] == MIN_VALUE_BYTES
        assert await read_block(OrderedLog(etcd, KEYS), 2) == batch(6_000_000)

    run(story)


def test_no_more_parts_are_read_than_a_batch_may_have(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tallystick.node.ordering.etcd.log.MAX_CONTENT_BYTES", 3_000_000)

    async def story() -> None:
        etcd = WatchedEtcd(new_cluster())
        term = await term_of(etcd)
        await OrderedLog(etcd, KEYS).append(term, 1, batch(6_000_000))
        etcd.read_keys.clear()
        with pytest.raises(UntrustedBatchError, match="more than 3000000 bytes"):
            await read_block(OrderedLog(etcd, KEYS), 1)
        assert len(etcd.read_keys) < len(etcd.sizes)

    run(story)


def test_a_leader_does_not_read_the_parts_again_that_it_has_written() -> None:
    async def story() -> None:
        etcd = WatchedEtcd(new_cluster())
        term, log = await term_of(etcd), OrderedLog(etcd, KEYS)
        await log.append(term, 1, batch(300_000))
        assert await read_block(log, 1) == batch(300_000)
        assert [keys.start for keys in etcd.read_keys] == [KEYS.block(1)]

    run(story)
