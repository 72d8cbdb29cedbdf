"""A dividend of which each holder elects money or units, for all that it holds or for a part.

What moves at one height:

- what was elected is entered as an entitlement, of either option for so many units, for all who
  held, and each unit brings one option and no other;
- a market claim waits, or settles, on one of the options;
- a holder of units that bring money is noted as paid, and has it, and the tax account what is
  withheld; a holder of units that bring units is noted as given, and these come into being.

Until it is counted, what is elected gives nobody anything; who has elected nothing has the default.
A trade over the record date brings its buyer one option: that of which its seller has enough.
"""

from collections import Counter
from collections.abc import Mapping

from pydantic import JsonValue
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
    settle,
)
from tests.scenarios.height_rows import (
    action_of,
    entitlement_of,
    is_paid,
    market_claim_of,
    money_of,
    settled_trades,
    totals_of,
    units_of,
    waiting_money_of,
)
from tests.scenarios.heights import Course, Holdings, holdings
from tests.scenarios.moments import START, opened_at_nine, refused

from tallystick.contracts.actions.models import ClaimStatus, SignedVotes
from tallystick.contracts.actions.states import Status
from tallystick.contracts.actions.terms import (
    ActionTerms,
    ActionType,
    Ballot,
    Elected,
    Resolution,
)
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.instants import instant
from tallystick.contracts.statements import EntitlementClaimed, Vote, VotesCast
from tallystick.node.ledger.state import StateView
from tallystick.node.testing import LocalNetwork

WAITING = "money that waits"
CLAIMED = "units claimed"
BALLOT, IN_MONEY, IN_UNITS = "V-1", "D-1", "B-1"
PAYOUT, MONEY_OPTION, UNITS_OPTION = "payout", "money", "units"
RECORD_AT = START + DAY
CLOSES_AT = RECORD_AT + HOUR
UNITS = {"alice": 100, "bob": 60, "carol": 40}
MONEY = {"acme": 1_000, "bob": 100}
SOLD, PRICE = 40, 100
EACH = 5
ELECTED = {IN_MONEY: {"alice": 30, "carol": 40}, IN_UNITS: {"alice": 70, "bob": 60}}
"""For how many of its units each holder gets an option; carol says nothing, bob thinks twice."""

FUNDED = 70 * EACH
PAID = {"alice": (128, 22), "carol": (170, 30)}
"""What holders get in money, and what is withheld of it, 15 per cent."""

GIVEN = {"alice": 3, "bob": 10}
"""One unit for 10, of what they have once the claim is settled."""


# --- what happens ---


async def live(network: LocalNetwork) -> None:
    """Let holders elect, and give each of them what it has elected."""
    market = await opened_at_nine(network)
    await market.onboard(*UNITS, "acme", "revenue")
    await endow(market, units=UNITS, money=MONEY)
    sold = market.terms("T-1", quantity=SOLD, amount=PRICE)
    await agree(market, sold.model_copy(update={"expires_at": instant(START + 30 * DAY)}))
    for terms in (ballot(), *options(market)):
        await announce(market, terms)
    network.clock.stand_still(RECORD_AT)
    await market.submit(P.TRANSFER_AGENT, Chaincode.TOKEN, "seal_record_dates", SECURITY)
    await elect(market, "bob", money=60)
    await elect(market, "alice", money=30, units=70)
    await elect(market, "bob", units=60)
    assert await refused(lambda: enter(market, IN_MONEY)) == "ELECTION_OPEN"
    network.clock.stand_still(CLOSES_AT)
    await settle(market, P.TRANSFER_AGENT, "count_votes", BALLOT)
    for action in (IN_MONEY, IN_UNITS):
        await enter(market, action)
    await fund(market, IN_MONEY, "acme", FUNDED)
    await claim(market)
    network.clock.stand_still(CLOSES_AT + HOUR)
    await pay(market, IN_MONEY, "alice")
    claimed = EntitlementClaimed(action=IN_MONEY, holder="carol")
    await settle(market, P.BROKER_DEALER, "claim_entitlement", claimed)
    for holder in GIVEN:
        await pay(market, IN_UNITS, holder)


async def claim(market: Market) -> None:
    """Claim for bob what alice has enough of, once it is found that of the other she has not."""
    clearing = P.CLEARING
    for action in (IN_MONEY, IN_UNITS):
        await settle(market, clearing, "raise_market_claim", action, "T-1")
    again = (market, clearing, "raise_market_claim", IN_MONEY, "T-1")
    assert await refused(lambda: settle(*again)) == "MARKET_CLAIM_EXISTS"
    await settle(market, clearing, "settle_at_once", "T-1")
    await settle(market, clearing, "resolve_market_claim", IN_UNITS, "T-1")


def ballot() -> ActionTerms:
    """Return the election, in which a holder may change its mind."""
    options = Resolution(name=PAYOUT, choices=(MONEY_OPTION, UNITS_OPTION))
    return ActionTerms(
        action=BALLOT,
        action_type=ActionType.DIVIDEND_OPTION,
        security=SECURITY,
        record_at=instant(RECORD_AT),
        ballot=Ballot(
            resolutions=(options,),
            opens_at=instant(RECORD_AT),
            closes_at=instant(CLOSES_AT),
            is_changeable=True,
        ),
        documents=DOCUMENTS,
    )


