"""What courses share in which money is lent, and kept for what is to come."""

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from tests.scenarios.conftest import CASH, SECURITY, WATCHERS, Market
from tests.scenarios.courses.acting import P, agree
from tests.scenarios.height_rows import limits_of, supply_of_money, supply_of_units
from tests.scenarios.heights import Holdings, holdings, together
from tests.unit.contracts.money import SALT

from tallystick.contracts.cash.models import CreditGrant, ReservationPlace, SignedReservation
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.events import LedgerEvent, MoneyReserved, ReservationReduced
from tallystick.contracts.instants import instant
from tallystick.contracts.statements import MoneyReserved as Commitment
from tallystick.contracts.statements import ReservationUse
from tallystick.contracts.trades.terms import DvpModel
from tallystick.node.ledger.state import StateView

OWED = "debt"


class Sale(NamedTuple):
    """What goes over in a trade."""

    seller: str
    buyer: str
    units: int
    money: int


class Kept(NamedTuple):
    """Money that is committed to an order at the venue, or is collateral of who clears."""

    holder: str
    use: ReservationUse
    amount: int

    @property
    def keeper(self) -> P:
        """Who may give it back."""
        return P.ATS if self.use is ReservationUse.ORDER else P.CLEARING


# --- what happens ---


async def lend(market: Market, holder: str, cap: int, until: datetime) -> None:
    """Let the bank lend a holder so much at most."""
    credit = CreditGrant(cash=CASH, holder=holder, cap=cap, valid_until=instant(until), salt=SALT)
    await market.submit(P.BANK, Chaincode.CASH, "grant_credit", credit=credit)


async def reserve(market: Market, name: str, kept: Kept, *, until: datetime | None = None) -> None:
    """Let a holder commit money to an order, or give it as collateral; that need not end."""
    said = Commitment(
        cash=CASH,
        holder=kept.holder,
        keeper=kept.keeper,
        reservation=name,
        use=kept.use,
        amount=kept.amount,
        expires_at=None if until is None else instant(until),
    )
    reservation = SignedReservation(statement=said, salt=SALT)
    await market.submit(P.BROKER_DEALER, Chaincode.CASH, "reserve", reservation=reservation)


async def give_back(market: Market, name: str, kept: Kept) -> None:
    """Let its keeper give back what is left of a reservation."""
    place = ReservationPlace(cash=CASH, holder=kept.holder, reservation=name)
    release = (kept.keeper, Chaincode.CASH, "release_reservation")
    await market.submit(*release, endorsers=WATCHERS, place=place)


async def trade(market: Market, name: str, sale: Sale, model: DvpModel) -> None:
    """Agree on a trade that settles by a model."""
    terms = market.terms(name, quantity=sale.units, amount=sale.money)
    sides = {"seller": sale.seller, "buyer": sale.buyer, "model": model}
    await agree(market, terms.model_copy(update=sides))


# --- what must be so ---


def sold(sale: Sale, *means: Holdings) -> Holdings:
    """Return what moves with a trade, and with what pays for it or is repaid by it."""
    seller, buyer, units, money = sale
    sides = {
        SECURITY: {seller: -units, buyer: units},
        CASH: {seller: money, buyer: -money},
    }
    return together(holdings(sides), *means)


def lent(holder: str, amount: int) -> Holdings:
    """Return what moves when so much is lent; when it is repaid, it is less than nothing."""
    return holdings({CASH: {holder: amount}, OWED: {holder: amount}})


def told(event: LedgerEvent) -> set[str]:
    """Return whether an event tells of money that is reserved, or given back."""
    match event:
        case MoneyReserved(reservation=name):
            return {f"{name} reserved"}
        case ReservationReduced(reservation=name, cause="released"):
            return {f"{name} given back"}
        case _:
            return set()


def supply(state: StateView) -> Mapping[str, int]:
    """Return how much there is of units, and of money: what was paid in, and what is lent."""
    drawn = sum(row.drawn for row in limits_of(state, CASH).values())
    return {
        SECURITY: supply_of_units(state, SECURITY),
        CASH: supply_of_money(state, CASH) + drawn,
    }
