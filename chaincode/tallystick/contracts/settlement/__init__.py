"""Delivery versus payment: a trade, two consents, both legs locked, both delivered at once."""

from tallystick.contracts.settlement.contract import SettlementContract

__all__ = ["SettlementContract"]
