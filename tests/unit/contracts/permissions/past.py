"""What has begun two days before the calls of the permission matrix: actions, and trades."""

from datetime import timedelta

from tests.unit.contracts.actions_stage import (
    A_DAY,
    agree_for_long,
    announce,
    confirm,
    dividend,
    enter,
    fund,
    given,
    meeting,
    open_payer,
    raise_claim,
)
from tests.unit.contracts.discipline.stage import call, note
from tests.unit.contracts.permissions import netting, offered
from tests.unit.contracts.permissions.roles import P
from tests.unit.contracts.trades.stage import settle_at_once

from tallystick.contracts.actions.terms import ActionType
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.discipline.models import Cause
from tallystick.contracts.discipline.packs import (
    BuyInClock,
    DisciplinePack,
    RegimePeriod,
    SecuritiesRate,
)
from tallystick.contracts.testing import Market
from tallystick.contracts.timelines import RecordDate

SETTLEMENT = Chaincode.SETTLEMENT
AN_HOUR = timedelta(hours=1)

DUE, ENTERED, FUNDED, CLAIMED, LAPSED = "D-2", "D-3", "D-4", "D-5", "D-6"
"""Dividends of a past record date.

Of the first nothing is entered, of the others alice's part; money is paid in for the third and the
last, of which nothing can be claimed any more. What alice gets by the fourth, bob claims.
"""
EXPIRED, LATE, CALLED, GIVEN_UP, SOLD = "T-6", "T-7", "T-8", "T-10", "T-11"
"""Trades of two days ago: one that was to settle within a day, and four that may settle still.

Three of these have not, for want of securities; of the last two of the three a buy-in is called,
and one of these is given up. SOLD has settled since: bob's claim is for it.
"""
STUCK = "T-12"
"""A trade whose legs are locked, and whose mediator's approval has ended."""
REPLACEMENT = "T-13"
"""A trade by which bob has bought elsewhere, since the buy-in was called."""
MEETING, VOTED = "M-1", "M-2"
"""Meetings: one that is voted on, and one whose vote is over."""
MATURED, BOND = "R-1", "DELTA"
"""A redemption that is paid for, and the security that ends by it."""
DATED = "GAMMA"
"""A security whose record date has come; nothing is sealed of it."""
SPLIT = "S-1"
"""A split of the halted security."""


PACK = DisciplinePack(
    kind="settlement-discipline",
    pack="p",
    version=1,
    title="Settlement discipline",
    jurisdiction="EU",
    dated="2024-01-01",
    securities=(SecuritiesRate(instrument="share", per_million=10_000, provision="§ 2"),),
    buy_ins=(BuyInClock(instrument="share", business_days=2, execution_days=2, provision="§ 1"),),
)


def decide(market: Market) -> None:
    """Announce dividends and meetings, agree on trades, and let two days pass."""
    due = market.after(timedelta(0))[:10]
    _agree(market)
    netting.fill(market)
    offered.announce_briefly(market)
    _judge_fails(market)
    _announce(market)
    market.ledger.advance(2 * A_DAY)
    netting.end(market)
    _distribute(market)
    _fail(market, due)
    _buy_elsewhere(market)


def _agree(market: Market) -> None:
    """Let alice sell to bob, again and again; lock what a mediator has approved for an hour."""
    market.propose(market.terms(EXPIRED))
    for trade in (LATE, CALLED, GIVEN_UP, SOLD):
        agree_for_long(market, 10, trade)
    stuck = {"mediators": (P.BROKER_DEALER,), "expires_at": market.after(9 * A_DAY)}
    market.agree(market.terms(STUCK).model_copy(update=stuck))
    soon = market.after(AN_HOUR)
    market.submit(P.BROKER_DEALER, SETTLEMENT, "approve_trade", STUCK, soon)
    market.lock(STUCK)


def _judge_fails(market: Market) -> None:
    """Let fails be judged from tomorrow on."""
    market.submit(P.REGULATOR, SETTLEMENT, "publish_discipline", PACK)
    period = RegimePeriod(
        since=market.after(A_DAY)[:10], pack=PACK.pack, pack_version=1, standard="share"
    )
    market.submit(P.REGULATOR, SETTLEMENT, "judge_fails", P.ATS, period)


def _announce(market: Market) -> None:
    """Decide on dividends and meetings whose record date is tomorrow."""
    open_payer(market)
    for security in (BOND, DATED):
        market.create_security(security)
    market.issue("alice", 10, BOND)
    tomorrow = RecordDate(name="r-1", at=market.after(A_DAY))
    market.submit(P.TRANSFER_AGENT, Chaincode.TOKEN, "schedule_record_date", DATED, tomorrow)
    brief = given(
        market,
        payable_at=market.after(A_DAY + AN_HOUR),
        claims_until=market.after(A_DAY + 2 * AN_HOUR),
    )
    for terms in (
        *(dividend(market, action) for action in (DUE, ENTERED, FUNDED, CLAIMED)),
        dividend(market, LAPSED, distribution=brief),
        meeting(market, MEETING, closes_at=market.after(9 * A_DAY)),
        meeting(market, VOTED),
        dividend(market, MATURED, security=BOND, action_type=ActionType.REDEMPTION),
    ):
        announce(market, terms)
        confirm(market, terms.action)


def _distribute(market: Market) -> None:
    """Enter what alice gets; let bob claim some of it, for a trade that settles then."""
    market.submit(P.TRANSFER_AGENT, Chaincode.TOKEN, "seal_record_dates", "ACME")
    market.submit(P.TRANSFER_AGENT, Chaincode.TOKEN, "seal_record_dates", BOND)
    for action in (ENTERED, FUNDED, CLAIMED, LAPSED, MATURED):
        enter(market, "alice", action=action)
    fund(market, 50, action=MATURED)
    for action in (FUNDED, LAPSED):
        fund(market, 5000, action=action)
    raise_claim(market, SOLD, CLAIMED)
    settle_at_once(market, SOLD)


def _fail(market: Market, due: str) -> None:
    """Record why trades have failed, call two buy-ins, and give one of them up."""
    for trade in (LATE, CALLED, GIVEN_UP):
        note(market, due, Cause.LACK_OF_SECURITIES, "seller", trade)
    for trade in (CALLED, GIVEN_UP):
        call(market, trade=trade)
    market.submit(P.BROKER_DEALER, SETTLEMENT, "give_up_buy_in", GIVEN_UP)


def _buy_elsewhere(market: Market) -> None:
    """Let bob have from erin what alice does not deliver."""
    market.onboard("erin")
    market.issue("erin", 10)
    market.agree(market.terms(REPLACEMENT).model_copy(update={"seller": "erin"}))
    settle_at_once(market, REPLACEMENT)
