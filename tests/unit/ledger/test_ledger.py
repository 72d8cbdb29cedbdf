from __future__ import annotations

import asyncio
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from tests.scenarios.outcome import Outcome, State

from tallystick.node.ledger.block_store import (
    BlockNotFoundError,
    BlockOutOfOrderError,
    BrokenChainError,
)
from tallystick.node.ledger.head import UnsupportedFormatError
from tallystick.node.ledger.keyspace import FORMAT_KEY
from tallystick.node.ledger.ledger import Ledger
from tallystick.node.ledger.memory import MemoryStore
from tallystick.node.ledger.state import VersionedValue
from tallystick.node.ledger.version import Version
from tallystick.protos.common.common_pb2 import Metadata
from tallystick.wire.hashing import block_header_hash, commit_hash

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.unit.ledger.conftest import Chain

MVCC_READ_CONFLICT = 11
DUPLICATE_TXID = 9
DIGEST_ID = "0c430263c6f36dbadd7a3346dd82bf70c8fbc9c66f642799c6ac7b8a1ec70bf9"


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def ledger(tmp_path: Path, store: MemoryStore) -> Iterator[Ledger]:
    with closing(Ledger.open(tmp_path, store)) as opened:
        yield opened


def test_a_new_ledger_is_empty(ledger: Ledger) -> None:
    assert ledger.height == 0
    assert ledger.info().SerializeToString() == b""
    assert ledger.state.get("basic", "key") is None
    with pytest.raises(BlockNotFoundError):
        ledger.block(0)


async def test_a_commit_shows_in_every_view(ledger: Ledger, chain: Chain) -> None:
    await ledger.commit(chain.config(ledger))
    block = chain.committable(
        ledger,
        chain.transaction("t1", {"k": b"v"}),
        chain.transaction("t2", {"k": b"w"}, code=MVCC_READ_CONFLICT),
    )
    await ledger.commit(block)

    assert ledger.state.get("basic", "k") == VersionedValue(b"v", Version(1, 0))
    assert [change.value for change in ledger.history.modifications("basic", "k")] == [b"v"]
    assert ledger.simulator("t3").get_state("basic", "k") == b"v"
    assert ledger.block(1) == block.block
    assert ledger.block_by_hash(block_header_hash(block.block.header)) == block.block
    assert ledger.block_by_transaction("t2") == block.block
    assert ledger.transaction("t2") == (block.block.data.data[1], MVCC_READ_CONFLICT, 1)
    assert ledger.transaction_exists("t1")
    assert not ledger.transaction_exists("t3")


async def test_info_names_the_last_two_blocks(ledger: Ledger, chain: Chain) -> None:
    """§13, Ledger info."""
    await ledger.commit(chain.config(ledger))
    await ledger.commit(chain.committable(ledger, chain.transaction("t1")))
    info = ledger.info()
    assert info.height == ledger.height == 2
    assert info.currentBlockHash == block_header_hash(ledger.block(1).header)
    assert info.previousBlockHash == block_header_hash(ledger.block(0).header)


async def test_the_peers_metadata_slots_are_filled(ledger: Ledger, chain: Chain) -> None:
    """§11: codes in slot 2; commit hash in slot 4, chained from block 1 on."""
    await ledger.commit(chain.config(ledger))
    expected = b""
    for number in (1, 2):
        committable = chain.committable(
            ledger,
            chain.transaction(f"t{number}", {"k": b"v"}),
            chain.transaction(f"u{number}", code=MVCC_READ_CONFLICT),
        )
        await ledger.commit(committable)
        updates = committable.updates.update_bytes()
        expected = commit_hash(b"\x00\x0b", updates, expected)

    genesis, last = ledger.block(0).metadata.metadata, ledger.block(2).metadata.metadata
    assert list(genesis) == [b"", b"", b"\x00", b"", b""]
    assert last[2] == b"\x00\x0b"
    assert Metadata.FromString(last[4]).value == expected == ledger.last_commit_hash()


