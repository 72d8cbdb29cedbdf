"""Reasons: links between brokerage accounts and identities."""

from enum import unique

from tallystick.contracts.reasons.table import Kind, ReasonTable


@unique
class AccountReason(ReasonTable):
    """Links between brokerage accounts and identities."""

    CHALLENGE_LIFE_WRONG = (
        Kind.MALFORMED,
        "A challenge must end in the future and within {hours} hours; {expires_at} does not.",
    )
    CHALLENGE_UNKNOWN = (
        Kind.NOT_FOUND,
        "{venue} has opened no such challenge; ask it to show a code, and sign for that venue.",
    )
    CHALLENGE_SPENT = (
        Kind.CONFLICT,
        "This challenge of {venue} was used before; each is good once.",
    )
    CHALLENGE_EXPIRED = (
        Kind.CALLER,
        "This challenge of {venue} was good until {expires_at}; ask for another.",
    )
    CHALLENGE_FOR_ANOTHER = (
        Kind.CALLER,
        "This challenge of {venue} is for another {what} than {given}.",
    )
    ACCOUNT_TAKEN = (
        Kind.CONFLICT,
        "Account {account} at {venue} is linked to an identity already; unlink it first.",
    )
    ACCOUNT_NOT_LINKED = (Kind.RULE, "{identity} has no such account at {venue}; link one first.")
    ACCOUNTS_TOO_MANY = (
        Kind.CONFLICT,
        "{identity} would have more than {limit} accounts at {venue}; unlink one.",
    )
