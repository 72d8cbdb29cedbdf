"""Reasons: fees."""

from enum import unique

from tallystick.contracts.reasons.table import Kind, ReasonTable


@unique
class FeeReason(ReasonTable):
    """What is wrong with a schedule of fees."""

    FEE_TWICE = (
        Kind.MALFORMED,
        "There are two fees for one {kind} in {security} from the {payer} to {receiver}; make them"
        " one.",
    )
    FEE_BOUNDS_WRONG = (
        Kind.MALFORMED,
        "A fee of {receiver} is to be at least {minimum} and at most {maximum}; swap them.",
    )
