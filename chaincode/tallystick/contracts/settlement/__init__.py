"""The chaincode of trades and of all that is settled: it holds neither units nor money."""

from tallystick.contracts.settlement.contract import SettlementContract

__all__ = ["SettlementContract"]
