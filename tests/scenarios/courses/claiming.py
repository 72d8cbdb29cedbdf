"""What courses share in which trades are open over the record date of a dividend.

Market claims move entitlement from one side of a trade to the other, and money follows it.
"""

from collections.abc import Callable, Mapping

from tests.scenarios.conftest import CASH, SECURITY, Market
from tests.scenarios.courses import trades
from tests.scenarios.courses.acting import DAY, P, agree, distribution, fund, recorded, settle
from tests.scenarios.height_rows import (
    action_of,
    entitlement_of,
    money_of,
    totals_of,
    units_of,
    waiting_money_of,
)
from tests.scenarios.heights import Holdings, holdings

from tallystick.contracts.actions.states import Status
from tallystick.contracts.actions.terms import ActionType
from tallystick.contracts.instants import instant
from tallystick.node.ledger.state import StateView
from tallystick.node.testing import LocalNetwork

ENTITLED, CLAIMED, WAITING = "units that bring something", "units claimed", "money that waits"
DIVIDEND, PAYER = "D-1", "acme"
EACH, PRICE = 5, 100
"""What the dividend brings for each unit, and what each trade costs."""

MOVES = {
    "settlement.enter_entitlements",
    "settlement.fund_action",
    "settlement.pay_entitlements",
    "settlement.raise_market_claim",
    "settlement.resolve_market_claim",
    "settlement.settle_at_once",
}


# --- what happens ---


async def trade(market: Market, name: str, quantity: int, **sides: object) -> None:
    """Agree on a trade that may settle within a month."""
    terms = market.terms(name, quantity=quantity, amount=PRICE)
    until = instant(market.now() + 30 * DAY)
    await agree(market, terms.model_copy(update={**sides, "expires_at": until}))


async def enter(market: Market, network: LocalNetwork, units: Mapping[str, int]) -> None:
    """Let the dividend go ex today, enter what holders get who have so much, and fund it."""
    given = {"asset": CASH, "numerator": EACH, "payer": PAYER}
    terms = distribution(market, DIVIDEND, ActionType.CASH_DIVIDEND, **given)
    ex_day = market.now().date().isoformat()
    await recorded(market, network, terms.model_copy(update={"ex_day": ex_day}), *units)
    await fund(market, DIVIDEND, PAYER, sum(units.values()) * EACH)


async def claim(market: Market, name: str) -> None:
    """Raise the market claim of a trade, or try its hindered lines again."""
    await settle(market, P.CLEARING, "raise_market_claim", DIVIDEND, name)


async def resolve(market: Market, name: str) -> None:
    await settle(market, P.CLEARING, "resolve_market_claim", DIVIDEND, name)


async def deliver(market: Market, name: str) -> None:
    await settle(market, P.CLEARING, "settle_at_once", name)


# --- what must be so ---


def acts_of_dividend(units: Mapping[str, int]) -> dict[str, Holdings]:
    """Return what moves as all are entered, and as the dividend is funded."""
    funded = sum(units.values()) * EACH
    return {
        "entered": holdings({ENTITLED: units}),
        "funded": holdings({WAITING: {PAYER: funded}}),
    }


def paid_for(holder: str, units: int) -> Holdings:
    """Return what moves as a holder is paid for so many units."""
    amount = units * EACH
    return holdings({CASH: {holder: amount, PAYER: -amount}, WAITING: {PAYER: -amount}})


def having_of(*holders: str) -> Callable[[StateView], Holdings]:
    """Return what reads units and money, what of it waits, and what holders are entitled for."""

    def having(state: StateView) -> Holdings:
        rows = {each: entitlement_of(state, DIVIDEND, each) for each in holders}
        known = {holder: row for holder, row in rows.items() if row is not None}
        return holdings(
            {
                SECURITY: units_of(state, SECURITY),
                CASH: money_of(state, CASH),
                WAITING: waiting_money_of(state, CASH),
                ENTITLED: {holder: row.units for holder, row in known.items()},
                CLAIMED: {holder: row.claimed for holder, row in known.items()},
            }
        )

    return having


def how_far(state: StateView) -> set[str]:
    """Return whether what the dividend brings is entered, and whether it is funded."""
    action = action_of(state, DIVIDEND)
    if action is None or action.status not in {Status.ENTERED, Status.FUNDED}:
        return set()
    return {"entered", "funded"} if action.status is Status.FUNDED else {"entered"}


def supply(state: StateView) -> Mapping[str, int]:
    """Return how much there is of units and of money, and for how many units all are entitled."""
    totals = totals_of(state, DIVIDEND)
    return {**trades.supply(state), ENTITLED: 0 if totals is None else totals.entitled}
