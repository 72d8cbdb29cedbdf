"""Reasons: organisations, their licences, and the separation of functions."""

from enum import unique

from tallystick.contracts.reasons.table import Kind, ReasonTable


@unique
class LicenceReason(ReasonTable):
    """Organisations, their licences, and the separation of functions."""

    LICENCE_MISSING = (
        Kind.CALLER,
        "{organization} has no licence for this; it needs the power {powers}.",
    )
    LICENCE_NOT_YET_VALID = (
        Kind.CALLER,
        "The licence '{licence_class}' of {organization} begins only at {valid_from}.",
    )
    LICENCE_EXPIRED = (
        Kind.CALLER,
        "The licence '{licence_class}' of {organization} ended at {valid_until}; renew it.",
    )
    LICENCE_SUSPENDED = (
        Kind.CALLER,
        "The licence '{licence_class}' of {organization} is suspended: {reason}.",
    )
    LICENCE_UNKNOWN = (Kind.NOT_FOUND, "{organization} has no licence '{licence_class}'.")
    LICENCE_NOT_SUSPENDED = (
        Kind.CONFLICT,
        "The licence '{licence_class}' of {organization} is not suspended.",
    )
    LICENCE_WINDOW_EMPTY = (
        Kind.MALFORMED,
        "It must end in the future and after it begins; {valid_until} does not.",
    )
    LICENCES_TOO_MANY = (
        Kind.CONFLICT,
        "{organization} would have more than {limit} licences; revoke one that has ended.",
    )
    LICENCE_CLASS_UNKNOWN = (
        Kind.NOT_FOUND,
        "There is no class of licence '{licence_class}'; the regulator can define it.",
    )
    NOT_FOR_ONESELF = (
        Kind.CALLER,
        "{organization} may not decide about its own licences; another with the power must.",
    )
    FUNCTIONS_NOT_SEPARATE = (
        Kind.CALLER,
        "{organization} may not {second} where it did {first}: the two conflict, "
        "and no waiver is in force.",
    )
    WAIVER_UNKNOWN = (
        Kind.NOT_FOUND,
        "{organization} has no waiver for {first} together with {second}.",
    )
    ORGANIZATION_TAKEN = (
        Kind.CONFLICT,
        "{organization} is represented by {identity} already; release it first.",
    )
    ORGANIZATION_NOT_REPRESENTED = (
        Kind.CONFLICT,
        "{organization} holds units by no identity.",
    )
