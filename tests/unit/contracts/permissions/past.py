"""The corporate actions of the permission matrix, and the two days that they take."""

from tests.unit.contracts.actions_stage import (
    A_DAY,
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
MEETING, VOTED = "M-1", "M-2"
"""Meetings: one that is voted on, and one whose vote is over."""
SPLIT = "S-1"
"""A split of the halted security."""


def decide(market: Market) -> None:
    """Announce dividends and meetings, and let two days pass."""
    open_payer(market)
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
