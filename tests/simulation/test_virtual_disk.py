"""The disk of simulations: what survives the process, and what the machine."""

from pathlib import Path
from random import Random

import pytest
from simulation.coverage import Coverage, Fault
from simulation.disk import Contents, SimulatedDisk

from tallystick.node.ledger.block_store import BlockStore
from tallystick.node.ledger.memory import MemoryStore
from tallystick.protos.common.common_pb2 import Block, BlockHeader
from tallystick.wire.hashing import block_header_hash

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


def test_a_power_cut_keeps_what_was_synced_and_some_beginning_of_the_rest() -> None:
    coverage = Coverage()
    left = set()
    for seed in range(40):
        disk = new_disk(seed, coverage)
        file = disk.open_append(FILE)
        file.append(b"synced ")
        file.sync()
        file.append(b"not yet")
        left.add(disk.cut_power().read(FILE))
    assert all(b"synced not yet".startswith(each) and len(each) >= 7 for each in left)
    assert {b"synced ", b"synced not yet"} < left
    assert coverage.counts[Fault.TORN_WRITE.name] > 0
    assert coverage.counts[Fault.LOST_WRITE.name] > 0


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
