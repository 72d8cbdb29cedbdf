"""Reasons: securities, and quantities of them or of money."""

from enum import unique

from tallystick.contracts.reasons.table import Kind, ReasonTable


@unique
class RegisterReason(ReasonTable):
    """Securities, and quantities of them or of money."""

    SECURITY_UNKNOWN = (Kind.NOT_FOUND, "There is no security {security}.")
    SECURITY_EXISTS = (Kind.CONFLICT, "Security {security} exists already.")
    SECURITY_NOT_PAUSED = (Kind.CONFLICT, "{security} is not paused.")
    SAME_PARTY = (Kind.MALFORMED, "{holder} cannot be on both sides.")
    HOLDER_NOT_FROZEN = (Kind.CONFLICT, "{holder} is not frozen in {security}.")
    INSUFFICIENT_AVAILABLE = (
        Kind.BALANCE,
        "{holder} has {available} of {asset} available, {missing} too few ({quantity} held,"
        " of which {locked} locked and {frozen} frozen).",
    )
    HOLDING_TOO_LARGE = (
        Kind.RECEIVER,
        "{holder} would have {quantity} of {asset}; a row of the register holds at most {limit}.",
    )
    LOTS_TOO_MANY = (
        Kind.RECEIVER,
        "{holder} would have {lots} lots of {asset} that differ in more than dates; at most {limit}"
        " fit into a row of the register.",
    )
    LOTS_TOO_FEW = (
        Kind.BALANCE,
        "{holder} has too few of the lots of {asset} that shall move: of {quantity}, {missing}"
        " are missing.",
    )
    INSUFFICIENT_FROZEN = (
        Kind.BALANCE,
        "{holder} has {frozen} units of {asset} frozen, {missing} too few to unfreeze that many.",
    )
    ALLOWANCE_MISSING = (Kind.ALLOWANCE, "{holder} allows {spender} nothing of {security}.")
    ALLOWANCE_EXPIRED = (
        Kind.ALLOWANCE,
        "What {holder} allowed {spender} of {security} ended at {expires_at}.",
    )
    ALLOWANCE_EXCEEDED = (
        Kind.ALLOWANCE,
        "{holder} allows {spender} {remaining} of {security}, not {quantity}.",
    )
    LOCK_EXISTS = (Kind.CONFLICT, "{holder} has units of {asset} locked for {lock} already.")
    LOCK_UNKNOWN = (Kind.NOT_FOUND, "{holder} has no units of {asset} locked for {lock}.")
    LOCK_DIFFERS = (
        Kind.CONFLICT,
        "What is locked for {lock} is {quantity} of {asset} for {receiver}, and nothing else.",
    )
