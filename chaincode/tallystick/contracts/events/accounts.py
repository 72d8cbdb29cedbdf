"""Events: links between brokerage accounts and identities."""

from typing import ClassVar

from tallystick.contracts.events.base import LedgerEvent


class ChallengeOpened(LedgerEvent):
    """A venue offers to link an account."""

    kind: ClassVar[str] = "identity.ChallengeOpened"
    venue: str
    account: str


class AccountLinked(LedgerEvent):
    """An account belongs to an identity from now on."""

    kind: ClassVar[str] = "identity.AccountLinked"
    identity: str
    venue: str
    account: str


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
