"""The rows, arguments and results that concern brokerage accounts."""

from tallystick.contracts.instants import Instant
from tallystick.contracts.intents import canonical_json
from tallystick.contracts.models import Identifier, Model, Pseudonym, Sha256Hex

MAX_ACCOUNTS = 20
MAX_CHALLENGE_LIFE_S = 24 * 3600

PAYLOAD_PROTOCOL = "tallystick-account-1"

# --- rows ---


class Challenge(Model):
    """Row ``challenge (venue, challenge)``; a spent one stays, so that it cannot be used again.

    Attributes:
        key: Only this key may answer; None when any key of the identity may.
        spent_by: The identity that answered.
    """

    account: str
    expires_at: Instant
    key: str | None
    spent_by: str | None = None


class Account(Model):
    """Row ``account (venue, account)``: whose account it is."""

    identity: str
    linked_at: Instant


class Links(Model):
    """Row ``links (identity, venue)``: the accounts of an identity at one venue, sorted."""

    accounts: tuple[str, ...] = ()


# --- arguments ---


class ChallengeTerms(Model):
    """A venue's offer to link an account.

    Attributes:
        challenge: Random, 256 bits in hex; each is good once.
        account: Reference of the account; it must tell outsiders nothing.
    """

    challenge: Sha256Hex
    account: Pseudonym
    expires_at: Instant
    key: Sha256Hex | None = None


# --- results ---


class AccountLine(Model):
    """An account and the venue that keeps it."""

    venue: str
    account: str


class Payload(Model):
    """What a venue shows as a QR code: all that a wallet needs to answer the challenge.

    Attributes:
        channel: The channel on which the answer counts.
        venue: MSP of the organisation that keeps the account.
    """

    protocol: str = PAYLOAD_PROTOCOL
    channel: str
    venue: Identifier
    account: Identifier
    challenge: Sha256Hex
    expires_at: Instant

    @property
    def text(self) -> str:
        """The payload as it is written into the code: canonical JSON."""
        return canonical_json(self.model_dump(mode="json")).decode()
