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
    meeting,
    open_payer,
)
from tests.unit.contracts.discipline.stage import call, note

from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.discipline.models import Cause
from tallystick.contracts.discipline.packs import BuyInClock, DisciplinePack, RegimePeriod
from tallystick.contracts.participants import Participant
from tallystick.contracts.testing import Market

DUE, ENTERED, FUNDED = "D-2", "D-3", "D-4"
"""Dividends of a past record date: nothing entered, alice's part entered, and money paid in too."""
EXPIRED, LATE, CALLED = "T-6", "T-7", "T-8"
"""Trades of two days ago: one that was to settle within a day, and two that may settle still.

For want of securities they have not, and a buy-in of the last one is called.
"""
MEETING, VOTED = "M-1", "M-2"
"""Meetings: one that is voted on, and one whose vote is over."""
SPLIT = "S-1"
"""A split of the halted security."""


PACK = DisciplinePack(
    kind="settlement-discipline",
    pack="p",
    version=1,
    title="Settlement discipline",
    jurisdiction="EU",
    dated="2024-01-01",
    buy_ins=(BuyInClock(instrument="share", business_days=2, execution_days=2, provision="§ 1"),),
)


def decide(market: Market) -> None:
    """Announce dividends and meetings, propose trades, and let two days pass."""
    open_payer(market)
    market.propose(market.terms(EXPIRED))
    for trade in (LATE, CALLED):
        agree_for_long(market, 10, trade)
    due = market.after(timedelta(0))[:10]
    market.submit(Participant.REGULATOR, Chaincode.SETTLEMENT, "publish_discipline", PACK)
    period = RegimePeriod(
        since=market.after(A_DAY)[:10], pack=PACK.pack, pack_version=1, standard="share"
    )
    market.submit(
        Participant.REGULATOR, Chaincode.SETTLEMENT, "judge_fails", Participant.ATS, period
    )
    long = market.after(9 * A_DAY)
    for terms in (
        dividend(market, DUE),
        dividend(market, ENTERED),
        dividend(market, FUNDED),
        meeting(market, MEETING, closes_at=long),
        meeting(market, VOTED),
    ):
        announce(market, terms)
        confirm(market, terms.action)
    market.ledger.advance(2 * A_DAY)
    market.submit(Participant.TRANSFER_AGENT, Chaincode.TOKEN, "seal_record_dates", "ACME")
    for action in (ENTERED, FUNDED):
        enter(market, "alice", action=action)
    fund(market, 5000, action=FUNDED)
    for trade in (LATE, CALLED):
        note(market, due, Cause.LACK_OF_SECURITIES, "seller", trade)
    call(market, trade=CALLED)
