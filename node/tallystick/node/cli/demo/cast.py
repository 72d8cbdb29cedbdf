"""Who and what the demo is about."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from tallystick.contracts.participants import Participant


@dataclass(frozen=True, slots=True)
class Firm:
    """A licensed organisation, in words.

    Attributes:
        name: As the story calls it.
        task: What it is there for.
    """

    name: str
    task: str


FIRMS: Final[Mapping[Participant, Firm]] = MappingProxyType(
    {
        Participant.ATS: Firm("Trading venue", "brings buyers and sellers together (the ATS)"),
        Participant.CLEARING: Firm("Clearing firm", "exchanges securities against money"),
        Participant.TRANSFER_AGENT: Firm("Transfer agent", "keeps the register of holders"),
        Participant.BROKER_DEALER: Firm("Broker-dealer", "acts for the investors"),
        Participant.BANK: Firm("Bank", "owes the money that is held as digital cash"),
        Participant.ISSUER: Firm("Issuer", "the company whose shares are traded"),
        Participant.REGULATOR: Firm("Regulator", "decides whose checks count; reads everything"),
    }
)

NODES: Final = (Participant.ATS, Participant.CLEARING, Participant.TRANSFER_AGENT)
"""Those who run a node of their own, with a full copy of the ledger."""

ALICE: Final = "alice"
BOB: Final = "bob"
CAROL: Final = "carol"
VERIFIED: Final = (ALICE, BOB)
INVESTORS: Final = (ALICE, BOB, CAROL)

KYC_HOUSE: Final = "kyc-house"
KYC: Final = "kyc"

SHARE: Final = "NORTH"
SHARE_NAME: Final = "Northwind Robotics common stock"
CASH: Final = "USD"

SHARES_ISSUED: Final = 1_000
BOBS_DEPOSIT: Final = 10_000_00
CAROLS_DEPOSIT: Final = 5_000_00
PRICE: Final = 12_40
"""Cents for one share, for less than which Alice does not sell."""

HIGHEST_PRICE: Final = 12_50
"""Cents for one share, for more than which Bob does not buy."""


def firm_name(msp_id: str) -> str:
    """Return what the story calls an organisation."""
    return FIRMS[Participant(msp_id)].name
