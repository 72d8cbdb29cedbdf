"""What a licence lets an organisation do: the words that functions ask for."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class Power(StrEnum):
    """What functions ask for. Classes of licence, which are data, say who has it."""

    LICENSE = "license"
    OVERSEE = "oversee"
    KEEP_REGISTER = "keep-register"
    ISSUE_SECURITIES = "issue-securities"
    OPERATE_VENUE = "operate-venue"
    CLEAR = "clear"
    SAFEGUARD = "safeguard"
    ACT_FOR_CLIENTS = "act-for-clients"
    ISSUE_CASH = "issue-cash"
    SETTLE_DIRECTLY = "settle-directly"
    ISSUE_CENTRAL_BANK_MONEY = "issue-central-bank-money"


MEANINGS: Mapping[Power, str] = MappingProxyType(
    {
        Power.LICENSE: "grant, suspend and revoke licences and waivers; define classes of them",
        Power.OVERSEE: "halt, freeze, read everything, acknowledge decisions; it moves nothing",
        Power.KEEP_REGISTER: "issue and redeem units, correct the register, recover identities",
        Power.ISSUE_SECURITIES: "offer securities and announce corporate actions",
        Power.OPERATE_VENUE: "list securities, match orders, record trades",
        Power.CLEAR: "lock, deliver and net trades",
        Power.SAFEGUARD: "draw units that their holders allow",
        Power.ACT_FOR_CLIENTS: "use the mandates that identities grant",
        Power.ISSUE_CASH: "owe money on the ledger",
        Power.SETTLE_DIRECTLY: "be a settlement member: for its own trades and as others' agent",
        Power.ISSUE_CENTRAL_BANK_MONEY: "issue the money of a central bank on the ledger",
    }
)

READING: tuple[Power, ...] = (Power.OVERSEE, Power.KEEP_REGISTER, Power.CLEAR)
"""With any of these, an organisation may read what is confidential."""
