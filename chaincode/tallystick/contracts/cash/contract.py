"""The cash contract, as callers see it: put together from its parts."""

from tallystick.contracts.cash.functions.accounts import AccountFunctions
from tallystick.contracts.cash.functions.delivery import DeliveryFunctions
from tallystick.contracts.cash.functions.limits import LimitFunctions
from tallystick.contracts.cash.functions.movements import MovementFunctions
from tallystick.contracts.cash.functions.receipts import ReceiptFunctions


class CashContract(
    MovementFunctions,
    LimitFunctions,
    DeliveryFunctions,
    ReceiptFunctions,
    AccountFunctions,
):
    """Money that banks owe. Amounts are in the minor unit of the currency."""

    name = "cash"
