"""Who may not act on something is told so, and not that it could not be done now anyway."""

from collections.abc import Callable

import pytest
from tests.unit.contracts.actions_stage import announce, dividend, meeting
from tests.unit.contracts.acts import refused
from tests.unit.contracts.discipline.stage import agree, hold, row
from tests.unit.contracts.offerings.stage import P, PrimaryMarket

from tallystick.chaincode.testing import Outcome
from tallystick.contracts.actions.models import SignedVotes
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.statements import (
    CancelTrade,
    Consent,
    EntitlementClaimed,
    SubscriptionCancelled,
    Vote,
    VotesCast,
    Withdrawal,
)

SETTLEMENT = Chaincode.SETTLEMENT
OTHER_ISSUER = "OtherIssuerMSP"
Act = Callable[[PrimaryMarket], Outcome]


@pytest.fixture(scope="module")
def ended() -> PrimaryMarket:
    """Return a market in which everything is over.

    A trade and two corporate actions are cancelled, an offering is withdrawn, an order paid back.
    """
    market = PrimaryMarket()
    market.set_the_stage()
    market.license(market.licence(OTHER_ISSUER, "issuer"))
    market.list_security("ACME")
    market.propose(market.terms("T-1").model_copy(update={"mediators": (P.BANK,)}))
    market.submit(P.ATS, SETTLEMENT, "cancel", "T-1", "an error")
    for action in (dividend(market), meeting(market)):
        announce(market, action)
        market.submit(P.ISSUER, SETTLEMENT, "cancel_action", action.action, "an error")
    market.offer()
    market.subscribe("a", "alice", 100)
    market.withdraw()
    market.refund("a")
    return market


@pytest.fixture
def market(ended: PrimaryMarket) -> PrimaryMarket:
    return ended.fork()


def settlement(who: str, function: str, *arguments: str) -> Act:
    return lambda market: market.submit(who, SETTLEMENT, function, *arguments)


def withdraw_trade(market: PrimaryMarket, signer: str) -> Outcome:
    said = Withdrawal(trade="T-1", side="buyer", party="bob", reason="second thoughts")
    intent = market.sign(signer, said)
    arguments = ("withdraw", "T-1", "buyer", "second thoughts")
    return market.submit(P.BROKER_DEALER, SETTLEMENT, *arguments, intent=intent)


def consent_to_trade(market: PrimaryMarket, signer: str) -> Outcome:
    said = Consent(trade="T-1", side="buyer", party="bob", terms_hash=row(market, "T-1").terms_hash)
    intent = market.sign(signer, said)
    return market.submit(P.BROKER_DEALER, SETTLEMENT, "consent", "T-1", "buyer", intent=intent)


def confirm_order(market: PrimaryMarket, signer: str) -> Outcome:
    order = market.order("a", "alice", 100)
    arguments = ("confirm_subscription", "O-1", "a")
    return market.submit(P.BROKER_DEALER, SETTLEMENT, *arguments, intent=market.sign(signer, order))


def cancel_order(market: PrimaryMarket, signer: str) -> Outcome:
    said = SubscriptionCancelled(offering="O-1", subscription="a", signer="alice")
    intent = market.sign(signer, said)
    arguments = ("cancel_subscription", "O-1", "a")
    return market.submit(P.BROKER_DEALER, SETTLEMENT, *arguments, intent=intent)


def claim_dividend(market: PrimaryMarket, by: str) -> Outcome:
    claimed = EntitlementClaimed(action="D-1", holder="alice")
    return market.submit(by, SETTLEMENT, "claim_entitlement", claimed)


def vote(market: PrimaryMarket, by: str) -> Outcome:
    votes = (Vote(resolution="merger", choice="for", units=1),)
    cast = VotesCast(action="M-1", holder="alice", votes=votes)
    return market.submit(by, SETTLEMENT, "cast_votes", votes=SignedVotes(statement=cast))


