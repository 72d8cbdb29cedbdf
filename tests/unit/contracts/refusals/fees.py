"""Scenarios whose last call is refused: fees."""

from tests.unit.contracts.fees import set_fees
from tests.unit.contracts.refusals.scenarios import reaches

from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.fees.models import FeeKind, FeeLine
from tallystick.contracts.models import MAX_QUANTITY
from tallystick.contracts.participants import Participant
from tallystick.contracts.reasons import FeeReason
from tallystick.contracts.testing import Market

LINE = FeeLine(kind=FeeKind.TRADE, payer="buyer", receiver="alice", flat=1)


@reaches(FeeReason.FEE_TWICE)
def _(market: Market) -> None:
    set_fees(market, LINE, LINE.model_copy(update={"flat": 2}))


@reaches(FeeReason.FEE_BOUNDS_WRONG)
def _(market: Market) -> None:
    set_fees(market, LINE.model_copy(update={"minimum": 2, "maximum": 1}))


@reaches(FeeReason.FEE_PAYER_WRONG)
def _(market: Market) -> None:
    asked = {"kind": FeeKind.SUBSCRIPTION, "payer": "seller"}
    set_fees(market, LINE.model_copy(update=asked), by=Participant.BROKER_DEALER)


@reaches(FeeReason.FEE_TOO_LARGE)
def _(market: Market) -> None:
    set_fees(market, LINE.model_copy(update={"flat": MAX_QUANTITY, "basis_points": 1}))
    quoted = (Participant.ATS, "trade", "ACME", 10_000)
    market.evaluate(Chaincode.SETTLEMENT, "quote_fees", *quoted)
