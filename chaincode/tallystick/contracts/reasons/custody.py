"""Reasons: custodians and their clients."""

from enum import unique

from tallystick.contracts.reasons.table import Kind, ReasonTable


@unique
class CustodyReason(ReasonTable):
    """Custodians and their clients."""

    CUSTODIAN_UNKNOWN = (Kind.NOT_FOUND, "{custodian} has opened no custody.")
    NOT_ITS_ACCOUNT = (Kind.CONFLICT, "{account} is no account in which {custodian} safeguards.")
    NOT_A_CLIENT = (Kind.RECEIVER, "{client} is no client of {custodian}.")
    CLIENT_EXISTS = (Kind.CONFLICT, "{client} is a client of {custodian} already.")
    ALLOWANCE_NOT_FOR_CUSTODY = (
        Kind.CONFLICT,
        "What {holder} allows is not for {custodian} to draw {security} that it distributes to"
        " that client.",
    )
    COVER_WINDOW_EMPTY = (
        Kind.MALFORMED,
        "An insurance cannot end at {valid_until} and begin at {valid_from}.",
    )
