"""Reasons: money and the banks that owe it."""

from enum import unique

from tallystick.contracts.reasons.table import Kind, ReasonTable


@unique
class MoneyReason(ReasonTable):
    """Money and the banks that owe it."""

    CASH_UNKNOWN = (Kind.NOT_FOUND, "There is no cash {cash}.")
    CASH_EXISTS = (Kind.CONFLICT, "Cash {cash} exists already.")
    NOT_THE_ISSUING_BANK = (
        Kind.CALLER,
        "{participant} may not create, lend or redeem {cash}; only {bank}, who owes it, may.",
    )
    NOT_OF_THE_BANK = (
        Kind.CALLER,
        "{signer} does not represent {bank}; an identity that does must sign this.",
    )
    PAYMENT_RECORDED = (
        Kind.CONFLICT,
        "The payment {reference} of {bank} is on the ledger already; each one counts once.",
    )
    RESERVATION_EXISTS = (
        Kind.CONFLICT,
        "{keeper} has money of {holder} reserved as {reservation} already.",
    )
    RESERVATION_UNKNOWN = (
        Kind.NOT_FOUND,
        "{keeper} has no money of {holder} reserved as {reservation}; it may have ended.",
    )
    RESERVATIONS_TOO_MANY = (
        Kind.RULE,
        "{holder} has all the {limit} reservations of {cash} that it may have; release some first.",
    )
    RESERVATION_TOO_LARGE = (
        Kind.BALANCE,
        "{amount} of {holder} cannot be reserved as {reservation}; at most {most} can.",
    )
    RESERVATION_ENDLESS = (
        Kind.MALFORMED,
        "What is reserved for order {reservation} must end some time; say when.",
    )
    RESERVATION_SHORTENED = (
        Kind.CONFLICT,
        "{reservation} of {holder} lasts {until}; {keeper} counts on it, so it can be made to end"
        " later only. What {keeper} counts on no more, it gives back.",
    )
    DEBIT_CAP_EXCEEDED = (
        Kind.BALANCE,
        "{holder} would owe {missing} more of {cash} than its debit cap of {cap} allows.",
    )
    NOTHING_TO_COLLECT = (
        Kind.NOT_FOUND,
        "{receiver} has no fees in {cash} to collect from transaction {transaction}.",
    )
    RECEIPT_EXISTS = (Kind.CONFLICT, "{bank} has used the number {number} for a receipt already.")
    RECEIPT_UNKNOWN = (Kind.NOT_FOUND, "There is no receipt {number} of {bank}.")
    RECEIPT_NOT_OPEN = (
        Kind.CONFLICT,
        "Receipt {number} of {bank} is {state}; each counts once, so a new one is needed.",
    )
    RECEIPT_EXPIRED = (Kind.RULE, "Receipt {number} of {bank} could be used until {expires_at}.")
    RECEIPT_DIFFERS = (
        Kind.RULE,
        "Receipt {number} of {bank} is not for this payment; payer, payee, amount, currency,"
        " use and subject must be the same.",
    )
