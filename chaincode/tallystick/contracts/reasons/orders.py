"""Reasons: orders."""

from enum import unique

from tallystick.contracts.reasons.table import Kind, ReasonTable


@unique
class OrderReason(ReasonTable):
    """Orders."""

    ORDER_UNKNOWN = (Kind.NOT_FOUND, "There is no order {order} at {venue}.")
    ORDER_EXISTS = (Kind.CONFLICT, "Order {order} exists already; a name is used once, for ever.")
    ORDER_OVER = (Kind.CONFLICT, "Order {order} has ended, or is filled.")
    ORDER_DIFFERS = (Kind.CONFLICT, "This does not fit order {order}: its {what} is another.")
    ORDER_WITHOUT_ACCOUNT = (Kind.RULE, "{venue} asks for accounts; order {order} names none.")
    SIGNER_NOT_LICENSED = (
        Kind.RULE,
        "Order {order} is of an identity of {organization}, which has no live licence.",
    )
    UNITS_COMMITTED = (
        Kind.BALANCE,
        "{holder} has not {quantity} units of {security} left to commit to an order.",
    )
    PERMIT_VOID = (
        Kind.CONFLICT,
        "This permit does not count: it is of something else, over, or was overtaken; ask again.",
    )
    PERMIT_KEY_MISSING = (
        Kind.CONFLICT,
        "Orders cannot be placed yet: whoever clears has to call renew_permit_key first.",
    )
