"""Reasons: securities, and quantities of them or of money."""

from enum import unique

from tallystick.contracts.reasons.table import Kind, ReasonTable


@unique
class RegisterReason(ReasonTable):
    """Securities, and quantities of them or of money."""

    SECURITY_UNKNOWN = (Kind.NOT_FOUND, "There is no security {security}.")
    SECURITY_EXISTS = (Kind.CONFLICT, "Security {security} exists already.")
    SECURITY_ENDED = (
        Kind.HALTED,
        "{security} has ended: {reason}; its units can only be redeemed.",
    )
    ISSUANCE_CLOSED = (Kind.RULE, "The issue of {security} is closed for ever.")
    CAP_EXCEEDED = (
        Kind.RULE,
        "There are {supply} units of {security}; with {quantity} more, there would be more than"
        " the cap of {cap}.",
    )
    CAP_BELOW_SUPPLY = (
        Kind.CONFLICT,
        "There are {supply} units of {security} already; the cap cannot be {cap}.",
    )
    GRANULARITY_MISSED = (
        Kind.RULE,
        "{security} moves in multiples of {granularity}; {quantity} is none.",
    )
    ENFORCEMENT_RENOUNCED = (
        Kind.RULE,
        "Units of {security} are not moved against their holder's will: this was given up.",
    )
    DOCUMENT_UNKNOWN = (Kind.NOT_FOUND, "{security} has no document {name}.")
    SECURITY_NOT_PAUSED = (Kind.CONFLICT, "{security} is not paused.")
    SAME_PARTY = (Kind.MALFORMED, "{holder} cannot be on both sides.")
    HOLDER_NOT_FROZEN = (Kind.CONFLICT, "{holder} is not frozen in {security}.")
    INSUFFICIENT_AVAILABLE = (
        Kind.BALANCE,
        "{holder} has {available} of {asset} available, {missing} too few ({quantity} held,"
        " of which {held} on hold and {frozen} frozen).",
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
    ALLOWANCE_DIFFERS = (
        Kind.CONFLICT,
        "{holder} allows {spender} {remaining} of {security}, not {expected} as was expected;"
        " nothing is changed.",
    )
    ALLOWANCE_UNBOUNDED = (
        Kind.CONFLICT,
        "{holder} allows {spender} all of its {security}; that is not raised or lowered by a"
        " number.",
    )
    ALLOWANCE_TOO_LARGE = (
        Kind.MALFORMED,
        "{holder} would allow {spender} {quantity} of {security}; a row says at most {limit}.",
    )
    ALLOWANCE_NOT_COVERED = (
        Kind.BALANCE,
        "{holder} has {available} of {security} available, and shall allow {quantity}.",
    )
    CHANGE_UNKNOWN = (
        Kind.CONFLICT,
        "{security} has no row {transaction} of {whose} in its count '{count}', or no more; ask for"
        " the rows anew.",
    )
    MOMENT_PAST = (Kind.MALFORMED, "{moment} is not in the future; it is {now}.")
    NOT_THE_NOTARY = (
        Kind.CALLER,
        "The hold {hold} of {holder} is for {notary} to execute or release, not for {participant}.",
    )
    SECRET_WRONG = (Kind.CALLER, "This is not the secret of the hold {hold} of {holder}.")
    HOLD_EXPIRED = (
        Kind.CONFLICT,
        "The hold {hold} of {holder} ended at {expires_at}; it can only be released.",
    )
    HOLD_SHORTENED = (
        Kind.CONFLICT,
        "The hold {hold} of {holder} lasts until {expires_at}; who counts on it must be able to, so"
        " it can be made to end later only.",
    )
    HOLD_RECEIVER_MISSING = (
        Kind.MALFORMED,
        "The hold {hold} of {holder} is for nobody in particular: say who receives.",
    )
    HOLD_EXISTS = (Kind.CONFLICT, "{holder} has a hold {hold} on units of {asset} already.")
    HOLD_UNKNOWN = (Kind.NOT_FOUND, "{holder} has no hold {hold} on units of {asset}.")
    RECORD_DATE_EXISTS = (
        Kind.CONFLICT,
        "{security} has a record date {record_date} already; give this one another name.",
    )
    RECORD_DATE_UNKNOWN = (Kind.NOT_FOUND, "{security} has no record date {record_date}.")
    RECORD_DATE_OPEN = (
        Kind.CONFLICT,
        "The record date {record_date} of {security} is {at} and not sealed: what is held then is"
        " known when it is.",
    )
    RECORD_DATE_SEALED = (
        Kind.CONFLICT,
        "The record date {record_date} of {security} was sealed; it is not taken back.",
    )
    RECORD_DATES_TOO_MANY = (
        Kind.CONFLICT,
        "{security} has {limit} record dates to come; cancel one of them first.",
    )
    SPLIT_NOT_PAUSED = (
        Kind.CONFLICT,
        "Units of {security} move; pause it, split it, and let it move again.",
    )
    SPLIT_EMPTY = (Kind.MALFORMED, "{new} units for {old} change nothing.")
    SPLIT_TOO_LARGE = (
        Kind.CONFLICT,
        "After the split there would be {supply} units of {security}, more than {limit}.",
    )
    SPLITS_TOO_MANY = (Kind.CONFLICT, "{security} has been split {limit} times, and no more.")
    SPLIT_FRACTION = (
        Kind.CONFLICT,
        "{quantity} units of {security} of {holder} do not become a whole number, or multiple of"
        " {granularity}, at {new} for {old}; end or release what is over before.",
    )
    AGREED_FRACTION = (
        Kind.CONFLICT,
        "A split of {security} leaves a fraction of the {quantity} units that {holder} agreed to"
        " give; agree it anew.",
    )
    HOLD_DIFFERS = (
        Kind.CONFLICT,
        "The hold {hold} is on {quantity} of {asset} for {receiver}, and nothing else.",
    )