def options(market: Market) -> tuple[ActionTerms, ActionTerms]:
    """Return what can be elected: money, which is the default, or units."""
    money, units = (
        Elected(
            action=BALLOT,
            resolution=PAYOUT,
            choice=choice,
            is_default=choice == MONEY_OPTION,
        )
        for choice in (MONEY_OPTION, UNITS_OPTION)
    )
    later = {
        "payable_at": instant(CLOSES_AT + HOUR),
        "claims_until": instant(CLOSES_AT + DAY),
    }
    taxed = {"payer": "acme", "withholding": 1500, "tax_account": "revenue"}
    paid = {"asset": CASH, "numerator": EACH, "elected": money, **taxed, **later}
    given = {"asset": SECURITY, "numerator": 1, "denominator": 10, "elected": units, **later}
    ex = {"ex_day": RECORD_AT.date().isoformat()}
    return (
        distribution(market, IN_MONEY, ActionType.CASH_DIVIDEND, **paid).model_copy(update=ex),
        distribution(market, IN_UNITS, ActionType.BONUS, **given).model_copy(update=ex),
    )


async def elect(market: Market, holder: str, **units: int) -> None:
    """Let a holder elect, in the place of what it has elected before."""
    votes = tuple(
        Vote(resolution=PAYOUT, choice=choice, units=quantity) for choice, quantity in units.items()
    )
    cast = SignedVotes(statement=VotesCast(action=BALLOT, holder=holder, votes=votes))
    await market.submit(P.BROKER_DEALER, Chaincode.SETTLEMENT, "cast_votes", votes=cast)


async def enter(market: Market, action: str) -> None:
    """Enter what all who held get by an option."""
    page: JsonValue = list(UNITS)
    await settle(market, P.TRANSFER_AGENT, "enter_entitlements", action, page)


# --- what must be so ---


def entitled_by(action: str) -> str:
    return f"units that bring {action}"


def acts() -> dict[str, Holdings]:
    """Return what moves as options are entered, as money is funded, and as each holder gets it."""
    entered = {
        f"{action} entered": holdings({entitled_by(action): units})
        for action, units in ELECTED.items()
    }
    paid = {
        f"{IN_MONEY} {holder}": holdings(
            {
                CASH: {holder: net, "revenue": withheld, "acme": -net - withheld},
                WAITING: {"acme": -net - withheld},
            }
        )
        for holder, (net, withheld) in PAID.items()
    }
    given = {
        f"{IN_UNITS} {holder}": holdings({SECURITY: {holder: units}})
        for holder, units in GIVEN.items()
    }
    sold = {SECURITY: {"alice": -SOLD, "bob": SOLD}, CASH: {"alice": PRICE, "bob": -PRICE}}
    claimed = {entitled_by(IN_UNITS): {"alice": -SOLD, "bob": SOLD}}
    return {
        **entered,
        "funded": holdings({WAITING: {"acme": FUNDED}}),
        "T-1 waits": holdings({CLAIMED: {"alice": SOLD}}),
        "T-1": holdings(sold),
        "T-1 claimed": holdings(claimed),
        **paid,
        **given,
    }


def having(state: StateView) -> Holdings:
    """Return units and money, what of it waits, and for how many units who gets which option."""
    assets: dict[str, Mapping[str, int]] = {
        SECURITY: units_of(state, SECURITY),
        CASH: money_of(state, CASH),
        WAITING: waiting_money_of(state, CASH),
    }
    claimed: Counter[str] = Counter()
    for action in ELECTED:
        rows = {holder: entitlement_of(state, action, holder) for holder in UNITS}
        assets[entitled_by(action)] = {
            holder: row.units for holder, row in rows.items() if row is not None
        }
        claimed.update({holder: row.claimed for holder, row in rows.items() if row is not None})
    return holdings({**assets, CLAIMED: claimed})


def happened(state: StateView) -> set[str]:
    """Return how far the options have come, and who has got what by them."""
    done = {
        f"{action} {holder}"
        for action, elected in ELECTED.items()
        for holder in elected
        if is_paid(state, action, holder)
    }
    known = {each: action_of(state, each) for each in ELECTED}
    status = {name: row.status for name, row in known.items() if row is not None}
    entered = {Status.ENTERED, Status.FUNDED}
    done |= {f"{action} entered" for action, each in status.items() if each in entered}
    done |= {"funded"} if status.get(IN_MONEY) is Status.FUNDED else set()
    claim_row = market_claim_of(state, f"{BALLOT}/{PAYOUT}", "T-1")
    stands = "" if claim_row is None else claim_row.status
    words = {ClaimStatus.OPEN: "T-1 waits", ClaimStatus.SETTLED: "T-1 claimed"}
    return done | settled_trades(state) | {word for each, word in words.items() if each == stands}


def supply(state: StateView) -> Mapping[str, int]:
    """Return how much there is of units and money, and for how many units each option is due."""
    sums = {action: totals_of(state, action) for action in ELECTED}
    due = {entitled_by(action): 0 if row is None else row.entitled for action, row in sums.items()}
    return {**trades.supply(state), **due}


COURSE = Course(
    live=live,
    begun=holdings({SECURITY: UNITS, CASH: MONEY}),
    acts=acts(),
    holdings=having,
    happened=happened,
    supply=supply,
    moves={
        "settlement.enter_entitlements",
        "settlement.fund_action",
        "settlement.pay_entitlements",
        "settlement.claim_entitlement",
        "settlement.raise_market_claim",
        "settlement.resolve_market_claim",
        "settlement.settle_at_once",
    },
    steps=[
        {f"{IN_MONEY} entered"},
        {f"{IN_UNITS} entered"},
        {"funded"},
        {"T-1 waits"},
        {"T-1"},
        {"T-1 waits", "T-1 claimed"},
        {f"{IN_MONEY} alice"},
        {f"{IN_MONEY} carol"},
        {f"{IN_UNITS} alice"},
        {f"{IN_UNITS} bob"},
    ],
)
