"""A simulation sees one height of the ledger, however long it takes."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from tallystick.node.ledger.key_value_store import StoreKind, open_store
from tallystick.node.ledger.ledger import Ledger

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.unit.ledger.conftest import Chain


@pytest.fixture(params=["leveldb", "sqlite", "memory"])
def ledger(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Ledger]:
    kind: StoreKind = request.param
    with (
        open_store(kind, tmp_path / "store") as store,
        closing(Ledger.open(tmp_path / "blocks", store)) as opened,
    ):
        yield opened


async def test_a_commit_between_two_reads_does_not_tear_a_simulation(
    ledger: Ledger, chain: Chain
) -> None:
    await ledger.commit(chain.config(ledger))
    before = {"a": b"1", "b": b"2"}
    await ledger.commit(chain.committable(ledger, chain.transaction("t1", before)))
    simulator = ledger.simulator("t2")
    assert simulator.get_state("basic", "a") == b"1"

    after = {"a": b"3", "b": b"0", "c": b"4"}
    await ledger.commit(chain.committable(ledger, chain.transaction("t3", after)))
    await ledger.commit(chain.committable(ledger, chain.transaction("t4", {"b": None})))

    assert simulator.get_state("basic", "b") == b"2"
    assert simulator.range("basic", "", "").next_batch().rows == [("a", b"1"), ("b", b"2")]
    assert simulator.range("basic", "a", "b").next_batch().rows == [("a", b"1")]
    assert [change.tx_id for change in simulator.history("basic", "b")] == ["t1"]
    later = ledger.simulator("t5")
    assert (later.get_state("basic", "a"), later.get_state("basic", "b")) == (b"3", None)