async def test_missing_metadata_slots_are_added(ledger: Ledger, chain: Chain) -> None:
    committable = chain.config(ledger)
    committable.block.ClearField("metadata")
    await ledger.commit(committable)
    assert list(ledger.block(0).metadata.metadata) == [b"", b"", b"\x00", b"", b""]


async def test_the_last_config_block_is_remembered(ledger: Ledger, chain: Chain) -> None:
    await ledger.commit(chain.config(ledger))
    await ledger.commit(chain.committable(ledger, chain.transaction("t1")))
    assert ledger.last_config_block_number() == 0
    await ledger.commit(chain.config(ledger))
    await ledger.commit(chain.committable(ledger, chain.transaction("t2")))
    assert ledger.last_config_block_number() == 2


@pytest.mark.parametrize("transaction_id", ["t1", DIGEST_ID], ids=["text", "digest"])
async def test_an_id_stays_with_its_first_transaction(
    ledger: Ledger, chain: Chain, transaction_id: str
) -> None:
    first = chain.transaction(transaction_id, {"k": b"first"}, code=MVCC_READ_CONFLICT)
    second = chain.transaction(transaction_id, {"k": b"second"}, code=DUPLICATE_TXID)
    await ledger.commit(chain.config(ledger))
    await ledger.commit(chain.committable(ledger, first, second))
    await ledger.commit(chain.committable(ledger, second))
    found = ledger.transaction(transaction_id)
    assert found is not None
    assert (found.code, found.block_number) == (MVCC_READ_CONFLICT, 1)
    assert found.envelope == ledger.block(1).data.data[0]


@pytest.mark.parametrize(
    "other", [DIGEST_ID.upper(), DIGEST_ID[:-1], "g" * 64, " " + DIGEST_ID[:63], "\x01", ""]
)
async def test_similar_ids_are_different_ids(ledger: Ledger, chain: Chain, other: str) -> None:
    await ledger.commit(chain.committable(ledger, chain.transaction(DIGEST_ID)))
    assert ledger.transaction_exists(DIGEST_ID)
    assert not ledger.transaction_exists(other)
    assert ledger.transaction(other) is None
    assert ledger.block_by_transaction(other) is None


async def test_an_unreadable_id_is_not_indexed(ledger: Ledger, chain: Chain) -> None:
    await ledger.commit(chain.config(ledger))
    assert not ledger.transaction_exists("")


async def test_an_unknown_hash_has_no_block(ledger: Ledger) -> None:
    assert ledger.block_by_hash(b"unknown") is None


async def test_a_configuration_does_not_take_the_id_of_a_transaction(
    ledger: Ledger, chain: Chain
) -> None:
    """Its orderer chooses it, and could have a refused payment shown as valid."""
    await ledger.commit(chain.config(ledger))
    refused = chain.transaction("t1", {"k": b"v"}, code=MVCC_READ_CONFLICT)
    await ledger.commit(chain.committable(ledger, refused))
    await ledger.commit(replace(chain.config(ledger), transaction_ids=["t1"]))
    location = ledger.location("t1")
    assert location is not None
    assert (location.block_number, location.code) == (1, MVCC_READ_CONFLICT)


async def test_history_has_every_valid_write_newest_first(ledger: Ledger, chain: Chain) -> None:
    """§13, History: also two writes in one block, and deletions with an empty value."""
    writes: list[dict[str, bytes | None]] = [{"k": b"1"}, {"k": None}, {"k": b"3", "kk": b"x"}]
    await ledger.commit(chain.config(ledger))
    await ledger.commit(
        chain.committable(
            ledger,
            chain.transaction("t0", writes[0]),
            chain.transaction("no", {"k": b"invalid"}, code=MVCC_READ_CONFLICT),
            chain.transaction("t1", writes[1]),
        )
    )
    for number in range(2, 300):  # numbers of two bytes must still sort
        await ledger.commit(
            chain.committable(ledger, chain.transaction(f"t{number}", writes[number % 3]))
        )

    changes = list(ledger.history.modifications("basic", "k"))

    assert [change.tx_id for change in changes] == [f"t{n}" for n in range(299, -1, -1)]
    assert [(c.value, c.is_delete) for c in changes[-3:]] == [
        (b"3", False),
        (b"", True),
        (b"1", False),
    ]
    assert [change.timestamp.seconds for change in changes[-3:]] == [2, 1, 1]
    assert len(list(ledger.history.modifications("basic", "kk"))) == 100
    assert list(ledger.history.modifications("basi", "ck")) == []


