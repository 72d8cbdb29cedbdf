"""Who held what when: record dates, on demand and scheduled, to the second."""

from collections import Counter
from datetime import timedelta

import pytest
from pydantic import JsonValue
from tests.unit.contracts.refusals.record_dates import schedule, split, take
from tests.unit.contracts.refusals.scenarios import approve

from tallystick.chaincode import Refusal, split_composite_key
from tallystick.chaincode.testing.stub import MemoryStub
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.participants import Participant
from tallystick.contracts.register.record_dates import RecordPage, SealedRecord
from tallystick.contracts.statements import SubAccountOpened, UnitsHeld
from tallystick.contracts.testing import Market

TOKEN = Chaincode.TOKEN
A_DAY = timedelta(days=1)
A_SECOND = timedelta(seconds=1)


def held_at(market: Market, name: str, *holders: str) -> list[int]:
    names: list[JsonValue] = list(holders)
    return market.evaluate(TOKEN, "positions_of_at", "ACME", name, names).load(list[int])


def page_at(market: Market, name: str, *arguments: int | str) -> RecordPage:
    return market.evaluate(TOKEN, "positions_at", "ACME", name, *arguments).load(RecordPage)


def supply_at(market: Market, name: str) -> int:
    return market.evaluate(TOKEN, "supply_at", "ACME", name).load(int)


def test_a_record_date_on_demand_fixes_who_holds_what(market: Market) -> None:
    """F148."""
    take(market)
    market.transfer("alice", "bob", 400)
    market.issue("bob", 5)
    assert held_at(market, "r-1", "alice", "bob") == [1000, 0]
    assert supply_at(market, "r-1") == 1000
    assert (market.units("alice"), market.units("bob")) == (600, 405)


@pytest.mark.parametrize(
    ("early", "held"),
    [pytest.param(A_SECOND, 600, id="a second before"), pytest.param(0 * A_DAY, 1000, id="then")],
)
def test_a_scheduled_record_date_counts_what_was_done_before_its_second(
    market: Market, early: timedelta, held: int
) -> None:
    """F149."""
    schedule(market)
    market.ledger.advance(A_DAY - early)
    market.transfer("alice", "bob", 400)
    market.ledger.advance(A_DAY)
    market.submit(Participant.BANK, TOKEN, "seal_record_dates", "ACME")
    assert held_at(market, "r-1", "alice") == [held]


def test_the_first_movement_after_its_moment_seals_a_record_date(market: Market) -> None:
    """F149."""
    schedule(market)
    market.ledger.advance(A_DAY)
    market.transfer("alice", "bob", 400)
    sealed = market.evaluate(TOKEN, "record_date", "ACME", "r-1").load(SealedRecord)
    assert (sealed.turn, sealed.at) == (1, sealed.sealed_at)


def test_a_cancelled_record_date_never_comes(market: Market) -> None:
    schedule(market)
    market.submit(Participant.TRANSFER_AGENT, TOKEN, "cancel_record_date", "ACME", "r-1")
    market.ledger.advance(A_DAY)
    market.transfer("alice", "bob", 1)
    with pytest.raises(Refusal, match="RECORD_DATE_UNKNOWN"):
        supply_at(market, "r-1")


def test_record_dates_that_are_due_together_are_sealed_in_their_order(market: Market) -> None:
    schedule(market, "late", 2 * A_DAY)
    schedule(market, "early", A_DAY)
    market.ledger.advance(3 * A_DAY)
    sealed = market.submit(Participant.BANK, TOKEN, "seal_record_dates", "ACME")
    assert sealed.load(tuple[str, ...]) == ("early", "late")


def test_who_left_and_came_back_held_nothing_in_between(market: Market) -> None:
    take(market, "with")
    market.transfer("alice", "bob", 1000)
    take(market, "without")
    market.transfer("bob", "alice", 300)
    take(market, "again")
    market.transfer("bob", "alice", 100)
    held = [held_at(market, name, "alice", "bob") for name in ("with", "without", "again")]
    assert held == [[1000, 0], [0, 1000], [300, 700]]


