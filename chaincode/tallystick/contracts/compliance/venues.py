"""Rules about where a movement was agreed, and who approved it beforehand."""

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from tallystick.contracts.compliance.bindings import may_serve
from tallystick.contracts.compliance.case import RESIDENCE, Case, Leg
from tallystick.contracts.compliance.rules import Needs, Rule, Side
from tallystick.contracts.events import Basis
from tallystick.contracts.models import Identifier, Model, Quantity, ShortCode
from tallystick.contracts.parties import Standing
from tallystick.contracts.reasons import ComplianceReason, Finding


class VenueOnly(Model):
    """Parameters of ``venue-only``.

    Attributes:
        excepted: Bases that need no venue, such as a custodian's distribution. Gifts and estates
            need an approval that waives the rule. ``allowance`` stands for draws that deliver what
            was sold at a venue: they name it, and it is admitted.
        venues: Venues that count, by MSP; all when empty.
        classes: The venue needs a live licence of one of these; of any when empty.
        categories: What the venue must call itself; anything when empty.
    """

    excepted: tuple[Basis, ...] = ()
    venues: Annotated[tuple[Identifier, ...], Field(max_length=100)] = ()
    classes: Annotated[tuple[Identifier, ...], Field(max_length=16)] = ()
    categories: Annotated[tuple[Identifier, ...], Field(max_length=16)] = ()

    def admits(self, venue: Standing) -> bool:
        """Return whether a venue counts."""
        classes = {each.licence_class for each in venue.licences}
        return (
            (not self.venues or venue.organization in self.venues)
            and (not self.classes or not classes.isdisjoint(self.classes))
            and (not self.categories or venue.category in self.categories)
        )


class AtNamedVenuesOnly(Rule[VenueOnly]):
    """Units change hands at admitted venues: not directly, and not over the counter.

    The first version: who draws may name the venue.
    """

    name = "venue-only"
    side = Side.SENDER
    parameters = VenueOnly

    def findings(self, case: Case, leg: Leg, parameters: VenueOnly) -> Iterator[Finding]:
        """Yield a finding when there is no venue, or one that is not admitted."""
        if case.basis in parameters.excepted:
            return
        if case.venue is None:
            yield ComplianceReason.VENUE_REQUIRED.finding(security=leg.security)
            return
        if not parameters.admits(case.venue):
            yield ComplianceReason.VENUE_NOT_ADMITTED.finding(
                security=leg.security, venue=case.venue.organization
            )


_OF_TRADES = (Basis.SETTLEMENT, Basis.NET_DELIVERY)
"""Bases of what is agreed in trades."""


class AtTradedVenuesOnly(AtNamedVenuesOnly):
    """Units change hands by trades at admitted venues, which the settlement contract vouches for.

    The second version: no draw on an allowance is a venue's trade; excepted, every draw passes.
    """

    version = 2

    def findings(self, case: Case, leg: Leg, parameters: VenueOnly) -> Iterator[Finding]:
        """Yield a finding when there is no trade at a venue, or the venue is not admitted."""
        if case.basis in {*parameters.excepted, *_OF_TRADES}:
            yield from super().findings(case, leg, parameters)
        else:
            yield ComplianceReason.VENUE_REQUIRED.finding(security=leg.security)


class AtVenuesOnly(Rule[VenueOnly]):
    """Units change hands by trades at admitted venues, which the settlement contract vouches for.

    A custody exchange keeps its trades in its own books, and its clearing firm delivers them by
    allowance: where that is excepted, a draw that names the venue passes, which only who clears
    may make.
    """

    name = "venue-only"
    version = 3
    side = Side.SENDER
    parameters = VenueOnly

    def findings(self, case: Case, leg: Leg, parameters: VenueOnly) -> Iterator[Finding]:
        """Yield a finding when no venue's trade moves the units, or not as it may."""
        is_excepted = case.basis in parameters.excepted
        if is_excepted and case.basis is not Basis.ALLOWANCE:
            return
        if case.venue is None or not (is_excepted or case.basis in _OF_TRADES):
            yield ComplianceReason.VENUE_REQUIRED.finding(security=leg.security)
        elif not parameters.admits(case.venue):
            yield ComplianceReason.VENUE_NOT_ADMITTED.finding(
                security=leg.security, venue=case.venue.organization
            )


class VenueLicence(Model):
    """Parameters of ``venue-licence``: for investors of these countries, the venue needs theirs."""

    countries: Annotated[tuple[ShortCode, ...], Field(min_length=1, max_length=300)]


class VenueIsLicensed(Rule[VenueLicence]):
    """A venue that serves investors of a country is licensed there."""

    name = "venue-licence"
    side = Side.SENDER
    parameters = VenueLicence

    def needs(self, parameters: VenueLicence) -> Needs:  # noqa: ARG002 -- whatever they are
        """Return the topic of residence."""
        return Needs(topics=(RESIDENCE,))

    def findings(self, case: Case, leg: Leg, parameters: VenueLicence) -> Iterator[Finding]:
        """Yield a finding for each country of a side in which the venue has no licence."""
        if case.venue is None:
            return
        sides = (case.sender(leg), case.receiver(leg))
        theirs = {country for each in sides if each is not None for country in each.residences}
        for country in sorted(theirs.intersection(parameters.countries)):
            if not may_serve(case.venue, country):
                yield ComplianceReason.VENUE_NOT_LICENSED.finding(
                    security=leg.security, venue=case.venue.organization, country=country
                )


class Approvals(Model):
    """Parameters of ``approved-transfer``.

    Attributes:
        approvers: Those whose approval counts, by MSP.
        quorum: How many of them must have approved.
        bases: Only movements on these bases need it; all when empty.
    """

    approvers: Annotated[tuple[Identifier, ...], Field(min_length=1, max_length=16)]
    quorum: Quantity = 1
    bases: tuple[Basis, ...] = ()


class ApprovedBeforehand(Rule[Approvals]):
    """The movement was approved by enough approvers; it uses their approval up."""

    name = "approved-transfer"
    side = Side.SENDER
    parameters = Approvals

    def needs(self, parameters: Approvals) -> Needs:  # noqa: ARG002 -- whatever they are
        """Return that approvals are needed."""
        return Needs(approvals=True)

    def findings(self, case: Case, leg: Leg, parameters: Approvals) -> Iterator[Finding]:
        """Yield a finding when too few approvals cover the leg now."""
        if parameters.bases and case.basis not in parameters.bases:
            return
        approval = case.covering(leg)
        given = () if approval is None else approval.approvers
        counting = [each for each in given if each in parameters.approvers]
        if len(counting) < parameters.quorum:
            yield ComplianceReason.APPROVAL_MISSING.finding(
                security=leg.security,
                sender=str(leg.sender),
                receiver=str(leg.receiver),
                quantity=leg.quantity,
                given=len(counting),
                quorum=parameters.quorum,
            )

    def most(self, case: Case, leg: Leg, parameters: Approvals, at_most: int) -> int:
        """Return what the approval covers, or all that needs none."""
        reached, approval = super().most(case, leg, parameters, at_most), case.approval(leg)
        if reached or approval is None:
            return reached
        return super().most(case, leg, parameters, min(at_most, approval.quantity))
