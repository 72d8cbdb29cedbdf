"""The roles of the permission matrix, and what its table says of a function.

A role is an organisation with a licence of one class, one for each class that comes with the code;
and the stranger, which has none.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from tests.unit.contracts.money import CASHIER

from tallystick.chaincode.codec import Argument
from tallystick.contracts.models import Model
from tallystick.contracts.participants import Participant
from tallystick.contracts.reasons import AccessReason, LicenceReason, ReasonTable
from tallystick.contracts.statements import Statement
from tallystick.contracts.testing import LICENCES, Market
from tallystick.contracts.wallet import Wallet

P = Participant
FAMILY_OFFICE = "FamilyOfficeMSP"
INVESTMENT_MANAGER = "InvestmentManagerMSP"
CUSTODIAN = "CustodianMSP"
DELEGATE = "DelegateMSP"
CENTRAL_BANK = "CentralBankMSP"
INTRODUCING = "IntroducingMSP"
STRANGER = "StrangerMSP"
"""An organisation of the channel that has no licence."""

FURTHER: Mapping[str, str] = {
    FAMILY_OFFICE: "family-office",
    INVESTMENT_MANAGER: "investment-manager",
    CUSTODIAN: "custodian",
    DELEGATE: "regulators-delegate",
    CENTRAL_BANK: "central-bank",
    INTRODUCING: "introducing-broker",
}
"""Class of licence by organisation, beside the participants of the default network."""

CLASSES: Mapping[str, str] = {
    **{str(participant): licence for participant, licence in LICENCES.items()},
    P.REGULATOR: "regulator",
    **FURTHER,
}
"""Class of licence by role."""

ROLES: Sequence[str] = (*CLASSES, STRANGER)

EVERYBODY = frozenset(ROLES)
LICENSED = frozenset(CLASSES)
NOBODY: frozenset[str] = frozenset()
TRUSTEES = frozenset({P.REGULATOR, P.TRANSFER_AGENT})
REGULATOR = frozenset({P.REGULATOR})
LICENSORS = frozenset({P.REGULATOR, DELEGATE})
TRANSFER_AGENT = frozenset({P.TRANSFER_AGENT})
BANK = frozenset({P.BANK})
CLEARING = frozenset({P.CLEARING})
BROKER = frozenset({P.BROKER_DEALER})
VENUES = frozenset({P.ATS})
ISSUERS = frozenset({P.ISSUER})
AGENTS = frozenset({P.BROKER_DEALER, FAMILY_OFFICE, INVESTMENT_MANAGER, INTRODUCING})
"""Those who may act for clients; only the broker-dealer has the mandates of alice and bob."""
SAFEKEEPERS = frozenset({P.BROKER_DEALER, P.CLEARING, FAMILY_OFFICE, INVESTMENT_MANAGER, CUSTODIAN})
MEMBERS = frozenset({P.BROKER_DEALER, CUSTODIAN})
"""Those who may settle for others."""
READERS = frozenset({P.CLEARING, P.TRANSFER_AGENT, P.REGULATOR})


def desk(role: str) -> str:
    """Return the identity by which the organisation of a role holds units, and signs."""
    return CASHIER if role == P.BANK else f"desk-{role}"


@dataclass(frozen=True, slots=True)
class Row:
    """What the roles are told that call one function with well-formed arguments.

    Attributes:
        may: Roles that are permitted: their call succeeds.
        refusal: What every other role is told.
        exceptions: What some of the others are told instead, by role.
    """

    may: frozenset[str]
    refusal: ReasonTable
    exceptions: Mapping[str, ReasonTable] = field(default_factory=dict)

    def told(self, role: str) -> ReasonTable | None:
        """Return the reason that a role is told; None if its call succeeds."""
        return None if role in self.may else self.exceptions.get(role, self.refusal)

    def code(self, role: str) -> str:
        """Return the code of that reason, or nothing."""
        told = self.told(role)
        return "" if told is None else told.name


def only(
    may: Collection[str],
    *,
    others: ReasonTable = LicenceReason.LICENCE_MISSING,
    but: Mapping[ReasonTable, Collection[str]] | None = None,
) -> Row:
    """Return the row of a function for ``may`` only.

    Args:
        may: Roles that are permitted.
        others: What all others are told.
        but: Those of them who are told something else.
    """
    exceptions = {role: told for told, roles in (but or {}).items() for role in roles}
    return Row(frozenset(may), others, exceptions)


def anybody() -> Row:
    """Return the row of a function for the whole channel."""
    return only(EVERYBODY)


def licensed() -> Row:
    """Return the row of a function for whoever has a live licence."""
    return only(LICENSED)


def among_licensed(may: Collection[str], others: ReasonTable) -> Row:
    """Return the row of a function that asks for a licence, and then whether it is one of ``may``.

    A party's agent, say, or the notary of a hold.
    """
    return only(may, others=others, but={LicenceReason.LICENCE_MISSING: {STRANGER}})


def by_mandate() -> Row:
    """Return the row of a function for a licensed agent with the mandate of whom it concerns."""
    return among_licensed(BROKER, AccessReason.MANDATE_MISSING)


def through_settlement() -> Row:
    """Return the row of a function that the settlement contract calls, and no client."""
    return only(NOBODY, others=AccessReason.CALLER_NOT_PERMITTED)


Permissions = Mapping[str, Row]
"""Who may call, by function."""

Given = Sequence[Argument] | Callable[[str], Sequence[Argument]]
"""The arguments of a call; those of a role, where each has something of its own."""

Arguments = Mapping[str, Given]
"""Arguments that are well formed, by function: the answer then is about who calls."""

Secrets = Mapping[str, Model]
"""What goes along as transient data, by name."""


def signed(market: Market, signer: str, statement: Statement, *cosigners: Wallet) -> list[Argument]:
    """Return a statement and somebody's signature under it, as two arguments."""
    return [statement, market.sign(signer, statement, *cosigners)]
