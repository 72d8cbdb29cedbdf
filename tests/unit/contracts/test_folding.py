"""Rows of changes become fewer, and add up to the same."""

from functools import partial

import pytest
from tests.unit.contracts.acts import refused
from tests.unit.contracts.listening import ListeningMarket
from tests.unit.contracts.register_acts import TOKEN, as_agent

from tallystick.chaincode.testing.stub import MemoryStub
from tallystick.contracts.compliance.counts import HolderCounts
from tallystick.contracts.events import read_event
from tallystick.contracts.register.folding import ChangeRow, Count
from tallystick.contracts.replay import Register, count_differences, differences, miscounted
from tallystick.contracts.testing import EVIDENCE, Market


@pytest.fixture
def busy() -> ListeningMarket:
    """Units have come and gone, and so have holders."""
    market = ListeningMarket()
    market.open()
    market.onboard("alice", "bob")
    market.issue("alice", 1000)
    for _ in range(3):
        market.transfer("alice", "bob", 10)
        market.transfer("bob", "alice", 10)
        as_agent(market, "redeem", "ACME", "alice", 5, EVIDENCE)
    return market


def changes(market: Market, count: Count) -> tuple[ChangeRow, ...]:
    return market.evaluate(TOKEN, "changes", "ACME", count).load(tuple[ChangeRow, ...])


def counts(market: Market) -> tuple[int, int, HolderCounts]:
    answers = [
        market.evaluate(TOKEN, each, "ACME") for each in ("supply", "holder_count", "holder_counts")
    ]
    supply, holders, persons = answers
    return supply.load(int), holders.load(int), persons.load(HolderCounts)


@pytest.mark.parametrize(("count", "before"), [("supply", 4), ("holders", 7), ("persons", 7)])
def test_many_rows_become_one_and_no_count_changes(
    count: str, before: int, busy: ListeningMarket
) -> None:
    """SS-112, W25: and what events tell still is what the state holds."""
    kind, counted = Count(count), counts(busy)
    rows = changes(busy, kind)
    assert len(rows) == before

    as_agent(busy, "fold_changes", "ACME", kind, list(rows))

    assert (len(changes(busy, kind)), counts(busy)) == (1, counted)
    register = Register()
    for outcome, moment in busy.take_outcomes():
        told = [read_event(record) for record in outcome.events]
        register.apply([each for each in told if each is not None], moment)
    held = busy.ledger.world.rows_of(TOKEN).values
    assert differences(register.rows, held.items()) == []
    assert list(count_differences(register.positions, held.items())) == []
    assert list(miscounted(register.rows, held.items())) == []


def test_changes_that_cancel_out_leave_no_row(busy: ListeningMarket) -> None:
    rows = changes(busy, Count.HOLDERS)
    of_bob = [each for each in rows if each.whose == "bob"]
    as_agent(busy, "fold_changes", "ACME", "holders", of_bob)
    assert len(changes(busy, Count.HOLDERS)) == 1


def test_a_row_is_folded_once(busy: ListeningMarket) -> None:
    rows = changes(busy, Count.SUPPLY)
    fold = partial(as_agent, busy, "fold_changes", "ACME", "supply")
    assert refused(fold, [rows[0], rows[0]]) == "CHANGE_UNKNOWN"
    fold(list(rows))
    assert refused(fold, list(rows)) == "CHANGE_UNKNOWN"


def test_folding_reads_no_range_that_a_change_could_fall_into(
    busy: ListeningMarket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SS-112: else every issue and transfer meanwhile would invalidate it, or it them."""
    rows = changes(busy, Count.PERSONS)

    def scanned(_: MemoryStub, start: str, end: str) -> None:
        raise AssertionError(f"scanned from {start!r} to {end!r}")

    monkeypatch.setattr(MemoryStub, "get_state_range", scanned)
    outcome = as_agent(busy, "fold_changes", "ACME", "persons", list(rows))
    assert outcome.event_types == ("token.ChangesFolded",)
