"""The disk of simulations: what survives the process, and what the machine."""

from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest
from simulation.coverage import Coverage, Fault
from simulation.disk import Contents, SimulatedDisk
from simulation.loop import MachineStoppedError

from tallystick.node.ledger.block_store import BlockStore
from tallystick.node.ledger.memory import MemoryStore
from tallystick.node.ledger.private_data import TransientStore
from tallystick.protos.common.common_pb2 import Block, BlockHeader
from tallystick.protos.ledger.rwset.rwset_pb2 import (
    CollectionPvtReadWriteSet,
    NsPvtReadWriteSet,
    TxPvtReadWriteSet,
)
from tallystick.wire.hashing import block_header_hash, sha256

FILE = Path("/disk/000000.blocks")
STORE = Path("/disk/store")


def new_disk(seed: int, coverage: Coverage | None = None) -> SimulatedDisk:
    return SimulatedDisk(Contents(), Random(seed), coverage or Coverage())


def test_a_killed_process_loses_nothing_that_it_wrote() -> None:
    disk = new_disk(1)
    disk.open_append(FILE).append(b"written")
    with disk.open_store("leveldb", STORE) as store:
        store.write({b"key": b"value"})
    after = disk.kill_process()
    assert after.read(FILE) == b"written"
    assert after.open_store("leveldb", STORE).get(b"key") == b"value"


def test_a_power_cut_keeps_what_was_synced_and_may_tear_the_rest_or_leave_holes() -> None:
    coverage = Coverage()
    rest = bytes(range(1, 251)) * 6  # three sectors and a part of one
    left = set()
    for seed in range(60):
        disk = new_disk(seed, coverage)
        file = disk.open_append(FILE)
        file.append(b"synced ")
        file.sync()
        file.append(rest)
        left.add(disk.cut_power().read(FILE))
    assert all(each.startswith(b"synced ") for each in left)
    assert {b"synced ", b"synced " + rest} < left
    torn = {each for each in left if rest.startswith(each.removeprefix(b"synced "))}
    assert all(len(each) == len(b"synced " + rest) and 0 in each for each in left - torn)
    assert coverage.counts[Fault.LOST_WRITE.name] > 0
    assert coverage.counts[Fault.TORN_WRITE.name] > 0
    assert coverage.counts[Fault.LOST_SECTOR.name] > 0


@pytest.mark.parametrize("changes", [1, 2, 3])
def test_a_machine_stops_right_after_a_change_and_does_nothing_more(changes: int) -> None:
    disk = new_disk(1)
    afterwards: list[SimulatedDisk] = []
    disk.break_after(changes, lambda: afterwards.append(disk.kill_process()))
    file, store = disk.open_append(FILE), disk.open_store("leveldb", STORE)
    steps: list[Callable[[], None]] = [
        lambda: file.append(b"1"),
        lambda: store.write({b"2": b""}),
        lambda: file.append(b"3"),
    ]
    for step in steps[: changes - 1]:
        step()
    with pytest.raises(MachineStoppedError):
        steps[changes - 1]()
    file.append(b"more")
    assert afterwards[0].read(FILE) == {1: b"1", 2: b"1", 3: b"13"}[changes]
    assert afterwards[0].open_store("leveldb", STORE).get(b"2") == (None if changes == 1 else b"")


def test_a_power_cut_takes_the_latest_batches_of_a_store_and_no_earlier_ones() -> None:
    left = set()
    for seed in range(40):
        disk = new_disk(seed)
        with disk.open_store("leveldb", STORE) as store:
            for number in range(3):
                store.write({b"%d" % number: b"x"})
        after = disk.cut_power().open_store("leveldb", STORE)
        left.add(tuple(key for key, _ in after.range(b"", b"")))
    assert left == {(), (b"0",), (b"0", b"1"), (b"0", b"1", b"2")}


def test_what_a_dead_process_still_does_has_no_effect() -> None:
    disk = new_disk(1)
    file = disk.open_append(FILE)
    file.append(b"before")
    after = disk.kill_process()
    file.append(b" and after")
    file.truncate(0)
    assert after.read(FILE) == b"before"


def test_a_full_disk_takes_a_part_and_says_so() -> None:
    disk = new_disk(1)
    disk.free_bytes = 3
    with pytest.raises(OSError, match="no space left"):
        disk.open_append(FILE).append(b"12345")
    assert disk.read(FILE) == b"123"
    with pytest.raises(OSError, match="no space left"):
        disk.open_store("leveldb", STORE).write({b"key": b"value"})


@pytest.mark.parametrize("seed", range(20))
def test_a_block_store_has_every_synced_block_after_a_power_cut(seed: int) -> None:
    disk = new_disk(seed)
    store = BlockStore(FILE.parent, MemoryStore(), disk=disk)
    synced = b""
    for number in range(4):
        header = BlockHeader(number=number, previous_hash=store.last_hash, data_hash=b"x")
        store.append(Block(header=header))
        if number < 3:
            store.sync()
            synced = block_header_hash(header)
    after = BlockStore(FILE.parent, MemoryStore(), disk=disk.cut_power())
    assert after.height in (3, 4)
    assert block_header_hash(after.read(2).header) == synced


@pytest.mark.parametrize("seed", range(10))
async def test_private_values_that_are_kept_survive_a_power_cut(seed: int) -> None:
    held = CollectionPvtReadWriteSet(collection_name="vault", rwset=b"secret")
    namespace = NsPvtReadWriteSet(namespace="token", collection_pvt_rwset=[held])
    results = TxPvtReadWriteSet(ns_pvt_rwset=[namespace]).SerializeToString()
    disk = new_disk(seed)
    await TransientStore(disk.open_store("leveldb", STORE)).keep("t1", results, height=7)
    after = TransientStore(disk.cut_power().open_store("leveldb", STORE))
    assert after.get("t1", "token", "vault", sha256(b"secret")) == b"secret"
