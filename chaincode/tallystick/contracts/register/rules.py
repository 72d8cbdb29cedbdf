"""What a security itself says about its units: whether they may come into being, and how move.

These are no rules that somebody binds: they hold for every security, whatever moves its units.
"""

from collections.abc import Iterator, Sequence

from tallystick.contracts.book import Move
from tallystick.contracts.compliance.models import Pack
from tallystick.contracts.events import Basis
from tallystick.contracts.offers import Offer
from tallystick.contracts.reasons import Finding, OfferingReason, RegisterReason
from tallystick.contracts.register.models import Security

ON_SALE = frozenset(
    {
        Basis.TRANSFER,
        Basis.ALLOWANCE,
        Basis.SETTLEMENT,
        Basis.NET_DELIVERY,
        Basis.HOLD,
    }
)
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


def offer_findings(offer: Offer, security: Security, pack: Pack) -> Iterator[Finding]:
    """Yield what of an offering does not agree with its security, or with its exemption's law.

    The price is among it: caps on what is raised and invested are judged by the security's. So is
    the unit: after a split, what was ordered at a price is something else.
    """
    bound = security.rules
    bound_packs = {(each.pack, each.version) for each in bound.packs}
    differences = {
        "issuer": (offer.issuer, security.terms.issuer),
        "unit price": (offer.unit_price, bound.unit_price),
        "exemption": (offer.origin.exemption, pack.exemption),
    }
    for part, (offered, wanted) in differences.items():
        if offered != wanted:
            yield OfferingReason.OFFER_DIFFERS.finding(
                security=offer.security, part=part, offered=str(offered), wanted=str(wanted)
            )
    yield from _split_findings(offer, security)
    if (pack.pack, pack.version) not in bound_packs:
        yield OfferingReason.OFFER_PACK_NOT_BOUND.finding(security=offer.security, pack=pack.name)
    for each in offer.identifiers:
        if each not in security.terms.identifiers:
            yield OfferingReason.IDENTIFIER_DIFFERS.finding(
                security=offer.security, scheme=each.scheme, value=each.value
            )
    if offer.multiple % security.terms.granularity:
        yield RegisterReason.GRANULARITY_MISSED.finding(
            security=offer.security,
            quantity=offer.multiple,
            granularity=security.terms.granularity,
        )
    yield from _law_findings(offer, pack)


def _law_findings(offer: Offer, pack: Pack) -> Iterator[Finding]:
    if pack.bars_solicitation is not None and offer.is_solicited:
        yield OfferingReason.SOLICITATION_BARRED.finding(
            security=offer.security, exemption=pack.name, provision=pack.bars_solicitation
        )
    if pack.requires_approval is not None and not offer.is_approved:
        yield OfferingReason.OFFERING_NOT_APPROVED.finding(
            security=offer.security, exemption=pack.name, provision=pack.requires_approval
        )


def _split_findings(offer: Offer, security: Security) -> Iterator[Finding]:
    for split in security.timeline.splits:
        if offer.splits_seen < split.number:
            yield OfferingReason.OFFER_DIFFERS.finding(
                security=offer.security,
                part="unit",
                offered="as it was when announced",
                wanted=f"split {split.new} for {split.old} at {split.at}",
            )