async def test_a_change_of_metadata_is_no_history(ledger: Ledger, chain: Chain) -> None:
    await ledger.commit(chain.committable(ledger, chain.transaction("t1", {"k": b"v"})))
    await ledger.commit(chain.committable(ledger, chain.transaction("t2", guards=["k"])))
    held = ledger.state.get("basic", "k")
    assert held is not None
    assert (held.value, held.version, held.metadata != b"") == (b"v", Version(1, 0), True)
    assert [change.tx_id for change in ledger.history.modifications("basic", "k")] == ["t1"]


async def test_a_block_out_of_order_is_refused(ledger: Ledger, chain: Chain) -> None:
    early = chain.config(ledger)
    early.block.header.number = 1
    with pytest.raises(BlockOutOfOrderError) as failure:
        await ledger.commit(early)
    assert (failure.value.expected, failure.value.received) == (0, 1)


async def test_a_block_of_another_chain_is_refused(ledger: Ledger, chain: Chain) -> None:
    await ledger.commit(chain.config(ledger))
    foreign = chain.committable(ledger, chain.transaction("t1", {"k": b"v"}))
    foreign.block.header.previous_hash = b"\x01" * 32
    with pytest.raises(BrokenChainError):
        await ledger.commit(foreign)
    assert ledger.height == 1
    assert ledger.state.get("basic", "k") is None


async def test_commits_wait_for_one_another(ledger: Ledger, chain: Chain) -> None:
    twins = [chain.config(ledger), chain.config(ledger)]
    outcomes = await asyncio.gather(*map(ledger.commit, twins), return_exceptions=True)
    assert outcomes[0] is None
    assert isinstance(outcomes[1], BlockOutOfOrderError)
    assert ledger.height == 1


async def test_nobody_sees_a_block_before_it_is_durable(ledger: Ledger, chain: Chain) -> None:
    committable = chain.config(ledger)
    header_hash = block_header_hash(committable.block.header)
    commit = asyncio.gather(ledger.commit(committable))
    await asyncio.sleep(0)  # the block is now on its way to the disk
    assert ledger.height == 0
    assert ledger.block_by_hash(header_hash) is None
    with pytest.raises(BlockNotFoundError):
        ledger.block(0)
    await commit
    assert ledger.block_by_hash(header_hash) == ledger.block(0)


async def test_a_cancelled_commit_is_completed(ledger: Ledger, chain: Chain) -> None:
    commit = asyncio.gather(ledger.commit(chain.config(ledger)))
    await asyncio.sleep(0)
    commit.cancel()
    with pytest.raises(asyncio.CancelledError):
        await commit
    assert ledger.height == 1
    await ledger.commit(chain.committable(ledger, chain.transaction("t1", {"k": b"v"})))
    assert ledger.state.get("basic", "k") == VersionedValue(b"v", Version(1, 0))


def test_a_store_of_another_format_is_refused(
    outcome: Outcome, tmp_path: Path, store: MemoryStore
) -> None:
    store.write({FORMAT_KEY: b"0", b"mhead": b"\x00"})
    with outcome.refuses(
        UnsupportedFormatError,
        leaves=State("the store has the rows that it had", lambda: dict(store.range(b"", b""))),
        match="format b'0'",
    ) as failure:
        Ledger.open(tmp_path, store)
    assert failure.value.found == b"0"
