"""The calls by which a trade advances, each from the firm that may make it."""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.instants import day_of
from tallystick.contracts.orders.models import Permit, SignedOrder
from tallystick.contracts.participants import Participant
from tallystick.contracts.statements import OrderPlaced, OrderSide, Side
from tallystick.contracts.trades.terms import DvpModel, Order, TradeTerms
from tallystick.node.cli.demo.cast import CASH, PRICE, SHARE
from tallystick.node.cli.demo.channel import Call
from tallystick.node.cli.demo.narration import dollars, units
from tallystick.node.cli.demo.wallets import Wallets

TRADE_LIFE: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Deal:
    """So many shares go from one to another."""

    seller: str
    buyer: str
    quantity: int


def order(wallets: Wallets, holder: str, side: OrderSide, *, quantity: int, limit: int) -> Call:
    """Return the call that places an order, signed in its holder's wallet; its permit lacks yet."""
    placed = OrderPlaced(
        venue=Participant.ATS,
        order=f"O-{wallets.nonce()[:8]}",
        holder=holder,
        side=side,
        security=SHARE,
        quantity=quantity,
        limit=str(limit),
        broker=Participant.BROKER_DEALER,
        expires_at=wallets.after(TRADE_LIFE),
    )
    signed = SignedOrder(
        statement=placed, intent=wallets.sign(holder, placed), salt=wallets.nonce()
    )
    return Call(
        Participant.BROKER_DEALER,
        Chaincode.SETTLEMENT,
        "place_order",
        (),
        secrets={"order": signed},
    )


def question(call: Call) -> Call:
    """Return the question whether a call of ``order`` may be: its answer is the permit."""
    return replace(call, function="order_permit", nodes=(Participant.CLEARING,))


def permitted(call: Call, permit: bytes) -> Call:
    """Return a call of ``order`` with its permit."""
    granted = Permit.model_validate_json(permit)
    return replace(call, secrets={**call.secrets, "permit": granted})


def placed_by(call: Call) -> OrderPlaced:
    """Return what a call of ``order`` places."""
    signed = call.secrets["order"]
    assert isinstance(signed, SignedOrder)
    return signed.statement


def filling(wallets: Wallets, trade: str, *, sell: OrderPlaced, buy: OrderPlaced) -> TradeTerms:
    """Return the terms of a trade that fills two orders for as many shares, at the seller's price.

    Raises:
        ValueError: They do not fit each other.
    """
    if sell.limit is None or buy.limit is None or int(sell.limit) > int(buy.limit):
        raise ValueError(f"{sell.order} and {buy.order} have no price in common")
    if (sell.security, sell.quantity) != (buy.security, buy.quantity):
        raise ValueError(f"{sell.order} and {buy.order} are about something else")
    terms = sale(wallets, trade, Deal(sell.holder, buy.holder, sell.quantity))
    return terms.model_copy(update={"sell": _filled(sell), "buy": _filled(buy)})


def _filled(placed: OrderPlaced) -> Order:
    return Order(order=placed.order, broker=placed.broker, is_placed=True)


def sale(wallets: Wallets, trade: str, deal: Deal, model: DvpModel = DvpModel.GROSS) -> TradeTerms:
    """Return the terms of a sale that the venue matched in its own books, to be settled today."""
    return TradeTerms(
        trade=trade,
        security=SHARE,
        quantity=deal.quantity,
        cash=CASH,
        price=str(PRICE),
        amount=deal.quantity * PRICE,
        buyer=deal.buyer,
        seller=deal.seller,
        venue=Participant.ATS,
        buy=Order(order=wallets.nonce(), broker=Participant.BROKER_DEALER),
        sell=Order(order=wallets.nonce(), broker=Participant.BROKER_DEALER),
        settlement_day=day_of(wallets.after(timedelta(0))),
        expires_at=wallets.after(TRADE_LIFE),
        salt=wallets.nonce(),
        model=model,
    )


def in_words(terms: TradeTerms) -> str:
    """Return the terms as a clause."""
    return (
        f"{terms.seller.title()} sells {units(terms.quantity)} {terms.security} to"
        f" {terms.buyer.title()} for {dollars(terms.amount)}"
    )


def record(terms: TradeTerms) -> Call:
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
    """Return the call that puts shares and money of a trade in escrow."""
    return Call(Participant.CLEARING, Chaincode.SETTLEMENT, "lock_legs", (terms.trade,))


def settle(
    terms: TradeTerms,
    *,
    by: Participant = Participant.CLEARING,
    nodes: tuple[Participant, ...] = (),
) -> Call:
    """Return the call that releases shares and money out of escrow, to be endorsed by ``nodes``."""
    return Call(by, Chaincode.SETTLEMENT, "settle", (terms.trade,), nodes)


def cancel(terms: TradeTerms, reason: str) -> Call:
    """Return the call that ends a trade and gives free what was set aside for it."""
    return Call(Participant.CLEARING, Chaincode.SETTLEMENT, "cancel", (terms.trade, reason))
