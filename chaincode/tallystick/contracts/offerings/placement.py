"""Who may order what for whom: one question to the identity contract for many orders.

It is asked when an order is placed and again when it is executed: keys, licences, mandates and
claims must count on both days.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from tallystick.chaincode import Context
from tallystick.contracts.offerings.models import OfferingTerms, PlacedOrder
from tallystick.contracts.offerings.rules import representation_findings
from tallystick.contracts.parties import (
    Authority,
    Exercised,
    PartiesCheck,
    Party,
    PartyReport,
    Requirement,
    ask,
)
from tallystick.contracts.powers import Power
from tallystick.contracts.purposes import Purpose
from tallystick.contracts.reasons import Finding, OfferingReason
from tallystick.contracts.statements import SubscriptionOrder


class Standing(NamedTuple):
    """What stands against one order.

    Attributes:
        right: Against who ordered: keys, signatures, mandates.
        parties: Against signer, holder and payer.
    """

    right: tuple[Finding, ...]
    parties: tuple[Finding, ...]


def acting(organization: str) -> Exercised:
    """Return that an intermediary acts for clients, as a licence must let it."""
    return Exercised(organization=organization, powers=(Power.ACT_FOR_CLIENTS,))


def judged(
    ctx: Context,
    terms: OfferingTerms,
    placed: Sequence[PlacedOrder],
    *exercised: Exercised,
) -> tuple[Sequence[Finding], Sequence[Standing]]:
    """Return what the identity contract has against organisations, and against each order.

    Every intermediary must have a licence to act for clients, besides what is ``exercised``.
    """
    orders = [each.order for each in placed]
    intermediaries = dict.fromkeys(each.intermediary for each in orders)
    parties = _parties(orders, terms.requirements)
    check = PartiesCheck(
        parties=tuple(parties.values()),
        exercised=(*exercised, *map(acting, intermediaries)),
        authorities=tuple(right for each in placed for right in _authorities(each)),
    )
    report = ask(ctx, check)
    known = dict(zip(parties, report.parties, strict=True))
    rights = iter(report.authorities)
    return report.licences, [_standing(each, known, rights) for each in orders]


def _standing(
    order: SubscriptionOrder,
    known: dict[str, PartyReport],
    rights: Iterator[tuple[Finding, ...]],
) -> Standing:
    signer, holder = known[order.signer], known[order.holder]
    right = next(rights)
    findings: list[Finding] = []
    for name in _represented(order):
        findings += representation_findings(order, signer, known[name], name, next(rights))
        if name != order.holder:
            findings += known[name].findings
    if order.holder != order.signer:
        findings += signer.findings
    findings += [
        OfferingReason.SUBSCRIBER_NOT_ELIGIBLE.finding(
            offering=order.offering, holder=order.holder, cause=each.message
        )
        for each in holder.findings
    ]
    return Standing(right, tuple(findings))


def _parties(
    orders: Sequence[SubscriptionOrder], requirements: tuple[Requirement, ...]
) -> dict[str, Party]:
    """Return everybody concerned, by identity; who holds must meet the requirements."""
    parties: dict[str, Party] = {}
    for order in orders:
        for name in (order.signer, *_represented(order)):
            parties.setdefault(name, Party(identity=name))
    for order in orders:
        parties[order.holder] = Party(identity=order.holder, requirements=requirements)
    return parties


def _represented(order: SubscriptionOrder) -> Iterator[str]:
    """Yield those for whom the signer orders, apart from itself."""
    for name in dict.fromkeys((order.holder, order.payer)):
        if name != order.signer:
            yield name


def _authorities(placed: PlacedOrder) -> Iterator[Authority]:
    """Yield by what right an order was placed, and the mandates that it may need."""
    yield placed.authority
    for name in _represented(placed.order):
        yield Authority(
            identity=name, participant=placed.order.intermediary, purpose=Purpose.ACTION
        )
