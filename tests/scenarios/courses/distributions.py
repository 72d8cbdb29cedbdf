"""What corporate actions give: money and units, each with the record that a holder has got it.

What moves at one height:

- a dividend is funded, and the payer's money waits for it, on a hold of the action's own;
- a holder is noted as paid, has the money, the tax account what is withheld, and less of the
  payer's money waits: pushed in a page for all of the page, or claimed by the holder;
- what nobody got is noted as reclaimed, and waits no more;
- a holder is noted as given, and has units that came into being: of the security, or rights;
- a split is executed, and everybody has the units of after, those in a locked trade too.
"""

from collections.abc import Mapping

from tests.scenarios.conftest import CASH, SECURITY, Market
from tests.scenarios.courses import trades
from tests.scenarios.courses.acting import (
    DAY,
    DOCUMENTS,
    HOUR,
    P,
    agree,
    announce,
    distribution,
    endow,
    fund,
    pay,
    recorded,
    settle,
)
from tests.scenarios.height_rows import (
    action_of,
    is_paid,
    money_of,
    settled_trades,
    supply_of_units,
    totals_of,
    trades_in,
    units_of,
    waiting_money_of,
)
from tests.scenarios.heights import Course, Holdings, holdings
from tests.scenarios.moments import START, opened_at_nine

from tallystick.contracts.actions.states import Status as ActionStatus
from tallystick.contracts.actions.terms import ActionTerms, ActionType, Exchange
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.instants import instant
from tallystick.contracts.parties import Requirement
from tallystick.contracts.register.models import SecurityTerms
from tallystick.contracts.statements import EntitlementClaimed
from tallystick.contracts.trades.models import Status
from tallystick.node.ledger.state import StateView
from tallystick.node.testing import LocalNetwork

RIGHTS, WAITING = "RIGHTS", "money that waits"
HOLDERS = ("alice", "bob", "carol")
UNITS = dict(zip(HOLDERS, (640, 333, 27), strict=True))
MONEY = {"bob": 1_000, "acme": 5_000}
FUNDED = 1000 * 10 // 7
PAID = {"alice": (777, 137), "bob": (404, 71)}
"""What holders get of a dividend of 10 for 7, and what is withheld of it, 15 per cent."""

LEFT = FUNDED - sum(net + withheld for net, withheld in PAID.values())
"""What carol has not claimed, 38, and the 1 that rounding has left."""

BONUS = {"alice": 64, "bob": 33, "carol": 2}
"""One for 10."""

GIVEN_RIGHTS = {"alice": 234, "bob": 122, "carol": 9}
"""One for 3, of what they have with the bonus."""

QUANTITY, AMOUNT, FACTOR = 10, 100, 3


# --- what happens ---


async def live(network: LocalNetwork) -> None:
    """Give everything that can be given, over a trade that is locked all the time."""
    market = await opened_at_nine(network)
    await market.onboard(*HOLDERS, "acme", "revenue")
    await endow(market, units=UNITS, money=MONEY)
    terms = market.terms("T-1", quantity=QUANTITY, amount=AMOUNT)
    await agree(market, terms.model_copy(update={"expires_at": instant(START + 30 * DAY)}))
    await market.lock("T-1")
    await pay_dividend(market, network)
    bonus = distribution(
        market, "B-1", ActionType.BONUS, asset=SECURITY, numerator=1, denominator=10
    )
    await give(market, network, bonus)
    rights = SecurityTerms(
        security=RIGHTS,
        name="Acme rights",
        issuer=P.ISSUER,
        requirements=(Requirement(topic="kyc"),),
    )
    await market.submit(P.TRANSFER_AGENT, Chaincode.TOKEN, "create_security", rights)
    offered = distribution(
        market, "R-1", ActionType.RIGHTS, asset=RIGHTS, numerator=1, denominator=3
    )
    await give(market, network, offered)
    await split(market)
    await market.settle("T-1")
    network.clock.stand_still(START + 10 * DAY)
    await settle(market, P.ISSUER, "reclaim_action", "D-1")


async def pay_dividend(market: Market, network: LocalNetwork) -> None:
    """Let one holder be paid in a page, and another claim; the third does neither."""
    given = {"denominator": 7, "payer": "acme", "withholding": 1500, "tax_account": "revenue"}
    terms = distribution(market, "D-1", ActionType.CASH_DIVIDEND, asset=CASH, numerator=10, **given)
    await recorded(market, network, terms, *HOLDERS)
    await fund(market, "D-1", "acme", FUNDED)
    network.clock.stand_still(market.now() + HOUR)
    await pay(market, "D-1", "alice")
    claimed = EntitlementClaimed(action="D-1", holder="bob")
    await settle(market, P.BROKER_DEALER, "claim_entitlement", claimed)


async def give(market: Market, network: LocalNetwork, terms: ActionTerms) -> None:
    """Give units in two pages."""
    await recorded(market, network, terms, *HOLDERS)
    network.clock.stand_still(market.now() + HOUR)
    await pay(market, terms.action, *HOLDERS[:2])
    await pay(market, terms.action, *HOLDERS[2:])


