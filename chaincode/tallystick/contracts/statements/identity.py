"""What identities sign: keys and control, sub-accounts, mandates, access to their data."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from tallystick.contracts.instants import Instant
from tallystick.contracts.models import Identifier, Model, Pseudonym, Sha256Hex, ShortText
from tallystick.contracts.purposes import Purpose
from tallystick.contracts.statements.base import Statement


class NewKey(Model):
    """A public key, as PEM or base64 of DER (SPKI), and what it will be for.

    Whoever enters a key shows that it is held: the key signs along, as one of the cosignatures.
    """

    public_key: Annotated[str, StringConstraints(max_length=500)]
    purposes: Annotated[tuple[Purpose, ...], Field(min_length=1, max_length=len(Purpose))]


MAX_KEYS = 20

NewKeys = Annotated[tuple[NewKey, ...], Field(min_length=1, max_length=MAX_KEYS)]
Threshold = Annotated[int, Field(ge=1, le=MAX_KEYS)]


class Control(Model):
    """How many keys of an identity must sign together, by what they sign for."""

    management: Threshold = 1
    action: Threshold = 1
    claim: Threshold = 1

    def threshold(self, purpose: Purpose) -> int:
        """Return how many keys must sign for ``purpose``."""
        match purpose:
            case Purpose.MANAGEMENT:
                return self.management
            case Purpose.ACTION:
                return self.action
            case Purpose.CLAIM:
                return self.claim


class Registration(Statement):
    """I am this identity, and these are my keys. No personal data: that never enters the ledger.

    Attributes:
        data_hash: Hash of an `InvestorReference`; what it refers to stays with those who may know.
        control: How many of the keys must sign together.
    """

    contract = "identity"
    kind = "register"
    purpose = Purpose.MANAGEMENT

    identity: Pseudonym
    party: Literal["person", "firm"]
    data_hash: Sha256Hex | None = None
    keys: NewKeys
    control: Control = Control()


class KeyAddition(Statement):
    """I have one more key."""

    contract = "identity"
    kind = "add_key"
    purpose = Purpose.MANAGEMENT

    identity: Identifier
    key: NewKey


class KeyRotation(Statement):
    """One of my keys is replaced by another in the same instant."""

    contract = "identity"
    kind = "rotate_key"
    purpose = Purpose.MANAGEMENT

    identity: Identifier
    old: Sha256Hex
    new: NewKey


class KeyRevocation(Statement):
    """One of my keys counts no longer; nor does any claim that I signed with it."""

    contract = "identity"
    kind = "revoke_key"
    purpose = Purpose.MANAGEMENT

    identity: Identifier
    key: Sha256Hex


class KeyRetirement(Statement):
    """One of my keys signs nothing more; the claims that it signed before stand."""

    contract = "identity"
    kind = "retire_key"
    purpose = Purpose.MANAGEMENT

    identity: Identifier
    key: Sha256Hex


class ControlSet(Statement):
    """So many of my keys must sign together from now on."""

    contract = "identity"
    kind = "set_control"
    purpose = Purpose.MANAGEMENT

    identity: Identifier
    control: Control


class WalletLinked(Statement):
    """A wallet with these keys is mine."""

    contract = "identity"
    kind = "link_wallet"
    purpose = Purpose.MANAGEMENT

    identity: Identifier
    wallet: Identifier
    keys: NewKeys


class WalletUnlinked(Statement):
    """A wallet is mine no longer, and none of its keys counts."""

    contract = "identity"
    kind = "unlink_wallet"
    purpose = Purpose.MANAGEMENT

    identity: Identifier
    wallet: Identifier


class Recovery(Statement):
    """I have lost my keys, and these are the new ones; none of the old ones counts.

    Signed with a new management key; the transfer agent submits it.

    Attributes:
        evidence_hash: SHA-256 of what the transfer agent was shown.
    """

    contract = "identity"
    kind = "recover"
    purpose = Purpose.MANAGEMENT

    identity: Identifier
    keys: NewKeys
    evidence_hash: Sha256Hex


class SubAccountOpened(Statement):
    """I hold units in a further line of the register, by the same keys and claims."""

    contract = "identity"
    kind = "open_sub_account"
    purpose = Purpose.MANAGEMENT

    identity: Identifier
    account: Pseudonym


class Representation(Statement):
    """An organisation holds units by me."""

    contract = "identity"
    kind = "represent"
    purpose = Purpose.MANAGEMENT

    identity: Identifier
    organization: Identifier


class MandateGranted(Statement):
    """A participant (its MSP) may act for me until a moment: my broker-dealer, my custodian."""

    contract = "identity"
    kind = "grant_mandate"
    purpose = Purpose.MANAGEMENT

    identity: Identifier
    participant: Identifier
    expires_at: Instant


class MandateWithdrawn(Statement):
    """A participant may no longer act for me."""

    contract = "identity"
    kind = "revoke_mandate"
    purpose = Purpose.MANAGEMENT

    identity: Identifier
    participant: Identifier


FieldNames = Annotated[tuple[Identifier, ...], Field(min_length=1, max_length=50)]


class AccessGranted(Statement):
    """A participant may get to know such fields about me from a service, for a purpose.

    Attributes:
        grant: Id of the grant; an identity uses each once.
        service: MSP of the organisation that has the data and notes who reads it.
        grantee: MSP of the organisation that may read it.
        fields: Names of the fields, in the words of the service.
    """

    contract = "identity"
    kind = "grant_access"
    purpose = Purpose.MANAGEMENT

    identity: Identifier
    grant: Identifier
    service: Identifier
    grantee: Identifier
    fields: FieldNames
    reason: ShortText
    expires_at: Instant


class AccessWithdrawn(Statement):
    """A grant of access to my data ends."""

    contract = "identity"
    kind = "revoke_access"
    purpose = Purpose.MANAGEMENT

    identity: Identifier
    grant: Identifier
