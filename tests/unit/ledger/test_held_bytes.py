"""What a peer keeps in memory for one simulation has a limit, whichever way it grows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.scenarios.outcome import Outcome, State

from tallystick.node.ledger import held_bytes, range_query
from tallystick.node.ledger.held_bytes import SimulationTooLargeError
from tallystick.node.ledger.memory import MemoryStore
from tallystick.node.ledger.range_query import BatchTooLargeError
from tallystick.node.ledger.simulator import Simulator
from tallystick.node.ledger.state import LedgerState, UpdateBatch, state_entries
from tallystick.node.ledger.version import Version

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tallystick.protos.ledger.queryresult.kv_query_result_pb2 import KeyModification

LIMIT = 10_000


class NoHistory:
    def modifications(self, _namespace: str, _key: str) -> Iterator[KeyModification]:
        return iter(())


@pytest.fixture
def store() -> MemoryStore:
    store, updates = MemoryStore(), UpdateBatch()
    for number in range(20):
        updates.put("cc", f"row{number:02}", bytes(1000), Version(1, 0))
    store.write(state_entries(updates))
    return store


@pytest.fixture
def simulator(store: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> Simulator:
    monkeypatch.setattr(held_bytes, "MAX_HELD_BYTES", LIMIT)
    return Simulator(LedgerState(store), NoHistory(), "t1")


@pytest.mark.parametrize(
    "do",
    [
        pytest.param(lambda s, n: s.get_state("cc", f"absent{n}"), id="keys that are not there"),
        pytest.param(lambda s, n: s.get_state("cc", f"row{n % 20:02}"), id="values read"),
        pytest.param(lambda s, n: s.put_state("cc", "k", bytes(n)), id="values written"),
        pytest.param(
            lambda s, n: s.put_state(f"cc{n % 3}", f"{n}", b"v"), id="in several chaincodes"
        ),
        pytest.param(lambda s, n: s.delete_state("cc", f"{n}"), id="keys deleted"),
        pytest.param(lambda s, n: s.put_state_metadata("cc", f"{n}", {"m": b"v"}), id="metadata"),
        pytest.param(lambda s, _: s.range("cc", "a", "b"), id="ranges without rows"),
        pytest.param(lambda s, _: s.range("cc", "", "").rest(), id="rows of ranges"),
        pytest.param(lambda s, _: s.range_page("cc", "", "", 5), id="pages of ranges"),
        pytest.param(lambda s, n: s.put_private("cc", "c", f"{n}", b"v"), id="private values"),
        pytest.param(lambda s, n: s.get_private("cc", "c", f"{n}"), id="private reads"),
        pytest.param(lambda s, n: s.get_private_hash("cc", "c", f"{n}"), id="hashes read"),
        pytest.param(lambda s, n: s.purge_private("cc", "c", f"{n}"), id="purges"),
    ],
)
def test_a_simulation_without_end_is_refused(
    outcome: Outcome,
    store: MemoryStore,
    simulator: Simulator,
    do: Callable[[Simulator, int], object],
) -> None:
    def do_without_end() -> None:
        for number in range(1000):
            do(simulator, number)

    with outcome.refuses(
        SimulationTooLargeError,
        leaves=State("what is committed is as it was", lambda: dict(store.range(b"", b""))),
        match="t1 reads and writes more than 10000 bytes",
    ):
        do_without_end()
    with outcome.refuses(
        SimulationTooLargeError,
        leaves=State("what is committed is as it was", lambda: dict(store.range(b"", b""))),
    ):  # nor is it endorsed as far as it went
        simulator.done()


def test_a_value_read_again_weighs_nothing(simulator: Simulator) -> None:
    for _ in range(1000):
        assert simulator.get_state("cc", "row01") == bytes(1000)


def test_rows_that_fill_a_message_cannot_be_read_at_a_time(
    outcome: Outcome, store: MemoryStore, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(range_query, "MAX_BATCH_BYTES", 5_100)

    with outcome.refuses(
        BatchTooLargeError,
        leaves=State("what is committed is as it was", lambda: dict(store.range(b"", b""))),
        match="more than 5100 bytes",
    ):
        simulator.range("cc", "", "").next_batch()
    assert len(simulator.range("cc", "row00", "row05").next_batch().rows) == 5
