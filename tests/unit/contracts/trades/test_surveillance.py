"""What those see who watch a venue: from the order to the settlement, oddities, and the barred."""

from datetime import timedelta

import pytest
from tests.unit.contracts.acts import refused
from tests.unit.contracts.trades.orders import an_order, filling, place
from tests.unit.contracts.trades.stage import SETTLEMENT, approve, mediated, settle_at_once

from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.participants import Participant
from tallystick.contracts.statements import ListUpdated, OrderSide, SubAccountOpened
from tallystick.contracts.surveillance.models import (
    Flag,
    Lineage,
    SurveillanceLine,
    SurveillancePage,
)
from tallystick.contracts.testing import KYC_HOUSE, Market
from tallystick.contracts.trades.terms import Order, TradeTerms

P = Participant


def lineage(market: Market, trade: str = "T-1") -> Lineage:
    return market.submit(P.REGULATOR, SETTLEMENT, "lineage", trade).load(Lineage)


def barred(market: Market) -> tuple[SurveillanceLine, ...]:
    outcome = market.submit(P.REGULATOR, SETTLEMENT, "barred_trades", P.ATS)
    return outcome.load(tuple[SurveillanceLine, ...])


def bar(market: Market, *identities: str, version: int = 1, cleared: tuple[str, ...] = ()) -> None:
    if version == 1:
        trusted = ("screening", KYC_HOUSE)
        market.submit(P.REGULATOR, Chaincode.IDENTITY, "trust_issuer", *trusted)
    updated = ListUpdated(
        issuer=KYC_HOUSE,
        list_name="sanctions",
        version=version,
        list_hash="0" * 64,
        added=identities,
        removed=cleared,
    )
    intent = market.sign(KYC_HOUSE, updated)
    market.submit(P.BROKER_DEALER, Chaincode.IDENTITY, "update_list", updated, intent)


def test_the_regulator_follows_a_trade_from_its_order_to_its_settlement(market: Market) -> None:
    """SS-54, SS-84, W22."""
    place(market, an_order(market))
    market.agree(filling(market).model_copy(update={"mediators": (P.BANK,)}))
    approve(market)
    market.lock()
    settled = market.settle()

    found = lineage(market)
    assert [each.statement.order for each in found.orders] == ["O-1"]
    assert found.orders[0].submitted_by == P.BROKER_DEALER
    assert [(each.side, each.party) for each in found.consents] == [
        ("buyer", "bob"),
        ("seller", "alice"),
    ]
    assert [each.mediator for each in found.approvals] == [P.BANK]
    assert [each.status for each in found.history] == ["proposed", "locked", "settled"]
    assert found.history[-1].transaction_id == settled.transaction_id
    assert found.terms.sell.order == "O-1"


def test_lineage_is_for_those_who_watch(market: Market) -> None:
    """SS-107."""
    market.propose(mediated(market))
    assert refused(market.submit, P.ISSUER, SETTLEMENT, "lineage", "T-1") == "LICENCE_MISSING"
    found = market.submit(P.ATS, SETTLEMENT, "lineage", "T-1").load(Lineage)
    assert found.line.trade.trade == "T-1"


@pytest.fixture
def self_trade(market: Market) -> TradeTerms:
    """alice buys from a sub-account of her own."""
    opened = SubAccountOpened(identity="alice", account="alice-2")
    intent = market.sign("alice", opened)
    market.submit(P.BROKER_DEALER, Chaincode.IDENTITY, "open_sub_account", opened, intent)
    return market.terms().model_copy(update={"buyer": "alice-2"})


def test_a_person_on_both_sides_is_flagged(market: Market, self_trade: TradeTerms) -> None:
    """SS-54, W22."""
    market.propose(self_trade)
    assert Flag.SELF_TRADE in lineage(market).line.flags
    market.propose(market.terms("T-2"))
    assert Flag.SELF_TRADE not in lineage(market, "T-2").line.flags


def test_the_feed_of_a_venue_flags_what_is_odd(market: Market, self_trade: TradeTerms) -> None:
    """SS-54, SS-55, W22."""
    market.propose(self_trade)
    dear = market.terms("T-2").model_copy(update={"best_offer": "49", "off_quote": "SIZE"})
    market.propose(dear)
    page = market.submit(P.REGULATOR, SETTLEMENT, "surveillance", P.ATS).load(SurveillancePage)
    assert {each.trade.trade: each.flags for each in page.lines} == {
        "T-1": (Flag.SELF_TRADE, Flag.ONE_BROKER),
        "T-2": (Flag.ONE_BROKER, Flag.OFF_QUOTE),
    }
    other = market.submit(P.REGULATOR, SETTLEMENT, "surveillance", "OtherMSP")
    assert other.load(SurveillancePage).lines == ()


@pytest.mark.parametrize(
    ("wait_s", "quantity", "odd"),
    [(60, 100, {Flag.PREARRANGED}), (61, 100, set()), (0, 101, set())],
    ids=["at once", "later", "another size"],
)
def test_mirrored_orders_placed_one_upon_the_other_are_flagged(
    wait_s: int, quantity: int, odd: set[Flag], market: Market
) -> None:
    """SS-54, W22."""
    place(market, an_order(market, quantity=100, limit="50"))
    market.ledger.advance(timedelta(seconds=wait_s))
    mirrored = an_order(
        market, "O-2", holder="bob", side=OrderSide.BUY, quantity=quantity, limit="50"
    )
    place(market, mirrored)
    buy = Order(order="O-2", broker=P.BROKER_DEALER, is_placed=True)
    market.propose(filling(market).model_copy(update={"price": "50", "amount": 5000, "buy": buy}))
    assert {Flag.PREARRANGED}.intersection(lineage(market).line.flags) == odd


@pytest.mark.parametrize("party", ["alice", "bob"])
def test_a_list_update_flags_trades_under_way_at_once_and_they_do_not_settle(
    party: str, market: Market
) -> None:
    """SS-39, W23."""
    for trade in ("T-1", "T-2"):
        market.agree(market.terms(trade))
    market.lock("T-1")
    market.agree(market.terms("T-3"))
    settle_at_once(market, "T-3")
    assert barred(market) == ()

    bar(market, party)
    found = barred(market)
    assert [each.trade.trade for each in found] == ["T-1", "T-2"]
    assert {finding.code for each in found for finding in each.findings} == {"IDENTITY_BARRED"}
    side = "SENDER" if party == "alice" else "RECEIVER"
    assert refused(market.settle, "T-1") == f"{side}_NOT_VERIFIED"
    assert refused(settle_at_once, market, "T-2") == f"{side}_NOT_VERIFIED"

    bar(market, version=2, cleared=(party,))
    assert barred(market) == ()
    market.settle("T-1")
