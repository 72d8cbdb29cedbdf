"""Reasons: what rules hold against a movement of units."""

from enum import unique

from tallystick.contracts.reasons.table import Kind, ReasonTable


@unique
class ComplianceReason(ReasonTable):
    """What rules hold against a movement of units."""

    SECURITY_PAUSED = (Kind.HALTED, "{security} is paused: {reason}.")
    SENDER_NOT_VERIFIED = (Kind.SENDER, "{holder} may not part with {asset} now. {cause}")
    RECEIVER_NOT_VERIFIED = (Kind.RECEIVER, "{holder} may not receive {asset}. {cause}")
    SENDER_FROZEN = (Kind.SENDER, "The holding of {holder} in {asset} is frozen: {reason}.")
    RECEIVER_FROZEN = (
        Kind.RECEIVER,
        "{holder} is frozen in {asset} and may not receive any: {reason}.",
    )
