"""Locks of money as entries tell them: for one receiver, or for several."""

from datetime import timedelta

import pytest
from tests.unit.contracts.actions_stage import (
    dividend,
    enter,
    fund,
    record,
    sold_over_a_record_date,
)

from tallystick.chaincode.events import EventRecord
from tallystick.chaincode.testing import Outcome
from tallystick.contracts.book import Account, Hold, hold_key
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.confidential import SALT_SIZE
from tallystick.contracts.events import MoneyLocked, read_event
from tallystick.contracts.participants import Participant
from tallystick.contracts.readers import accounts_of
from tallystick.contracts.replay import Money, Occasion
from tallystick.contracts.testing import Market


@pytest.fixture
def market(market: Market) -> Market:
    return sold_over_a_record_date(market)


def told_and_held(market: Market, outcome: Outcome) -> tuple[Hold, Hold]:
    """Return a lock as its entry tells it, and as its row has it."""
    entries = ("entries", "USD", outcome.transaction_id)
    answer = market.submit(Participant.BANK, Chaincode.CASH, *entries)
    (entry,) = answer.load(tuple[EventRecord, ...])
    event = read_event(entry)
    assert isinstance(event, MoneyLocked)
    books = Money()
    books.apply([event], Occasion(outcome.transaction_id, market.after(timedelta(0))))

    key = hold_key(Account("USD", event.holder), event.lock)
    told = books.rows[key]
    assert isinstance(told, Hold)
    private = market.ledger.world.rows_of(Chaincode.CASH).private
    held = private[accounts_of(Participant.BANK), key][SALT_SIZE:]
    return told, Hold.model_validate_json(held)


def test_the_price_of_a_trade_waits_for_its_seller(market: Market) -> None:
    """SS-109."""
    market.agree(market.terms("T-2"))
    told, held = told_and_held(market, market.lock("T-2"))
    assert told == held
    assert held.receiver == "alice"


def test_a_dividend_waits_for_all_who_held(market: Market) -> None:
    """SS-109: its entry names the payer, and its row nobody."""
    record(market, dividend(market))
    enter(market, "alice")
    told, held = told_and_held(market, fund(market, 5000))
    assert told == held
    assert held.receiver is None