async def split(market: Market) -> None:
    """Let there be so many units in the place of each."""
    terms = ActionTerms(
        action="S-1",
        action_type=ActionType.SPLIT,
        security=SECURITY,
        exchange=Exchange(new=FACTOR, old=1),
        documents=DOCUMENTS,
    )
    await announce(market, terms)
    agent, token = P.TRANSFER_AGENT, Chaincode.TOKEN
    await market.submit(agent, token, "pause", SECURITY, "a split")
    await settle(market, agent, "execute_split", "S-1")
    await market.submit(agent, token, "resume", SECURITY)


# --- what must be so ---


def sums(action: str) -> str:
    return f"sums of {action}"


def acts_of_dividend() -> dict[str, Holdings]:
    """Return what moves as the dividend is funded, paid to each holder, and reclaimed."""
    acts = {
        "D-1 funded": holdings({WAITING: {"acme": FUNDED}, sums("D-1"): {"funded": FUNDED}}),
        "D-1 reclaimed": holdings({WAITING: {"acme": -LEFT}, sums("D-1"): {"reclaimed": LEFT}}),
    }
    for holder, (net, withheld) in PAID.items():
        gross = net + withheld
        acts[f"D-1 {holder}"] = holdings(
            {
                CASH: {holder: net, "revenue": withheld, "acme": -gross},
                WAITING: {"acme": -gross},
                sums("D-1"): {"paid": net, "withheld": withheld},
            }
        )
    return acts


def acts_of_giving(action: str, asset: str, given: Mapping[str, int]) -> dict[str, Holdings]:
    """Return what moves with what each holder is given: units, and the sum of all."""
    return {
        f"{action} {holder}": holdings({asset: {holder: units}, sums(action): {"paid": units}})
        for holder, units in given.items()
    }


def acts_of_split_and_trade() -> dict[str, Holdings]:
    """Return what moves with the split, and with the trade that was locked before it."""
    more = {holder: (UNITS[holder] + BONUS[holder]) * (FACTOR - 1) for holder in HOLDERS}
    due = QUANTITY * FACTOR
    return {
        "S-1": holdings({SECURITY: more}),
        "T-1 locked": holdings({WAITING: {"bob": AMOUNT}}),
        "T-1": holdings(
            {SECURITY: {"alice": -due, "bob": due}, CASH: {"alice": AMOUNT, "bob": -AMOUNT}}
        ),
    }


def having(state: StateView) -> Holdings:
    """Return units, rights and money, what of it waits, and the sums of what was given."""
    assets: dict[str, Mapping[str, int]] = {
        SECURITY: units_of(state, SECURITY),
        RIGHTS: units_of(state, RIGHTS),
        CASH: money_of(state, CASH),
        WAITING: waiting_money_of(state, CASH),
    }
    for action in ("D-1", "B-1", "R-1"):
        totals = totals_of(state, action)
        if totals is not None:
            parts = ("funded", "paid", "withheld", "reclaimed") if action == "D-1" else ("paid",)
            assets[sums(action)] = totals.model_dump(include=set(parts))
    return holdings(assets)


def happened(state: StateView) -> set[str]:
    """Return who is paid by its own row, what is funded and closed, and how the trade stands."""
    paid = {
        f"{action} {holder}"
        for action in ("D-1", "B-1", "R-1")
        for holder in HOLDERS
        if is_paid(state, action, holder)
    }
    known = {each: action_of(state, each) for each in ("D-1", "S-1")}
    status = {name: row.status for name, row in known.items() if row is not None}
    by_status = {
        "D-1 funded": status.get("D-1") in {ActionStatus.FUNDED, ActionStatus.CLOSED},
        "D-1 reclaimed": status.get("D-1") is ActionStatus.CLOSED,
        "S-1": status.get("S-1") is ActionStatus.CLOSED,
        "T-1 locked": any(each.status is Status.LOCKED for each in trades_in(state).values()),
    }
    return paid | settled_trades(state) | {name for name, is_so in by_status.items() if is_so}


def supply(state: StateView) -> Mapping[str, int]:
    """Return how much there is of units, of rights, and of money."""
    return {**trades.supply(state), RIGHTS: supply_of_units(state, RIGHTS)}


COURSE = Course(
    live=live,
    begun=holdings({SECURITY: UNITS, CASH: MONEY}),
    acts=acts_of_dividend()
    | acts_of_giving("B-1", SECURITY, BONUS)
    | acts_of_giving("R-1", RIGHTS, GIVEN_RIGHTS)
    | acts_of_split_and_trade(),
    holdings=having,
    happened=happened,
    supply=supply,
    moves={
        "settlement.claim_entitlement",
        "settlement.execute_split",
        "settlement.fund_action",
        "settlement.lock_legs",
        "settlement.pay_entitlements",
        "settlement.reclaim_action",
        "settlement.settle",
    },
    steps=[
        {"T-1 locked"},
        {"D-1 funded"},
        {"D-1 alice"},
        {"D-1 bob"},
        {"B-1 alice", "B-1 bob"},
        {"B-1 carol"},
        {"R-1 alice", "R-1 bob"},
        {"R-1 carol"},
        {"S-1"},
        {"T-1 locked", "T-1"},
        {"D-1 reclaimed"},
    ],
)
