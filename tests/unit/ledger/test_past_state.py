"""What keys held at an earlier block, from the blocks (wire.md §12, §13)."""

from contextlib import closing
from pathlib import Path

from tests.unit.ledger.conftest import Chain, Tx

from tallystick.node.ledger.ledger import Ledger
from tallystick.node.ledger.memory import MemoryStore
from tallystick.node.ledger.past_state import PastState
from tallystick.node.ledger.state import VersionedValue
from tallystick.node.ledger.version import Version
from tallystick.wire.hashing import sha256

MVCC_READ_CONFLICT = 11
P, Q = sha256(b"p"), sha256(b"q")


async def test_the_past_is_what_the_ledger_held_then(tmp_path: Path, chain: Chain) -> None:
    past = PastState({"basic": {"a", P}}, lambda *_: 1)
    everything = PastState({"basic": None})
    with closing(Ledger.open(tmp_path, MemoryStore())) as ledger:
        rounds = [
            [Tx("t0", {"a": b"1", "b": b"1"}, private={"p": b"1", "q": b"1"})],
            [Tx("t1", {"a": b"2"}, code=MVCC_READ_CONFLICT), Tx("t2", {"b": None})],
            [Tx("t3", {"a": None, "c": b"1"})],
        ]
        for transactions in rounds:
            number = ledger.height
            await ledger.commit(chain.committable(ledger, *transactions))
            for state in (past, everything):
                state.apply(ledger.block(number))
            for key in "abc":
                assert everything.get("basic", key) == ledger.state.get("basic", key)
            assert past.get("basic", "a") == ledger.state.get("basic", "a")
            assert past.get("basic", "b") is None, "nobody asked for it"
            hashed = ledger.state.get_hash("basic", "coll", P)
            assert everything.get_hash("basic", "coll", P) == hashed
            assert past.get_hash("basic", "coll", Q) is None
            assert past.get_hash("basic", "coll", P) == (hashed if number < 2 else None)
        assert everything.get_hash("basic", "coll", P) == VersionedValue(
            sha256(b"1"), Version(0, 0)
        )
        assert [key for key, _ in everything.range("basic", "", "")] == ["c"]
        assert everything.get_private("basic", "coll", "p") is None
        assert not list(everything.range_private("basic", "coll", "", ""))
