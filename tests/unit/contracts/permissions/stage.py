"""The market in which the permission matrix is tried: a licence of every class, and work to do."""

from datetime import timedelta

from tests.unit.contracts.actions_stage import announce, dividend
from tests.unit.contracts.money import SALT, appoint_cashier
from tests.unit.contracts.permissions import calendars, cash, custody, netting
from tests.unit.contracts.permissions.past import decide
from tests.unit.contracts.permissions.roles import FURTHER, INTRODUCING, P, signed
from tests.unit.contracts.permissions.scenery import (
    prepare_desks,
    prepare_holders,
    prepare_issuers,
    prepare_overseers,
)

from tallystick.contracts.accounts.models import ChallengeTerms
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.orders.models import SignedOrder
from tallystick.contracts.statements import (
    AccessGranted,
    AccountLinked,
    OrderPlaced,
    OrderSide,
    TradeHeld,
    UnitsHeld,
)
from tallystick.contracts.testing import EVIDENCE, Market
from tallystick.contracts.timelines import RecordDate
from tallystick.contracts.trades.terms import TradeTerms

OFFERED, AGREED, LOCKED, MEDIATED = "T-1", "T-2", "T-3", "T-4"
"""Trades: without consents, with both, with legs locked, on hold with a mediator."""


def mediated(market: Market) -> TradeTerms:
    """Return the terms of a trade that the broker-dealer must approve."""
    return market.terms(MEDIATED).model_copy(update={"mediators": (P.BROKER_DEALER,)})


def stage(opened: Market) -> Market:
    """Return a market like ``opened`` in which every act of the matrix finds its object."""
    market = opened.fork()
    market.license(*(market.licence(each, name) for each, name in FURTHER.items()))
    appoint_cashier(market)
    decide(market)
    announce(market, dividend(market, "D-1"))
    prepare_desks(market)
    cash.prepare(market)
    custody.safeguard(market)
    _commit_units(market)
    _open_doors(market)
    _commit_orders(market)
    prepare_holders(market)
    prepare_issuers(market)
    prepare_overseers(market)
    market.propose(market.terms(OFFERED))
    market.propose(mediated(market))
    market.agree(market.terms(AGREED))
    market.agree(market.terms(LOCKED))
    market.lock(LOCKED)
    held = TradeHeld(trade=MEDIATED, side="buyer", party="bob", holds=True)
    intent = market.sign("bob", held)
    market.submit(P.CLEARING, Chaincode.SETTLEMENT, "hold_trade", MEDIATED, "buyer", intent=intent)
    netting.prepare(market)
    _set_days(market)
    return market


def _commit_units(market: Market) -> None:
    """Let alice hold units for a notary."""
    soon = market.after(timedelta(hours=1))
    place = {"security": "ACME", "holder": "alice"}
    held = UnitsHeld(**place, hold="h-1", quantity=5, notary=P.CLEARING, expires_at=soon)
    declined = UnitsHeld(
        **place, hold="h-3", quantity=5, notary=P.CLEARING, receiver="bob", expires_at=soon
    )
    for statement in (held, declined):
        arguments = signed(market, "alice", statement)
        market.submit(P.BROKER_DEALER, Chaincode.TOKEN, "place_hold", *arguments)


def _open_doors(market: Market) -> None:
    """Show three codes of the venue, two of which are answered; let alice grant an access."""
    soon = market.after(timedelta(hours=1))
    for account, challenge in (("a-1", EVIDENCE), ("a-2", "2" * 64), ("a-3", "3" * 64)):
        terms = ChallengeTerms(challenge=challenge, account=account, expires_at=soon)
        market.submit(P.ATS, Chaincode.IDENTITY, "open_challenge", terms)
    hers = AccountLinked(identity="alice", venue=P.ATS, account="a-2", challenge="2" * 64)
    his = AccountLinked(identity="bob", venue=P.ATS, account="a-3", challenge="3" * 64)
    granted = AccessGranted(
        identity="alice",
        grant="g-1",
        service=P.TRANSFER_AGENT,
        grantee=P.ISSUER,
        fields=("name",),
        reason="cap table",
        expires_at=soon,
    )
    for function, statement in (
        ("link_account", hers),
        ("link_account", his),
        ("grant_access", granted),
    ):
        arguments = signed(market, statement.identity, statement)
        market.submit(P.BROKER_DEALER, Chaincode.IDENTITY, function, *arguments)


def sell_order(market: Market, order: str) -> OrderPlaced:
    """Return alice's order to sell a unit."""
    return OrderPlaced(
        venue=P.ATS,
        order=order,
        holder="alice",
        side=OrderSide.SELL,
        security="ACME",
        quantity=1,
        broker=P.BROKER_DEALER,
        expires_at=market.after(timedelta(hours=1)),
    )


def _commit_orders(market: Market) -> None:
    """Let alice's order stand, and a broker have an agent."""
    order = sell_order(market, "O-3")
    placed = SignedOrder(statement=order, intent=market.sign("alice", order), salt=SALT)
    market.place_order(placed)
    later = market.after(timedelta(hours=1))
    market.submit(P.BROKER_DEALER, Chaincode.SETTLEMENT, "accept_agency", INTRODUCING, later)


def _set_days(market: Market) -> None:
    """Let there be a calendar by which the venue settles, and two record dates, one taken."""
    market.submit(P.CLEARING, Chaincode.SETTLEMENT, "set_calendar", calendars.CALENDAR)
    market.submit(P.ATS, Chaincode.SETTLEMENT, "set_conventions", calendars.CONVENTIONS)
    tomorrow = RecordDate(name="r-2", at=market.after(timedelta(days=1)))
    keeper = (P.TRANSFER_AGENT, Chaincode.TOKEN)
    market.submit(*keeper, "schedule_record_date", "ACME", tomorrow)
    market.submit(*keeper, "take_record_date", "ACME", "r-1")
