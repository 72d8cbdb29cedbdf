"""What identities sign: links to brokerage accounts."""

from tallystick.contracts.models import Identifier, Sha256Hex
from tallystick.contracts.purposes import Purpose
from tallystick.contracts.statements.base import Statement


class AccountLinked(Statement):
    """A brokerage account at a venue is mine: my answer to the venue's challenge.

    Attributes:
        venue: MSP of the organisation that keeps the account.
        account: Its reference, which tells outsiders nothing.
        challenge: The one-time challenge that the venue shows, for instance as a QR code.
    """

    contract = "identity"
    kind = "link_account"
    purpose = Purpose.MANAGEMENT

    identity: Identifier
    venue: Identifier
    account: Identifier
    challenge: Sha256Hex


class AccountUnlinked(Statement):
    """A brokerage account is mine no longer."""

    contract = "identity"
    kind = "unlink_account"
    purpose = Purpose.MANAGEMENT

    identity: Identifier
    venue: Identifier
    account: Identifier
