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
        "{participant} may not create or redeem {cash}; only {bank}, who owes it, may.",
    )
