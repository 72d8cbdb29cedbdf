"""Private sets: kept, missed, caught up on, expired and purged (wire.md §13)."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from tests.unit.ledger.conftest import Chain, Tx

from tallystick.node.ledger.ledger import Ledger
from tallystick.node.ledger.memory import MemoryStore
from tallystick.node.ledger.state import PrivateSetId, StateView
from tallystick.node.ledger.version import Version
from tallystick.protos.ledger.rwset.kvrwset.kv_rwset_pb2 import KVRWSet, KVWrite
from tallystick.wire.hashing import sha256

LIFE = 2
"""Blocks to live."""


def lives(view: StateView, namespace: str, collection: str) -> int:
    assert (namespace, collection) == ("basic", "coll")
    assert view is not None
    return LIFE


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with closing(Ledger.open(tmp_path / "forever", MemoryStore())) as opened:
        yield opened


@pytest.fixture
def mortal(tmp_path: Path) -> Iterator[Ledger]:
    with closing(Ledger.open(tmp_path / "mortal", MemoryStore(), lives)) as opened:
        yield opened


def set_id(block_number: int, index: int = 0) -> PrivateSetId:
    return PrivateSetId(Version(block_number, index), "basic", "coll")


def private(ledger: Ledger, key: str) -> bytes | None:
    found = ledger.state.get_private("basic", "coll", key)
    return None if found is None else found.value


def has_hash(ledger: Ledger, key: str) -> bool:
    return ledger.state.get_hash("basic", "coll", sha256(key.encode())) is not None


def missing(ledger: Ledger) -> list[PrivateSetId]:
    return [
        each
        for place in ledger.private_sets.missing_places()
        for each in ledger.private_sets.missing(*place)
    ]


async def commit(ledger: Ledger, chain: Chain, *transactions: Tx, held: bool = True) -> None:
    committable = chain.committable(ledger, *transactions)
    await ledger.commit(committable if held else replace(committable, private={}))


def tx(name: str, purges: tuple[str, ...] = (), **private: bytes | None) -> Tx:
    return Tx(name, private=private, purges=purges)


async def test_a_committed_set_can_be_read_by_block(ledger: Ledger, chain: Chain) -> None:
    first, second = tx("t1", p=b"one"), tx("t2", q=b"two")
    await commit(ledger, chain, first, second)
    assert list(ledger.private_sets.of_block(0)) == [
        (set_id(0, 0), first.private_set()),
        (set_id(0, 1), second.private_set()),
    ]
    assert missing(ledger) == []


async def test_a_set_that_did_not_come_is_on_record(ledger: Ledger, chain: Chain) -> None:
    """§13: otherwise it is recorded as missing."""
    await commit(ledger, chain, tx("t1", p=b"one"), held=False)
    assert missing(ledger) == [set_id(0)]
    assert ledger.private_sets.get(set_id(0)) is None


async def test_a_set_whose_hash_differs_counts_as_missing(ledger: Ledger, chain: Chain) -> None:
    forged = tx("t1", p=b"forged").private_results()
    committable = chain.committable(ledger, tx("t1", p=b"one"))
    await ledger.commit(replace(committable, private={0: forged}))
    assert missing(ledger) == [set_id(0)]
    assert private(ledger, "p") is None


async def test_a_missing_set_is_taken_when_it_matches_the_ledger(
    ledger: Ledger, chain: Chain
) -> None:
    """§13: reconciled later."""
    late = tx("t1", p=b"one")
    await commit(ledger, chain, late, held=False)
    assert not ledger.commit_missing(set_id(0), tx("t1", p=b"forged").private_set())
    assert missing(ledger) == [set_id(0)]
    assert ledger.commit_missing(set_id(0), late.private_set())
    assert private(ledger, "p") == b"one"
    assert missing(ledger) == []
    assert not ledger.commit_missing(set_id(0), late.private_set()), "it is not missing any more"


async def test_a_late_value_does_not_replace_a_newer_one(ledger: Ledger, chain: Chain) -> None:
    late = tx("t1", p=b"one", q=b"stays")
    await commit(ledger, chain, late, held=False)
    await commit(ledger, chain, tx("t2", p=b"two"))
    assert ledger.commit_missing(set_id(0), late.private_set())
    assert private(ledger, "p") == b"two"
    assert private(ledger, "q") == b"stays"


async def test_a_late_deletion_deletes(ledger: Ledger, chain: Chain) -> None:
    await commit(ledger, chain, tx("t1", p=b"one"))
    late = tx("t2", p=None)
    await commit(ledger, chain, late, held=False)
    assert private(ledger, "p") == b"one"
    assert ledger.commit_missing(set_id(1), late.private_set())
    assert private(ledger, "p") is None


async def test_a_value_is_gone_with_block_b_plus_t_plus_1_and_not_before(
    mortal: Ledger, chain: Chain
) -> None:
    """§13, Expiry."""
    await commit(mortal, chain, tx("t0", p=b"one"))
    for number in range(1, LIFE + 1):
        await commit(mortal, chain, Tx(f"t{number}", {"public": b"x"}))
        assert private(mortal, "p") == b"one"
        assert has_hash(mortal, "p")
    await commit(mortal, chain, Tx("last", {"public": b"x"}))
    assert mortal.height - 1 == 0 + LIFE + 1
    assert private(mortal, "p") is None
    assert not has_hash(mortal, "p")
    assert list(mortal.private_sets.of_block(0)) == []


async def test_a_value_written_again_lives_on(mortal: Ledger, chain: Chain) -> None:
    """§13, Expiry: also when the block that would end it writes it."""
    await commit(mortal, chain, tx("t0", p=b"one", q=b"one"))
    await commit(mortal, chain, tx("t1", p=b"two"))
    await commit(mortal, chain, Tx("t2", {"public": b"x"}))
    await commit(mortal, chain, tx("t3", q=b"two"))
    assert private(mortal, "p") == b"two"
    assert private(mortal, "q") == b"two"
    await commit(mortal, chain, Tx("t4", {"public": b"x"}))
    assert private(mortal, "p") is None
    assert not has_hash(mortal, "p")
    assert private(mortal, "q") == b"two"


async def test_what_has_expired_is_missed_no_more(mortal: Ledger, chain: Chain) -> None:
    late = tx("t0", p=b"one")
    await commit(mortal, chain, late, held=False)
    for number in range(1, LIFE + 2):
        await commit(mortal, chain, Tx(f"t{number}", {"public": b"x"}))
    assert missing(mortal) == []
    assert not mortal.commit_missing(set_id(0), late.private_set())


async def test_an_expired_hash_does_not_change_the_commit_hash(
    mortal: Ledger, ledger: Ledger, chain: Chain
) -> None:
    """§11, §13: the commit hash covers what transactions write, not what time takes."""
    for each in (mortal, ledger):
        await ledger_with_an_old_value(each, chain)
    assert mortal.last_commit_hash() == ledger.last_commit_hash()
    assert has_hash(ledger, "p")
    assert not has_hash(mortal, "p")


async def ledger_with_an_old_value(ledger: Ledger, chain: Chain) -> None:
    await commit(ledger, chain, tx("t0", p=b"one"))
    for number in range(1, LIFE + 2):
        await commit(ledger, chain, Tx(f"t{number}", {"public": b"x"}))


async def test_a_purge_takes_the_value_and_its_past(ledger: Ledger, chain: Chain) -> None:
    """§13, Purge."""
    await commit(ledger, chain, tx("t0", p=b"one", q=b"kept"))
    await commit(ledger, chain, tx("t1", p=b"two"))
    await commit(ledger, chain, tx("t2", purges=("p",), p=None))
    assert private(ledger, "p") is None
    assert not has_hash(ledger, "p")
    assert private(ledger, "q") == b"kept"
    past = b"".join(rwset for n in range(3) for _, rwset in ledger.private_sets.of_block(n))
    assert b"one" not in past
    assert b"two" not in past
    assert b"kept" in past


async def test_a_purge_works_without_the_private_half_of_its_transaction(
    ledger: Ledger, chain: Chain
) -> None:
    """§13, Purge: the public half says which key it is."""
    await commit(ledger, chain, tx("t0", p=b"one"))
    await commit(ledger, chain, tx("t1", purges=("p",), p=None), held=False)
    assert private(ledger, "p") is None
    assert b"one" not in (ledger.private_sets.get(set_id(0)) or b"")


async def test_several_purges_of_one_block_all_count(ledger: Ledger, chain: Chain) -> None:
    await commit(ledger, chain, tx("t0", p=b"one", q=b"two"), tx("t1", p=b"three"))
    await commit(ledger, chain, tx("t2", purges=("p",), p=None), tx("t3", purges=("q",), q=None))
    past = b"".join(rwset for _, rwset in ledger.private_sets.of_block(0))
    assert past == b""


async def test_a_purge_reaches_back_within_its_block_and_not_forward(
    ledger: Ledger, chain: Chain
) -> None:
    before, purge, after = (
        tx("t0", p=b"before"),
        tx("t1", purges=("p",), p=None),
        tx("t2", p=b"after"),
    )
    await commit(ledger, chain, before, purge, after)
    assert private(ledger, "p") == b"after"
    past = b"".join(rwset for _, rwset in ledger.private_sets.of_block(0))
    assert b"before" not in past
    assert b"after" in past


async def test_what_purges_left_of_a_missing_set_is_taken(ledger: Ledger, chain: Chain) -> None:
    late = tx("t0", p=b"one", q=b"two")
    await commit(ledger, chain, late, held=False)
    await commit(ledger, chain, tx("t1", purges=("p",), p=None))
    rest = KVRWSet(writes=[KVWrite(key="q", value=b"two")]).SerializeToString()
    only_p = KVRWSet(writes=[KVWrite(key="p", value=b"one")]).SerializeToString()
    assert not ledger.commit_missing(set_id(0), only_p), "q was not purged"
    assert ledger.commit_missing(set_id(0), rest)
    assert private(ledger, "q") == b"two"


async def test_what_was_purged_is_not_kept_when_it_comes_late(ledger: Ledger, chain: Chain) -> None:
    late = tx("t0", p=b"one", q=b"two")
    await commit(ledger, chain, late, held=False)
    await commit(ledger, chain, tx("t1", purges=("p",), p=None))
    assert ledger.commit_missing(set_id(0), late.private_set())
    assert private(ledger, "p") is None
    assert private(ledger, "q") == b"two"
    assert b"one" not in (ledger.private_sets.get(set_id(0)) or b"")
