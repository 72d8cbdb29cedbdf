"""The rows, arguments and results that concern custody."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from tallystick.contracts.instants import Instant
from tallystick.contracts.intents import SignedIntent
from tallystick.contracts.models import Identifier, Model, Quantity, Sha256Hex, ShortCode, ShortText
from tallystick.contracts.statements import CustodyAgreed, CustodyEnded, UnitsAllowed

MAX_CLIENT_ACCOUNTS = 16
MAX_VALUATIONS = 100


# --- rows, which are arguments too ---


class Custody(Model):
    """In which accounts an organisation safeguards.

    Attributes:
        identity: The identity by which the organisation holds units of its own.
        client_accounts: Sub-accounts of it, each of which holds for many clients together.
    """

    identity: Identifier
    client_accounts: Annotated[tuple[Identifier, ...], Field(max_length=MAX_CLIENT_ACCOUNTS)] = ()

    @property
    def accounts(self) -> tuple[str, ...]:
        """All accounts that units are distributed from."""
        return (self.identity, *self.client_accounts)


class Cover(Model):
    """An insurance of what a custodian safeguards.

    Attributes:
        policy_hash: SHA-256 of the policy, which is the evidence.
        limit: What it pays at most, in minor units of the currency.
        valid_until: The moment from which it covers nothing more.
    """

    insurer: ShortText
    policy_hash: Sha256Hex
    currency: ShortCode
    limit: Quantity
    valid_from: Instant
    valid_until: Instant


class Custodian(Model):
    """Row ``custodian (msp)``: one who safeguards for clients."""

    custody: Custody
    cover: Cover | None = None


# --- private rows ---


class Client(Model):
    """Somebody for whom a custodian safeguards."""

    client: str
    since: Instant


class ClientGroup(Model):
    """Private row ``clients (group)``: those clients of a custodian who fall into a group."""

    clients: tuple[Client, ...] = ()


# --- arguments ---


class CustodyAgreement(Model):
    """Secret argument ``agreement``: that somebody is a client, and its signature under it."""

    agreed: CustodyAgreed
    intent: SignedIntent


class CustodyEnding(Model):
    """Secret argument ``ending``: that somebody is a client no longer.

    Attributes:
        intent: The client's signature; None when the custodian lets it go.
    """

    ended: CustodyEnded
    intent: SignedIntent | None = None


class SignedAllowance(Model):
    """An allowance and its holder's signature under it."""

    statement: UnitsAllowed
    intent: SignedIntent


class Valuation(Model):
    """What a unit is worth, in minor units of the currency of a cover: whoever asks knows it."""

    security: Identifier
    price: Quantity


# --- results ---


class Holding(StrEnum):
    """How units are held for clients."""

    NONE = "none"
    OMNIBUS = "omnibus"
    DISTRIBUTED = "distributed"
    BOTH = "both"

    @classmethod
    def of(cls, omnibus: int, distributed: int) -> "Holding":
        """Return how so many units in common accounts and in clients' own are held."""
        if omnibus and distributed:
            return cls.BOTH
        if omnibus:
            return cls.OMNIBUS
        return cls.DISTRIBUTED if distributed else cls.NONE


class Safeguarded(Model):
    """What a custodian has of one security.

    Attributes:
        own: Units that belong to itself.
        omnibus: Units in the accounts that hold for clients together.
        distributed: Units that clients hold in their own names and let it draw now.
        clients: How many clients these are.
        holding: How it holds for clients.
        value: Of what it holds for clients, in minor units.
    """

    security: str
    own: int
    omnibus: int
    distributed: int
    clients: int
    holding: Holding
    value: int


class CustodyReport(Model):
    """What a custodian holds for clients, against its insurance.

    Attributes:
        exposure: Value of all that it holds for clients, in minor units.
        limit: What its insurance pays now; 0 without one, or when it is not in force.
        is_covered: Whether the limit is as much as the exposure.
    """

    custodian: str
    lines: tuple[Safeguarded, ...]
    exposure: int
    limit: int
    is_covered: bool


class ClientPage(Model):
    """Clients of a custodian, by id; pass the bookmark for the next page, empty after the last."""

    custodian: str
    clients: tuple[str, ...]
    bookmark: str
