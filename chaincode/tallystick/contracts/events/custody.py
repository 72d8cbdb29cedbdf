"""Events: custodians and their clients."""

from typing import ClassVar

from tallystick.contracts.events.base import LedgerEvent
from tallystick.contracts.instants import Instant


class CustodyOpened(LedgerEvent):
    """An organisation safeguards in these accounts from now on; replaces what was said before."""

    kind: ClassVar[str] = "token.CustodyOpened"
    custodian: str
    identity: str
    client_accounts: tuple[str, ...]


class CoverRecorded(LedgerEvent):
    """A custodian has an insurance; replaces an earlier one. The limit is in minor units."""

    kind: ClassVar[str] = "token.CoverRecorded"
    custodian: str
    insurer: str
    policy_hash: str
    currency: str
    limit: int
    valid_from: Instant
    valid_until: Instant


class CustodyAgreed(LedgerEvent):
    """A custodian safeguards for one more client; who it is, its collection says."""

    kind: ClassVar[str] = "token.CustodyAgreed"
    version: ClassVar[int] = 2
    custodian: str


class CustodyEnded(LedgerEvent):
    """A custodian safeguards for a client no longer; what the client allows it stays."""

    kind: ClassVar[str] = "token.CustodyEnded"
    version: ClassVar[int] = 2
    custodian: str
