"""The calls by which a trade advances, each from the firm that may make it."""

from datetime import timedelta
from typing import Final

from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.instants import day_of
from tallystick.contracts.participants import Participant
from tallystick.contracts.statements import Side
from tallystick.contracts.trades.terms import Order, TradeTerms
from tallystick.node.cli.demo.cast import ALICE, CASH, PRICE, SHARE
from tallystick.node.cli.demo.channel import Call
from tallystick.node.cli.demo.narration import dollars, units
from tallystick.node.cli.demo.wallets import Wallets

TRADE_LIFE: Final = timedelta(days=1)


def sale(wallets: Wallets, trade: str, *, buyer: str, quantity: int) -> TradeTerms:
    """Return the terms by which Alice sells shares to somebody, to be settled today."""
    return TradeTerms(
        trade=trade,
        security=SHARE,
        quantity=quantity,
        cash=CASH,
        price=str(PRICE),
        amount=quantity * PRICE,
        buyer=buyer,
        seller=ALICE,
        venue=Participant.ATS,
        buy=Order(order=wallets.nonce(), broker=Participant.BROKER_DEALER),
        sell=Order(order=wallets.nonce(), broker=Participant.BROKER_DEALER),
        settlement_day=day_of(wallets.after(timedelta(0))),
        expires_at=wallets.after(TRADE_LIFE),
        salt=wallets.nonce(),
    )


def in_words(terms: TradeTerms) -> str:
    """Return the terms as a clause."""
    return (
        f"{terms.seller.title()} sells {units(terms.quantity)} {terms.security} to"
        f" {terms.buyer.title()} for {dollars(terms.amount)}"
    )


def match(terms: TradeTerms) -> Call:
    """Return the call that records a matched trade."""
    return Call(
        Participant.ATS, Chaincode.SETTLEMENT, "propose_trade", (), secrets={"terms": terms}
    )


def consent(wallets: Wallets, terms: TradeTerms, side: Side) -> Call:
    """Return the call that enters the consent of one side, signed in its wallet."""
    intent = wallets.consent(terms, side)
    return Call(
        Participant.BROKER_DEALER,
        Chaincode.SETTLEMENT,
        "consent",
        (terms.trade, side),
        secrets={"intent": intent},
    )


def lock(terms: TradeTerms) -> Call:
    """Return the call that sets shares and money of a trade aside."""
    return Call(Participant.CLEARING, Chaincode.SETTLEMENT, "lock_legs", (terms.trade,))


def settle(terms: TradeTerms, nodes: tuple[Participant, ...] = ()) -> Call:
    """Return the call that exchanges shares and money, to be endorsed by ``nodes``."""
    return Call(Participant.CLEARING, Chaincode.SETTLEMENT, "settle", (terms.trade,), nodes)


def cancel(terms: TradeTerms, reason: str) -> Call:
    """Return the call that ends a trade and gives free what was set aside for it."""
    return Call(Participant.CLEARING, Chaincode.SETTLEMENT, "cancel", (terms.trade, reason))
