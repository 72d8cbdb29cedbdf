"""What a security itself says about its units: whether they may come into being, and how move.

These are no rules that somebody binds: they hold for every security, whatever moves its units.
"""

from collections.abc import Iterator, Sequence

from tallystick.contracts.book import Move
from tallystick.contracts.events import Basis
from tallystick.contracts.reasons import Finding, RegisterReason
from tallystick.contracts.register.models import Security

ON_SALE = frozenset({Basis.TRANSFER, Basis.ALLOWANCE, Basis.SETTLEMENT, Basis.HOLD})
"""Bases on which units are sold: what becomes of their dates, the security says."""


def move_findings(
    security: Security, moves: Sequence[Move], basis: Basis, *, is_asked: bool
) -> Iterator[Finding]:
    """Yield what stands against movements of a security, apart from who the holders are.

    Once a security has ended, its units can only be redeemed.

    Args:
        security: What moves.
        moves: Those of the security.
        basis: By what right.
        is_asked: Whether the holder asks for it, by signature or mandate. A redemption for which it
            does not ask is a forced one as far as giving up enforcement goes.
    """
    name = security.terms.security
    if security.ended is not None and any(move.receiver is not None for move in moves):
        yield RegisterReason.SECURITY_ENDED.finding(security=name, reason=security.ended)
    if security.is_closed and any(move.sender is None for move in moves):
        yield RegisterReason.ISSUANCE_CLOSED.finding(security=name)
    is_forced = basis is Basis.FORCED or (basis is Basis.REDEMPTION and not is_asked)
    if security.is_unforced and is_forced:
        yield RegisterReason.ENFORCEMENT_RENOUNCED.finding(security=name)
    granularity = security.terms.granularity
    for move in moves:
        if move.quantity % granularity:
            yield RegisterReason.GRANULARITY_MISSED.finding(
                security=name, quantity=move.quantity, granularity=granularity
            )


def cap_findings(security: Security, *, supply: int, created: int) -> Iterator[Finding]:
    """Yield a finding when there would be more units than the cap allows."""
    cap = security.terms.cap
    if cap is not None and supply + created > cap:
        yield RegisterReason.CAP_EXCEEDED.finding(
            security=security.terms.security, cap=cap, supply=supply, quantity=created
        )
