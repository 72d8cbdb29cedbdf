"""What tests of orders share: two venues, a network of intermediaries, and orders at each."""

from datetime import timedelta
from hashlib import sha256

from tallystick.chaincode.testing import Outcome
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.orders.models import (
    PlacedOrder,
    RealAmount,
    SignedOrder,
    SignedOrderWithdrawal,
)
from tallystick.contracts.participants import Participant
from tallystick.contracts.statements import OrderPlaced, OrderSide, OrderWithdrawn
from tallystick.contracts.testing import Market
from tallystick.contracts.trades.terms import Order, TradeTerms

P = Participant
OTHER_VENUE = "OtherVenueMSP"
NETWORK = "NetworkMSP"
SETTLEMENT = Chaincode.SETTLEMENT


def open_other_venue(market: Market) -> None:
    """Let a second venue trade ACME."""
    market.license(market.licence(OTHER_VENUE, "ats"))
    market.list_security("ACME", venue=OTHER_VENUE)


def an_order(market: Market, order: str = "O-1", **fields: object) -> OrderPlaced:
    """Return alice's order to sell 600 ACME at the ATS within a day, or another."""
    usual = {
        "venue": P.ATS,
        "order": order,
        "holder": "alice",
        "side": OrderSide.SELL,
        "security": "ACME",
        "quantity": 600,
        "broker": P.BROKER_DEALER,
        "expires_at": market.after(timedelta(days=1)),
    }
    return OrderPlaced.model_validate({**usual, **fields})


def place(market: Market, order: OrderPlaced, by: str = P.BROKER_DEALER) -> Outcome:
    """Place an order that its holder has signed."""
    signed = SignedOrder(
        statement=order,
        intent=market.sign(order.holder, order),
        salt=sha256(order.order.encode()).hexdigest(),
    )
    return market.place_order(signed, by)


def withdraw(market: Market, order: OrderPlaced, by: str = P.BROKER_DEALER) -> Outcome:
    """End what is left of an order, signed by its holder."""
    said = OrderWithdrawn(venue=order.venue, order=order.order, holder=order.holder)
    if by == order.venue:
        own = SignedOrderWithdrawal(statement=said)
        return market.submit(by, SETTLEMENT, "withdraw_order", withdrawal=own)
    intent = market.sign(order.holder, said)
    return market.withdraw_order(SignedOrderWithdrawal(statement=said, intent=intent), by)


def order_row(market: Market, order: str = "O-1", reader: str = P.ATS) -> PlacedOrder:
    """Return an order as its venue sees it."""
    return market.submit(reader, SETTLEMENT, "order", P.ATS, order).load(PlacedOrder)


def real(market: Market, venue: str = P.ATS, holder: str = "alice") -> RealAmount:
    """Return what a holder can sell at a venue, as the venue sees it."""
    return market.submit(venue, SETTLEMENT, "real_amount", venue, holder, "ACME").load(RealAmount)


def filling(market: Market, quantity: int = 100, trade: str = "T-1") -> TradeTerms:
    """Return terms of a trade that fills alice's order O-1 in part."""
    sell = Order(order="O-1", broker=P.BROKER_DEALER, is_placed=True)
    return market.terms(trade, quantity=quantity).model_copy(update={"sell": sell})