ACTS: dict[str, tuple[Act, str, Act, str]] = {
    "approve a trade": (
        settlement(P.BROKER_DEALER, "approve_trade", "T-1", "2030-01-01T00:00:00Z"),
        "NOT_A_MEDIATOR",
        settlement(P.BANK, "approve_trade", "T-1", "2030-01-01T00:00:00Z"),
        "TRADE_STATUS",
    ),
    "reject a trade": (
        settlement(P.BROKER_DEALER, "reject_trade", "T-1", "no"),
        "NOT_A_MEDIATOR",
        settlement(P.BANK, "reject_trade", "T-1", "no"),
        "TRADE_STATUS",
    ),
    "consent to a trade": (
        lambda market: consent_to_trade(market, "alice"),
        "SIDE_NOT_SIGNED",
        lambda market: consent_to_trade(market, "bob"),
        "TRADE_STATUS",
    ),
    "withdraw from a trade": (
        lambda market: withdraw_trade(market, "alice"),
        "SIDE_NOT_SIGNED",
        lambda market: withdraw_trade(market, "bob"),
        "TRADE_STATUS",
    ),
    "withdraw an offering": (
        settlement(OTHER_ISSUER, "withdraw_offering", "O-1", "no"),
        "NOT_THE_OFFEROR",
        settlement(P.ISSUER, "withdraw_offering", "O-1", "no"),
        "OFFERING_STATUS",
    ),
    "close an offering": (
        settlement(OTHER_ISSUER, "close_offering", "O-1"),
        "NOT_THE_OFFEROR",
        settlement(P.ISSUER, "close_offering", "O-1"),
        "OFFERING_STATUS",
    ),
    "pay a subscription": (
        lambda market: market.pay("a", P.BANK),
        "NOT_THE_INTERMEDIARY",
        lambda market: market.pay("a"),
        "SUBSCRIPTION_STATUS",
    ),
    "reject a subscription": (
        lambda market: market.reject("a", by=OTHER_ISSUER),
        "LICENCE_MISSING",
        lambda market: market.reject("a"),
        "OFFERING_STATUS",
    ),
    "confirm a subscription": (
        lambda market: confirm_order(market, "bob"),
        "INTENT_KEY_UNKNOWN",
        lambda market: confirm_order(market, "alice"),
        "SUBSCRIPTION_STATUS",
    ),
    "cancel a subscription": (
        lambda market: cancel_order(market, "bob"),
        "INTENT_KEY_UNKNOWN",
        lambda market: cancel_order(market, "alice"),
        "SUBSCRIPTION_STATUS",
    ),
    "claim an entitlement": (
        lambda market: claim_dividend(market, P.BANK),
        "MANDATE_MISSING",
        lambda market: claim_dividend(market, P.BROKER_DEALER),
        "ACTION_STATUS",
    ),
    "vote": (
        lambda market: vote(market, P.BANK),
        "MANDATE_MISSING",
        lambda market: vote(market, P.BROKER_DEALER),
        "ACTION_STATUS",
    ),
}
"""What is over: an act of who may not, and why; the same of who may, and why."""


@pytest.mark.parametrize(("act", "code", "_", "__"), ACTS.values(), ids=ACTS)
def test_who_may_not_act_is_told_that_first(
    act: Act, code: str, _: Act, __: str, market: PrimaryMarket
) -> None:
    """SS-26."""
    assert refused(act, market) == code


@pytest.mark.parametrize(("_", "__", "act", "code"), ACTS.values(), ids=ACTS)
def test_who_may_is_told_in_which_state_it_is(
    _: Act, __: str, act: Act, code: str, market: PrimaryMarket
) -> None:
    """SS-26."""
    assert refused(act, market) == code


def test_who_has_not_signed_for_a_side_is_told_that_first(market: PrimaryMarket) -> None:
    """SS-26: bob is the buyer; his wallet is lost."""
    market.wallets["bob"] = market.wallets["alice"]

    assert refused(hold, market, "buyer") == "SIDE_NOT_SIGNED"
    assert refused(agree, market, "buyer", CancelTrade()) == "SIDE_NOT_SIGNED"