def test_units_that_wait_or_are_allowed_or_frozen_count_for_their_holder(market: Market) -> None:
    """SS-59, W2: approving, holding and escrowing change nothing of a holder's rights."""
    approve(market, 100)
    hold = UnitsHeld(
        security="ACME",
        holder="alice",
        hold="h-1",
        quantity=200,
        notary=Participant.CLEARING,
        receiver="bob",
        expires_at=market.after(A_DAY),
    )
    market.submit(Participant.BROKER_DEALER, TOKEN, "place_hold", hold)
    market.submit(
        Participant.TRANSFER_AGENT, TOKEN, "freeze_units", "ACME", "alice", 300, "a court"
    )
    terms = market.terms(quantity=50)
    market.agree(terms)
    market.lock()
    take(market)
    assert held_at(market, "r-1", "alice", "bob") == [1000, 0]
    market.settle()
    assert held_at(market, "r-1", "alice", "bob") == [1000, 0]
    assert market.units("bob") == 50


def test_each_line_of_a_person_has_what_it_held(market: Market) -> None:
    """SS-59: an intermediary's own line and its clients' are told apart."""
    opened = SubAccountOpened(identity="alice", account="alice.clients")
    intent = market.sign("alice", opened)
    market.submit(Participant.BROKER_DEALER, Chaincode.IDENTITY, "open_sub_account", opened, intent)
    market.transfer("alice", "alice.clients", 600)
    take(market)
    assert held_at(market, "r-1", "alice", "alice.clients") == [400, 600]


def test_pages_have_everybody_who_held_something_once(market: Market) -> None:
    market.onboard("carol", "dave", "erin")
    for holder, quantity in (("bob", 10), ("carol", 20), ("dave", 30)):
        market.transfer("alice", holder, quantity)
    take(market)
    market.transfer("bob", "erin", 10)
    market.transfer("carol", "erin", 5)
    first = page_at(market, "r-1", 3)
    second = page_at(market, "r-1", 3, first.bookmark)
    lines = [(each.holder, each.quantity) for each in (*first.lines, *second.lines)]
    assert lines == [("alice", 940), ("bob", 10), ("carol", 20), ("dave", 30)]
    assert (first.bookmark, second.bookmark) == ("dave", "")
    assert sum(quantity for _, quantity in lines) == supply_at(market, "r-1")


def test_a_record_is_in_the_units_of_then(market: Market) -> None:
    take(market, "before")
    split(market, 3)
    take(market, "after")
    market.transfer("alice", "bob", 30)
    assert [held_at(market, name, "alice") for name in ("before", "after")] == [[1000], [3000]]
    assert [supply_at(market, name) for name in ("before", "after")] == [1000, 3000]


def test_a_transfer_reads_no_further_row_and_writes_one_once(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F148: what a record date costs those who trade."""
    counted: dict[str, Counter[str]] = {"get_state": Counter(), "put_state": Counter()}

    def counting(name: str) -> None:
        original = getattr(MemoryStub, name)

        def called(stub: MemoryStub, key: str, *rest: bytes) -> object:
            counted[name][split_composite_key(key)[0]] += 1
            return original(stub, key, *rest)

        monkeypatch.setattr(MemoryStub, name, called)

    def rows_of_a_transfer() -> tuple[Counter[str], Counter[str]]:
        for each in counted.values():
            each.clear()
        market.transfer("alice", "bob", 1)
        return Counter(counted["get_state"]), Counter(counted["put_state"])

    market.transfer("alice", "bob", 1)
    counting("get_state")
    counting("put_state")
    reads, writes = rows_of_a_transfer()
    take(market)
    first_reads, first_writes = rows_of_a_transfer()
    later = rows_of_a_transfer()
    assert (first_reads, later) == (reads, (reads, writes))
    assert first_writes - writes == {"recorded": 4}  # both sides; the ledger runs it twice
