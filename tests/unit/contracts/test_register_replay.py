"""The register rebuilt from events: every row of it; and what does not agree is found."""

import json
from collections import Counter
from datetime import timedelta

import pytest
from tests.unit.contracts.listening import ListeningMarket
from tests.unit.contracts.refusals.custody import agree, distribute, open_custody
from tests.unit.contracts.refusals.scenarios import approve, draw

from tallystick.chaincode import composite_key
from tallystick.chaincode.events import EventRecord
from tallystick.contracts import events
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.custody.models import Cover, CustodyEnding
from tallystick.contracts.events import (
    EVENT_TYPES,
    Basis,
    CustodyAgreed,
    LedgerEvent,
    RefusalRecorded,
    UnitsTransferred,
    read_event,
)
from tallystick.contracts.lots import Dates
from tallystick.contracts.participants import Participant
from tallystick.contracts.replay import (
    REGISTER_EVENTS,
    Register,
    count_differences,
    differences,
    miscounted,
)
from tallystick.contracts.replay.lineage import Movement, lineage
from tallystick.contracts.statements import CustodyEnded
from tallystick.contracts.testing import EVIDENCE

TOKEN = Chaincode.TOKEN
AGENT = Participant.TRANSFER_AGENT
ALICE = composite_key("position", "ACME", "alice")


@pytest.fixture
def market() -> ListeningMarket:
    market = ListeningMarket()
    market.open()
    market.onboard("alice", "bob")
    market.issue("alice", 1000)
    return market


def replayed(market: ListeningMarket, *, without: type[LedgerEvent] | None = None) -> Register:
    """Return the register as the events tell it, one kind of them kept back."""
    register = Register()
    for outcome, moment in market.take_outcomes():
        events = [read_event(record) for record in outcome.events]
        told = [each for each in events if each is not None and type(each) is not without]
        register.apply(told, moment)
    return register


def rows(market: ListeningMarket) -> dict[str, bytes]:
    return market.ledger.world.rows_of(TOKEN).values


def test_every_event_of_the_token_contract_changes_a_row() -> None:
    """SS-19, W1."""
    kinds = {event for kind, event in EVENT_TYPES.items() if kind.startswith("token.")}
    # Nothing is decided by records of refusals; what is folded adds up to the same.
    evidence = {RefusalRecorded, events.ChangesFolded}
    private = {CustodyAgreed, events.CustodyEnded}  # who the client is, no event tells
    assert kinds - evidence - private == REGISTER_EVENTS


def test_events_rebuild_every_row_after_every_kind_of_act(market: ListeningMarket) -> None:
    """SS-17, SS-18, SS-19, W1, F174: supplies are the sums of holdings, too."""
    for act in (
        lambda: market.submit(AGENT, TOKEN, "pause", "ACME", "news"),
        lambda: market.submit(AGENT, TOKEN, "resume", "ACME"),
        lambda: market.submit(AGENT, TOKEN, "freeze", "ACME", "bob", "a court"),
        lambda: market.submit(AGENT, TOKEN, "freeze_units", "ACME", "alice", 7, "a court"),
        lambda: market.submit(AGENT, TOKEN, "unfreeze", "ACME", "bob"),
        lambda: approve(market, 5),
        lambda: draw(market, 2),
        lambda: open_custody(market),
        lambda: insure(market),
        lambda: agree(market),
        lambda: distribute(market),
        lambda: let_go(market),
        lambda: market.deposit("bob", 500),
        lambda: market.agree(market.terms()),
        market.lock,
    ):
        act()
        market.ledger.advance(timedelta(minutes=1))
    register = replayed(market)
    assert {key.split("\0")[1] for key in register.rows} >= {"security", "position", "allowance"}
    assert differences(register.rows, rows(market).items()) == []
    assert list(count_differences(register.positions, rows(market).items())) == []
    assert list(miscounted(register.rows, rows(market).items())) == []


