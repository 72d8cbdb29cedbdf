"""Fees in tests."""

from tallystick.chaincode.testing import Outcome
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.fees.models import FeeLine
from tallystick.contracts.participants import Participant
from tallystick.contracts.testing import Market


def set_fees(market: Market, *lines: FeeLine, by: str = Participant.ATS) -> Outcome:
    """Let the ATS, or somebody else, take these fees."""
    return market.submit(by, Chaincode.SETTLEMENT, "set_fees", list(lines))
