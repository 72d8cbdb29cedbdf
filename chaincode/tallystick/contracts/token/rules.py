"""What stands against a movement of units. Pure: facts come in, findings go out.

The same rules answer ``can_transfer`` and decide about transfers, so the two never disagree.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tallystick.contracts.reasons import Finding, Reason
from tallystick.contracts.token.models import Freeze, Security


@dataclass(frozen=True, slots=True)
class Side:
    """One side of a movement.

    Attributes:
        lacks: What the identity contract holds against this party for this security.
    """

    holder: str
    freeze: Freeze | None
    lacks: Sequence[Finding]


def movement_findings(
    security: Security, sender: Side | None, receiver: Side | None
) -> Iterator[Finding]:
    """Yield everything that stands against a movement, apart from a shortage of units.

    A pause stops movements between holders, not issue and redemption: supply can be put right while
    trading is halted.
    """
    asset = security.terms.security
    if security.pause is not None and sender is not None and receiver is not None:
        yield Reason.SECURITY_PAUSED.finding(security=asset, reason=security.pause)
    if sender is not None:
        yield from _side_findings(asset, sender, Reason.SENDER_FROZEN, Reason.SENDER_NOT_VERIFIED)
    if receiver is not None:
        yield from _side_findings(
            asset, receiver, Reason.RECEIVER_FROZEN, Reason.RECEIVER_NOT_VERIFIED
        )


def _side_findings(
    asset: str, side: Side, frozen: Reason, not_verified: Reason
) -> Iterator[Finding]:
    if side.freeze is not None:
        yield frozen.finding(holder=side.holder, asset=asset, reason=side.freeze.reason)
    for lack in side.lacks:
        yield not_verified.finding(holder=side.holder, asset=asset, cause=lack.message)
