"""What has begun two days before the calls of the permission matrix: actions, and two trades."""

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

from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.participants import Participant
from tallystick.contracts.testing import Market

DUE, ENTERED, FUNDED = "D-2", "D-3", "D-4"
"""Dividends of a past record date: nothing entered, alice's part entered, and money paid in too."""
EXPIRED, LATE = "T-6", "T-7"
"""Trades of two days ago: one that was to settle within a day, and one that may settle still."""
MEETING, VOTED = "M-1", "M-2"
"""Meetings: one that is voted on, and one whose vote is over."""
SPLIT = "S-1"
"""A split of the halted security."""


def decide(market: Market) -> None:
    """Announce dividends and meetings, propose trades, and let two days pass."""
    open_payer(market)
    market.propose(market.terms(EXPIRED))
    agree_for_long(market, 10, LATE)
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
