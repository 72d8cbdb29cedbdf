"""Private values of which one set wrote the value and a later one the metadata (wire.md §13).

A change of metadata gives the hash of a value another version, and so another life. Peers may have
either set, or get it late. Source: hyperledger/fabric core/ledger/kvledger/txmgmt.
"""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from tests.unit.ledger.conftest import Chain, Tx

from tallystick.node.ledger.ledger import Ledger
from tallystick.node.ledger.memory import MemoryStore
from tallystick.node.ledger.place_keys import missing_prefix
from tallystick.node.ledger.promised_hashes import promise_entries
from tallystick.node.ledger.simulator import PrivateDataUnavailableError
from tallystick.node.ledger.state import PrivateSetId, StateView
from tallystick.node.ledger.version import Version
from tallystick.wire.hashing import sha256

LIFE = 2
"""Blocks to live."""

VALUE = Tx("value", private={"p": b"one"})
GUARD = Tx("guard", private_guards=("p",))
OTHER = Tx("other", {"public": b"x"})


def lives(view: StateView, namespace: str, collection: str) -> int:  # noqa: ARG001
    return LIFE


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def ledger(tmp_path: Path, store: MemoryStore) -> Iterator[Ledger]:
    with closing(Ledger.open(tmp_path / "ledger", store, lives)) as opened:
        yield opened


async def commit(ledger: Ledger, *transactions: Tx, held: tuple[Tx, ...] = ()) -> None:
    """Commit a block of transactions, of which this peer has only some private sets."""
    committable = Chain().committable(ledger, *transactions)
    sets = {
        index: results
        for index, results in committable.private.items()
        if transactions[index] in held
    }
    names = [f"{ledger.height}-{index}" for index in range(len(transactions))]
    await ledger.commit(replace(committable, private=sets, transaction_ids=names))


def at(block_number: int, index: int = 0) -> PrivateSetId:
    return PrivateSetId(Version(block_number, index), "basic", "coll")


def comes(ledger: Ledger, set_id: PrivateSetId, transaction: Tx) -> bool:
    """Hand a set in that was missing; return whether it is taken."""
    return ledger.commit_missing(set_id, transaction.private_set())


def kept(ledger: Ledger) -> bytes | None:
    """Return the value that is on this peer's disk."""
    found = ledger.state.get_private("basic", "coll", "p")
    return None if found is None else found.value


def told(ledger: Ledger) -> bytes | None:
    """Return the value that a chaincode is told."""
    return ledger.simulator("query").get_private("basic", "coll", "p")


async def value_late_and_guard_missing(ledger: Ledger) -> None:
    """Block 0 writes the value, which comes after block 1; that changes metadata, out of sight."""
    await commit(ledger, VALUE)
    await commit(ledger, GUARD)
    assert comes(ledger, at(0), VALUE)
    assert told(ledger) == b"one"


async def promise_kept_late(ledger: Ledger, store: MemoryStore) -> None:
    """The same, of a value from before a snapshot."""
    await commit(ledger, VALUE)
    prefix = missing_prefix("basic", "coll")
    ((key, _),) = store.range(prefix, prefix + b"\xff")
    store.write({key: None})
    store.write(promise_entries(at(0), sha256(b"p"), sha256(b"one")))
    await commit(ledger, GUARD)
    assert comes(ledger, at(0), VALUE)
    assert told(ledger) == b"one"


@pytest.mark.parametrize("since", ["before a snapshot", "after"])
async def test_a_value_lives_as_long_as_its_last_metadata_and_no_longer(
    ledger: Ledger, store: MemoryStore, since: str
) -> None:
    if since == "before a snapshot":
        await promise_kept_late(ledger, store)
    else:
        await value_late_and_guard_missing(ledger)
    for _ in range(LIFE):
        await commit(ledger, OTHER)
        assert told(ledger) == b"one", "the life of its hash began anew with the metadata"
    await commit(ledger, OTHER)
    assert ledger.height - 1 == 1 + LIFE + 1
    assert kept(ledger) is None
    assert [value for _, value in store.range(b"", b"\xff") if b"one" in value] == []


@pytest.mark.parametrize("blocks_later", [0, LIFE])
async def test_a_purge_takes_such_a_value_too(ledger: Ledger, blocks_later: int) -> None:
    await value_late_and_guard_missing(ledger)
    for _ in range(blocks_later):
        await commit(ledger, OTHER)
    await commit(ledger, Tx("purge", private={"p": None}, purges=("p",)))
    assert kept(ledger) is None


async def test_such_a_value_is_replaced_by_a_new_one_and_lives_its_life(ledger: Ledger) -> None:
    await value_late_and_guard_missing(ledger)
    new = Tx("new", private={"p": b"two"})
    await commit(ledger, new, held=(new,))
    for _ in range(LIFE):
        await commit(ledger, OTHER)
        assert told(ledger) == b"two"
    await commit(ledger, OTHER)
    assert kept(ledger) is None


async def test_a_value_whose_metadata_were_changed_in_its_block_is_told_once_both_sets_are_here(
    ledger: Ledger,
) -> None:
    await commit(ledger, VALUE, GUARD, held=(VALUE,))
    with pytest.raises(PrivateDataUnavailableError):
        told(ledger)
    assert comes(ledger, at(0, 1), GUARD)
    assert told(ledger) == b"one"


@pytest.mark.parametrize("first", [VALUE, GUARD], ids=["the value", "the metadata"])
async def test_both_sets_may_come_late(ledger: Ledger, first: Tx) -> None:
    await commit(ledger, VALUE, GUARD)
    ids = [(VALUE, at(0, 0)), (GUARD, at(0, 1))]
    for transaction, set_id in sorted(ids, key=lambda each: each[0] is not first):
        assert comes(ledger, set_id, transaction)
    assert told(ledger) == b"one"
    for _ in range(LIFE + 1):
        assert kept(ledger) == b"one"
        await commit(ledger, OTHER)
    assert kept(ledger) is None
