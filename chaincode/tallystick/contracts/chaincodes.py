"""The names under which the contracts are deployed and call each other."""

from enum import StrEnum


class Chaincode(StrEnum):
    """One contract of the product, as the channel knows it."""

    IDENTITY = "identity"
    TOKEN = "token"  # noqa: S105 -- the name of a chaincode
    CASH = "cash"
    SETTLEMENT = "settlement"