def test_two_readers_of_the_same_events_tell_the_same_holders(market: ListeningMarket) -> None:
    """SS-20: one into rows like the register's, one that only adds up what moved."""
    market.transfer("alice", "bob", 250)
    market.submit(AGENT, TOKEN, "redeem", "ACME", "bob", 50, EVIDENCE)
    records = [record for outcome, _ in market.outcomes for record in outcome.events]
    moved: Counter[str | None] = Counter()
    for data in (json.loads(each.model_dump_json())["data"] for each in records if is_move(each)):
        moved.update({data["receiver"]: data["quantity"], data["sender"]: -data["quantity"]})
    positions = replayed(market).positions.by_account
    assert {account.holder: each.quantity for account, each in positions.items()} == {
        holder: quantity for holder, quantity in moved.items() if holder is not None
    }
    assert moved == {"alice": 750, "bob": 200, None: -950}


def is_move(record: EventRecord) -> bool:
    return (record.type, record.version) == ("token.Transferred", 2)


def insure(market: ListeningMarket) -> None:
    cover = Cover(
        insurer="Lloyd",
        policy_hash="0" * 64,
        currency="USD",
        limit=1,
        valid_from=market.after(timedelta(0)),
        valid_until=market.after(timedelta(days=1)),
    )
    broker = Participant.BROKER_DEALER
    market.submit(Participant.REGULATOR, TOKEN, "record_cover", broker, cover)


def let_go(market: ListeningMarket) -> None:
    broker = Participant.BROKER_DEALER
    ended = CustodyEnded(custodian=broker, client="bob")
    market.submit(broker, TOKEN, "end_custody", ending=CustodyEnding(ended=ended))


# --- what does not agree ---


def test_a_row_that_no_event_explains_is_found(market: ListeningMarket) -> None:
    register = replayed(market)
    altered = rows(market)[ALICE].replace(b"1000", b"1001")
    (found,) = differences(register.rows, (rows(market) | {ALICE: altered}).items())
    assert found.place == ("position", "ACME", "alice")
    assert (found.told, found.held) == (rows(market)[ALICE], altered)


def test_a_row_that_has_gone_missing_is_found(market: ListeningMarket) -> None:
    register = replayed(market)
    left = [(key, value) for key, value in rows(market).items() if key != ALICE]
    assert [each.held for each in differences(register.rows, left)] == [None]


def test_persons_that_are_counted_otherwise_are_found(market: ListeningMarket) -> None:
    register = replayed(market)
    assert list(miscounted(register.rows, rows(market).items())) == []
    uncounted = [each for each in rows(market).items() if not each[0].startswith("\0persons")]
    assert list(miscounted(register.rows, uncounted)) == ["ACME"]


def test_an_event_that_was_kept_back_is_found(market: ListeningMarket) -> None:
    register = replayed(market, without=UnitsTransferred)
    assert [each.told for each in differences(register.rows, rows(market).items())] == [None]
    assert [each.place for each in count_differences(register.positions, rows(market).items())] == [
        ("holders", "ACME"),
        ("supply", "ACME"),
    ]


# --- where units come from ---


def test_lineage_leaves_out_what_was_given_away_before_and_received_after() -> None:
    """SS-108."""
    moves = [
        moved(1, None, "alice"),
        moved(2, None, "carol"),
        moved(3, "alice", "bob"),
        moved(4, "carol", "alice"),
        moved(5, "bob", None),
    ]
    assert [each.block_number for each in lineage(moves, "bob")] == [3, 1]
    assert [each.block_number for each in lineage(moves, "alice")] == [4, 2, 1]
    assert list(lineage(moves, "dora")) == []


def moved(block_number: int, sender: str | None, receiver: str | None) -> Movement:
    event = UnitsTransferred(
        security="ACME",
        sender=sender,
        receiver=receiver,
        quantity=1,
        basis=Basis.TRANSFER,
        hold=None,
        freed=0,
        actor=AGENT,
        lots=(),
        day="2026-03-02",
        dates=Dates.KEPT,
        document_hash=None,
    )
    return Movement(block_number, f"transaction-{block_number}", event)
