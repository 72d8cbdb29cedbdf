"""Events: links between brokerage accounts and identities."""

from typing import ClassVar

from tallystick.contracts.events.base import LedgerEvent
from tallystick.contracts.instants import Instant


class ChallengeOpened(LedgerEvent):
    """A venue offers to link an account; only a key may answer if one is named."""

    kind: ClassVar[str] = "identity.ChallengeOpened"
    venue: str
    account: str
    challenge: str
    expires_at: Instant
    key: str | None


class AccountLinked(LedgerEvent):
    """An account belongs to an identity from now on, by this challenge, which is spent."""

    kind: ClassVar[str] = "identity.AccountLinked"
    identity: str
    venue: str
    account: str
    challenge: str


class AccountUnlinked(LedgerEvent):
    """An account belongs to an identity no longer.

    Attributes:
        by: MSP of the organisation that submitted it.
    """

    kind: ClassVar[str] = "identity.AccountUnlinked"
    identity: str
    venue: str
    account: str
    by: str
