"""What all events have in common."""

from enum import StrEnum

from tallystick.chaincode import DomainEvent


class Basis(StrEnum):
    """By what right units or money moved."""

    ISSUE = "issue"
    REDEMPTION = "redemption"
    TRANSFER = "transfer"
    ALLOWANCE = "allowance"
    SETTLEMENT = "settlement"
    NET_DELIVERY = "net-delivery"
    DISTRIBUTION = "distribution"
    HOLD = "hold"
    FORCED = "forced"


class LedgerEvent(DomainEvent):
    """An event of one of the contracts of this package."""
