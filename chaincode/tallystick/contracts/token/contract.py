"""The token contract, as callers see it: put together from the parts of its concerns."""

from tallystick.contracts.register.delivery import DeliveryFunctions
from tallystick.contracts.register.freezes import FreezeFunctions
from tallystick.contracts.register.issuance import IssuanceFunctions
from tallystick.contracts.register.transfers import TransferFunctions
from tallystick.contracts.register.views import RegisterViews


class TokenContract(
    IssuanceFunctions,
    TransferFunctions,
    FreezeFunctions,
    DeliveryFunctions,
    RegisterViews,
):
    """Securities and their holders."""

    name = "token"
