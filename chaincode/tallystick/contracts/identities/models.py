"""The rows, arguments and results that concern identities."""

from typing import Literal

from tallystick.contracts.instants import Instant
from tallystick.contracts.intents import canonical_hash
from tallystick.contracts.models import Identifier, Model, Salt, ShortText
from tallystick.contracts.purposes import Purpose
from tallystick.contracts.statements import Control

MAX_KEYS = 20
MAX_BLOCKS = 20


# --- rows ---


class Block(Model):
    """Why an identity may neither give nor receive anything: a list of the barred names it.

    Attributes:
        issuer: Whose list. version: Of the list by which it entered.
    """

    issuer: str
    list_name: str
    version: int
    since: Instant


class Identity(Model):
    """Row ``identity (identity)``.

    Attributes:
        party: What it is: a person, a firm, or a further line of another identity's holdings.
        data_hash: Hash of a reference to who it is.
        control: How many keys must sign together.
        account_of: Of a sub-account, the identity whose keys and claims it has; else None.
        organization: MSP of the organisation that holds units by this identity, or None.
        blocks: Lists of the barred that name it; while there is one, nothing of it moves.
        recovered_at: When all its keys were last replaced, if ever.
    """

    identity: Identifier
    party: Literal["person", "firm", "account"]
    data_hash: str | None
    registered_at: Instant
    control: Control = Control()
    account_of: str | None = None
    organization: str | None = None
    blocks: tuple[Block, ...] = ()
    recovered_at: Instant | None = None


class IdentityKey(Model):
    """Row ``key (identity, key id)``; a key that ended stays, so that it cannot come back.

    Attributes:
        wallet: The wallet that it belongs to, if it entered with one.
        retired_at: From when on it signs nothing more, while earlier claims stand.
        revoked_at: From when on neither it nor what it signed counts.
    """

    public_key: str
    purposes: tuple[Purpose, ...]
    wallet: str | None = None
    retired_at: Instant | None = None
    revoked_at: Instant | None = None

    @property
    def is_active(self) -> bool:
        """Whether it may sign."""
        return self.retired_at is None and self.revoked_at is None


class Mandate(Model):
    """Row ``mandate (identity, participant)``: the latter may act for the former, for a time."""

    expires_at: Instant


class AccessGrant(Model):
    """Row ``grant (identity, grant)``: who may read what about an identity, at which service."""

    service: str
    grantee: str
    fields: tuple[str, ...]
    reason: str
    expires_at: Instant
    withdrawn_at: Instant | None = None


class Access(Model):
    """Row ``access (identity, grant, transaction id)``: a service has let somebody read."""

    fields: tuple[str, ...]
    at: Instant


# --- private rows ---


class InvestorReference(Model):
    """Private row ``investor (identity)``: where those who may know find who an identity is.

    Attributes:
        record: Place of the personal data, in a service off the ledger.
        salt: Random: without it, guessed places could be tried on the hash.
    """

    identity: Identifier
    record: ShortText
    salt: Salt

    @property
    def data_hash(self) -> str:
        """What a registration says of it in public."""
        return canonical_hash(self)


# --- results ---


class AccessVerdict(Model):
    """Whether a grant lets its grantee read fields now, and why not."""

    allowed: bool
    reason: str | None


class AccessLine(Model):
    """One entry of the log of reads."""

    grant: str
    transaction_id: str
    fields: tuple[str, ...]
    at: Instant


class AccessPage(Model):
    """Reads about an identity; pass the bookmark for the next page, empty after the last."""

    accesses: tuple[AccessLine, ...]
    bookmark: str
