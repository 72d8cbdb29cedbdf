"""Money on the ledger: tokenised deposits, each owed by the settlement bank that made it."""

from tallystick.contracts.cash.contract import CashContract

__all__ = ["CashContract"]
