"""Reasons: fees."""

from enum import unique

from tallystick.contracts.reasons.table import Kind, ReasonTable


@unique
class FeeReason(ReasonTable):
    """What is wrong with a schedule of fees, or with what it comes to."""

    FEE_TWICE = (
        Kind.MALFORMED,
        "There are two fees for one {kind} in {security} from the {payer} to {receiver}; make them"
        " one.",
    )
    FEE_BOUNDS_WRONG = (
        Kind.MALFORMED,
        "A fee of {receiver} is to be at least {minimum} and at most {maximum}; swap them.",
    )
    FEE_PAYER_WRONG = (
        Kind.MALFORMED,
        "The issuer has agreed to no fee of {receiver} for a subscription; let the buyer pay it.",
    )
    FEE_TOO_LARGE = (
        Kind.RULE,
        "The fee that {payer} would pay to {receiver} is {amount}, and {limit} is the most that it"
        " can be; let who takes it set its maximum.",
    )
