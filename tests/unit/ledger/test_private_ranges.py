"""When a range of private values is told on a peer that lacks private sets (wire.md §13)."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from tests.unit.ledger.conftest import Chain, Tx

from tallystick.node.ledger.ledger import Ledger
from tallystick.node.ledger.memory import MemoryStore
from tallystick.node.ledger.missing_sets import set_hash
from tallystick.node.ledger.place_keys import missing_prefix
from tallystick.node.ledger.promised_hashes import promise_entries
from tallystick.node.ledger.simulator import PrivateDataUnavailableError
from tallystick.node.ledger.state import PrivateSetId
from tallystick.node.ledger.version import Version
from tallystick.wire.hashing import sha256

Rows = dict[str, bytes]

HELD, MISSING = True, False


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def ledger(tmp_path: Path, store: MemoryStore) -> Iterator[Ledger]:
    with closing(Ledger.open(tmp_path / "partial", store)) as opened:
        yield opened


def tx(purges: tuple[str, ...] = (), **private: bytes | None) -> Tx:
    return Tx("t", private=private, purges=purges)


def guard(*keys: str) -> Tx:
    """Return a transaction that changes the metadata of private keys, and so their versions."""
    return Tx("t", private_guards=keys)


async def commit(ledger: Ledger, *transactions: tuple[Tx, bool]) -> None:
    """Commit a block of transactions, of which this peer has the private sets or not."""
    committable = Chain().committable(ledger, *(each for each, _ in transactions))
    sets = {
        index: results
        for index, results in committable.private.items()
        if transactions[index][1] is HELD
    }
    names = [f"{ledger.height}-{index}" for index in range(len(transactions))]
    await ledger.commit(replace(committable, private=sets, transaction_ids=names))


def told(ledger: Ledger, start: str = "", end: str = "") -> Rows | Version | None:
    """Return a range as a chaincode is told it, or the version of what is missing."""
    simulator = ledger.simulator("query")
    try:
        rows = simulator.range_private("basic", "coll", start, end).rest()
    except PrivateDataUnavailableError as error:
        assert simulator.missed_private_value
        return error.hash_version
    return dict(rows)


Block = list[tuple[Tx, bool]]

OLD: Block = [(tx(p=b"old", q=b"stays"), HELD)]


@pytest.mark.parametrize(
    ("blocks", "expected"),
    [
        pytest.param([OLD, [(tx(p=b"new"), MISSING)]], Version(1, 0), id="a value is missing"),
        pytest.param(
            [OLD, [(tx(p=b"lost"), MISSING)], [(tx(p=b"new"), HELD)]],
            {"p": b"new", "q": b"stays"},
            id="a later set replaced what is missing",
        ),
        pytest.param(
            [OLD, [(tx(p=b"lost", r=b"lost"), MISSING)], [(tx(p=b"new"), HELD)]],
            Version(1, 0),
            id="a later set replaced a part of it",
        ),
        pytest.param(
            [OLD, [(tx(p=b"lost"), MISSING)], [(tx(p=b"lost too"), MISSING)]],
            Version(2, 0),
            id="what replaced it is missing, too",
        ),
        pytest.param(
            [OLD, [(tx(p=b"lost"), MISSING), (tx(p=b"new"), HELD)]],
            {"p": b"new", "q": b"stays"},
            id="a later set of the same block replaced it",
        ),
        pytest.param(
            [OLD, [(tx(p=None), MISSING)]],
            {"q": b"stays"},
            id="what is missing deleted a key, whose old value is here",
        ),
        pytest.param(
            [OLD, [(tx(r=b"lost"), MISSING)], [(tx(r=None), MISSING)]],
            {"p": b"old", "q": b"stays"},
            id="what is missing was deleted",
        ),
        pytest.param(
            [OLD, [(tx(r=b"lost"), MISSING)], [(tx(("r",), r=None), MISSING)]],
            {"p": b"old", "q": b"stays"},
            id="what is missing was purged",
        ),
        pytest.param(
            [OLD, [(tx(p=b"lost"), MISSING)], [(guard("p"), HELD)]],
            Version(1, 0),
            id="a later set changed the metadata of what is missing",
        ),
        pytest.param(
            [OLD, [(tx(p=b"lost"), MISSING), (guard("p"), HELD), (guard("p"), HELD)]],
            Version(1, 0),
            id="later sets of the same block changed the metadata of what is missing",
        ),
        pytest.param(
            [OLD, [(tx(p=b"lost"), MISSING)], [(guard("p"), HELD)], [(tx(p=b"new"), HELD)]],
            {"p": b"new", "q": b"stays"},
            id="what is missing was replaced after its metadata were changed",
        ),
        pytest.param(
            [OLD, [(guard("p"), MISSING)], [(guard("p"), HELD)]],
            {"p": b"old", "q": b"stays"},
            id="what is missing changed metadata which were changed again",
        ),
        pytest.param(
            [OLD, [(tx(p=b"new"), HELD), (guard("p"), MISSING)]],
            Version(1, 1),
            id="what is missing changed metadata of a value of its block",
        ),
        pytest.param(
            [OLD, [(tx(p=b"new"), HELD), (guard("p"), MISSING)], [(guard("p"), HELD)]],
            {"p": b"new", "q": b"stays"},
            id="what is missing changed metadata of a value of its block, and they changed again",
        ),
    ],
)
async def test_a_range_is_told_unless_a_missing_set_has_a_current_value(
    ledger: Ledger, blocks: list[Block], expected: Rows | Version
) -> None:
    for block in blocks:
        await commit(ledger, *block)
    assert told(ledger) == expected


async def test_a_range_is_refused_wherever_it_begins_since_a_hash_does_not_tell_its_key(
    ledger: Ledger,
) -> None:
    await commit(ledger, *OLD)
    await commit(ledger, (tx(r=b"lost"), MISSING))
    assert told(ledger, "a", "b") == Version(1, 0)


async def test_a_record_without_keys_keeps_its_range_from_being_told(
    ledger: Ledger, store: MemoryStore
) -> None:
    """Written by a node of before; what it lacks may be current."""
    await commit(ledger, (tx(p=b"lost"), MISSING))
    await commit(ledger, (tx(p=b"new"), HELD))
    assert told(ledger) == {"p": b"new"}
    prefix = missing_prefix("basic", "coll")
    ((key, record),) = store.range(prefix, prefix + b"\xff")
    store.write({key: set_hash(record)})
    assert told(ledger) == Version(0, 0)


async def promised(ledger: Ledger, store: MemoryStore) -> PrivateSetId:
    """Have the value of a private key promised, as a snapshot does."""
    await commit(ledger, (tx(p=b"lost"), MISSING))
    prefix = missing_prefix("basic", "coll")
    ((key, _),) = store.range(prefix, prefix + b"\xff")
    store.write({key: None})
    set_id = PrivateSetId(Version(0, 0), "basic", "coll")
    store.write(promise_entries(set_id, sha256(b"p"), sha256(b"lost")))
    return set_id


async def test_a_promise_from_before_a_snapshot_counts_while_its_value_is_current(
    ledger: Ledger, store: MemoryStore
) -> None:
    await promised(ledger, store)
    assert told(ledger) == Version(0, 0)
    await commit(ledger, (tx(p=b"new"), HELD))
    assert told(ledger) == {"p": b"new"}


async def test_a_promise_is_kept_after_the_metadata_of_its_key_were_changed(
    ledger: Ledger, store: MemoryStore
) -> None:
    set_id = await promised(ledger, store)
    await commit(ledger, (guard("p"), HELD))
    assert told(ledger) == Version(0, 0)
    assert ledger.commit_missing(set_id, tx(p=b"lost").private_set())
    assert told(ledger) == {"p": b"lost"}
    assert ledger.simulator("query").get_private("basic", "coll", "p") == b"lost"


@pytest.mark.parametrize("looks", [3, 7])
async def test_no_more_than_so_many_records_and_keys_are_looked_at(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch, looks: int
) -> None:
    monkeypatch.setattr("tallystick.node.ledger.missing_sets._MOST_LOOKS", looks)
    for _ in range(2):
        await commit(ledger, (tx(p=b"lost", q=b"lost"), MISSING))
    await commit(ledger, (tx(p=b"new", q=b"new"), HELD))
    await commit(ledger, (guard("r"), MISSING))
    expected = {"p": b"new", "q": b"new"} if looks == 7 else Version(1, 0)
    assert told(ledger) == expected


def by_chance(random: Random) -> Tx:
    """Return a transaction that writes, deletes or purges a few of a few keys, or guards one."""
    if random.random() < 0.2:
        return guard(random.choice("pqrs"))
    private = {
        key: random.choice([None, random.randbytes(4)]) for key in random.sample("pqrs", k=2)
    }
    purges = tuple(key for key, value in private.items() if value is None and random.random() < 0.3)
    return Tx("t", private=private, purges=purges)


@pytest.mark.parametrize("seed", range(6))
async def test_what_is_told_is_what_a_peer_with_all_sets_tells(
    ledger: Ledger, tmp_path: Path, seed: int
) -> None:
    random = Random(seed)
    answers = set()
    with closing(Ledger.open(tmp_path / "whole", MemoryStore())) as whole:
        for _ in range(16):
            transactions = [by_chance(random) for _ in range(random.choice([1, 2]))]
            held = [random.random() < 0.7 for _ in transactions]
            await commit(ledger, *zip(transactions, held, strict=True))
            await commit(whole, *((each, HELD) for each in transactions))
            everything = told(whole)
            assert isinstance(everything, dict)
            is_whole = all(
                ledger.state.get_private("basic", "coll", key)
                == whole.state.get_private("basic", "coll", key)
                for key in everything
            )
            answer = told(ledger)
            assert answer == everything if is_whole else isinstance(answer, Version)
            answers.add(is_whole)
    assert answers == {True, False}
