"""Delivery versus payment: what the steps of a trade do to units and money."""

from datetime import timedelta

import pytest

from tallystick.chaincode import Refusal
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.participants import Participant
from tallystick.contracts.register.models import Holding
from tallystick.contracts.statements import Side
from tallystick.contracts.testing import Market
from tallystick.contracts.trades.models import Status, TradePage, TradeView

SETTLEMENT = Chaincode.SETTLEMENT
A_DAY = timedelta(days=1)


def view(market: Market, trade: str = "T-1") -> TradeView:
    return market.evaluate(SETTLEMENT, "trade", trade).load(TradeView)


def holdings(market: Market) -> tuple[int, int, int, int]:
    """Return the units of alice and bob, then their money."""
    return market.units("alice"), market.units("bob"), market.money("alice"), market.money("bob")


BEFORE = (1000, 0, 0, 50_000)
SETTLED = (990, 10, 500, 49_500)


# --- delivery versus payment ---


def test_both_legs_change_hands_in_one_transaction(market: Market) -> None:
    """SS-87, SS-90, SS-103, F123."""
    market.agree(market.terms())
    market.lock()
    assert holdings(market) == BEFORE  # the owner stays on the register while locked: SS-86

    outcome = market.settle()

    assert holdings(market) == SETTLED
    assert outcome.event_types == (
        "token.Transferred",
        "token.HolderCounted",
        "cash.EntryMade",
        "settlement.TradeSettled",
    )


def test_a_trade_remembers_every_step(market: Market) -> None:
    """SS-82, SS-84."""
    market.agree(market.terms())
    market.lock()
    market.settle()

    trade = view(market)

    assert trade.consents == ("buyer", "seller")
    assert [change.status for change in trade.history] == ["proposed", "locked", "settled"]


def test_both_legs_are_locked_or_neither(market: Market) -> None:
    """SS-86, F125."""
    market.agree(market.terms(amount=50_001))

    with pytest.raises(Refusal, match="INSUFFICIENT_AVAILABLE"):
        market.lock()

    holding = market.evaluate(Chaincode.TOKEN, "holding", "ACME", "alice").load(Holding)
    assert holding.held == 0


def test_units_promised_to_one_trade_cannot_be_promised_to_another(market: Market) -> None:
    for trade in ("T-1", "T-2"):
        market.agree(market.terms(trade, quantity=600))
    market.lock("T-1")

    with pytest.raises(Refusal, match="INSUFFICIENT_AVAILABLE"):
        market.lock("T-2")


def test_a_trade_settles_from_its_settlement_day_on(market: Market) -> None:
    """SS-97, F129."""
    tomorrow = market.after(A_DAY)[:10]
    terms = market.terms().model_copy(
        update={"settlement_day": tomorrow, "expires_at": market.after(2 * A_DAY)}
    )
    market.agree(terms)
    market.lock()
    with pytest.raises(Refusal, match="SETTLEMENT_DAY_NOT_REACHED"):
        market.settle()

    market.ledger.advance(A_DAY)
    market.settle()

    assert holdings(market) == SETTLED


# --- the four refusals that a market shows its newcomers ---


def test_an_unverified_buyer_gets_no_further_than_the_lock(market: Market) -> None:
    market.register("carol")
    market.entrust("carol")
    market.deposit("carol", 50_000)
    terms = market.terms().model_copy(update={"buyer": "carol"})
    market.agree(terms)

    with pytest.raises(Refusal) as refused:
        market.lock()

    assert refused.value.code == "RECEIVER_NOT_VERIFIED"
    assert refused.value.message == (
        "carol may not receive ACME. carol has no claim 'kyc' of a trusted issuer."
    )


def test_a_seller_frozen_after_the_lock_delivers_once_unfrozen(market: Market) -> None:
    """F131."""
    market.agree(market.terms())
    market.lock()
    agent = Participant.TRANSFER_AGENT
    market.submit(agent, Chaincode.TOKEN, "freeze", "ACME", "alice", "court order 7")

    with pytest.raises(Refusal, match="SENDER_FROZEN"):
        market.settle()
    assert view(market).trade.status is Status.LOCKED

    market.submit(agent, Chaincode.TOKEN, "unfreeze", "ACME", "alice")
    market.settle()
    assert holdings(market) == SETTLED


def test_a_buyer_whose_claim_ended_between_lock_and_settlement_receives_nothing(
    market: Market,
) -> None:
    late = timedelta(days=364, hours=12)
    market.ledger.advance(late)
    market.agree(market.terms())
    market.lock()
    market.ledger.advance(timedelta(hours=12))

    with pytest.raises(Refusal, match="NOT_VERIFIED"):
        market.settle()

    assert holdings(market) == BEFORE


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        pytest.param((), ("buyer", "seller"), id="neither"),
        pytest.param(("buyer",), ("seller",), id="the seller's"),
        pytest.param(("seller",), ("buyer",), id="the buyer's"),
    ],
)
def test_nothing_is_locked_while_a_consent_is_missing(
    given: tuple[Side, ...], missing: tuple[Side, ...], market: Market
) -> None:
    """SS-85, F126."""
    terms = market.terms()
    market.propose(terms)
    for side in given:
        market.consent(terms, side)

    with pytest.raises(Refusal, match="CONSENT_MISSING") as refused:
        market.lock()

    reasons = refused.value.facts["reasons"]
    assert isinstance(reasons, list)
    said = [
        f"The {side}, {terms.parties[side]}, has not consented to trade T-1." for side in missing
    ]
    assert [each["message"] for each in reasons] == said


# --- proposals ---


def test_the_hash_to_sign_is_what_the_parties_compute_themselves(market: Market) -> None:
    terms = market.terms()

    assert market.propose(terms).text == terms.digest


def test_altered_terms_have_another_hash(market: Market) -> None:
    """SS-82, SS-85."""
    terms = market.terms()

    assert terms.digest != terms.model_copy(update={"amount": 1}).digest


def test_consents_of_both_sides_write_different_rows(market: Market) -> None:
    """SS-111."""
    terms = market.terms()
    market.propose(terms)
    rows = market.ledger.world.rows[SETTLEMENT].history
    before = {key: len(changes) for key, changes in rows.items()}

    market.consent(terms, "buyer")
    market.consent(terms, "seller")

    assert all(len(rows[key]) == count for key, count in before.items())


def test_trades_come_in_pages(market: Market) -> None:
    for trade in ("T-1", "T-2"):
        market.propose(market.terms(trade))

    first = market.evaluate(SETTLEMENT, "trades", 1).load(TradePage)
    second = market.evaluate(SETTLEMENT, "trades", 1, first.bookmark).load(TradePage)

    assert [page.trades[0].trade.trade for page in (first, second)] == ["T-1", "T-2"]
