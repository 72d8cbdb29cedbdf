"""Scenarios whose last call is refused: orders."""

from datetime import timedelta

from tests.unit.contracts.refusals.scenarios import BROKER, reaches
from tests.unit.contracts.trades.orders import an_order, filling, place, withdraw

from tallystick.chaincode import composite_key
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.orders.models import Permit, SignedOrder
from tallystick.contracts.readers import COMMITMENTS
from tallystick.contracts.reasons import OrderReason
from tallystick.contracts.statements import Representation
from tallystick.contracts.testing import Market


@reaches(OrderReason.ORDER_UNKNOWN)
def _(market: Market) -> None:
    market.propose(filling(market))


@reaches(OrderReason.ORDER_EXISTS)
def _(market: Market) -> None:
    place(market, an_order(market, quantity=1))
    place(market, an_order(market, quantity=2))


@reaches(OrderReason.ORDER_OVER)
def _(market: Market) -> None:
    place(market, an_order(market, expires_at=market.after(timedelta(0))))


@reaches(OrderReason.ORDER_DIFFERS)
def _(market: Market) -> None:
    place(market, an_order(market))
    withdraw(market, an_order(market, holder="bob"))


@reaches(OrderReason.ORDER_WITHOUT_ACCOUNT)
def _(market: Market) -> None:
    market.list_security("ACME", accounts_required=True)
    place(market, an_order(market))


@reaches(OrderReason.SIGNER_NOT_LICENSED)
def _(market: Market) -> None:
    market.license(market.licence("OfficeMSP", "family-office", life=timedelta(days=1)))
    statement = Representation(identity="alice", organization="OfficeMSP")
    intent = market.sign("alice", statement)
    market.submit("OfficeMSP", Chaincode.IDENTITY, "represent", statement, intent)
    market.ledger.advance(timedelta(days=1))
    place(market, an_order(market), by=BROKER)


@reaches(OrderReason.UNITS_COMMITTED)
def _(market: Market) -> None:
    place(market, an_order(market, quantity=1001))


@reaches(OrderReason.PERMIT_VOID)
def _(market: Market) -> None:
    order = an_order(market)
    intent = market.sign("alice", order)
    unjudged = SignedOrder(statement=order, intent=intent, salt="5a" * 32)
    forged = Permit(sealed="A" * 64)
    act = (BROKER, Chaincode.SETTLEMENT, "place_order")
    market.submit(*act, order=unjudged, permit=forged)


@reaches(OrderReason.PERMIT_KEY_MISSING)
def _(market: Market) -> None:
    private = market.ledger.world.rows_of(Chaincode.SETTLEMENT).private
    del private[COMMITMENTS, composite_key("permit_key")]
    place(market, an_order(market))
