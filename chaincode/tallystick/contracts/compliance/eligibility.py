"""Rules about who the sides are: their claims, where they reside, and what suits them."""

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from tallystick.contracts.compliance.case import RESIDENCE, Case, Holder, Leg
from tallystick.contracts.compliance.classes import Condition, Formula
from tallystick.contracts.compliance.periods import Period, end_of
from tallystick.contracts.compliance.rules import Needs, Rule, Side
from tallystick.contracts.events import Basis
from tallystick.contracts.models import Identifier, Model, Quantity, ShortCode
from tallystick.contracts.reasons import ComplianceReason, Finding

Countries = Annotated[tuple[ShortCode, ...], Field(max_length=300)]
Topics = Annotated[tuple[Identifier, ...], Field(min_length=1, max_length=16)]


class Eligible(Formula):
    """Parameters of ``sender-claims`` and ``receiver-claims``.

    Attributes:
        bases: Only movements on these bases are judged; all when empty.
    """

    bases: tuple[Basis, ...] = ()

    def lack_on(self, basis: Basis, holder: Holder) -> str:
        """Return what is amiss with a holder in a movement; empty when nothing is."""
        if self.bases and basis not in self.bases:
            return ""
        return self.lack(holder.profile)


class SenderClaims(Rule[Eligible]):
    """The sender has the claims that its class needs, and none that bar it."""

    name = "sender-claims"
    side = Side.SENDER
    parameters = Eligible

    def needs(self, parameters: Eligible) -> Needs:
        """Return the topics of the formula."""
        return Needs(topics=parameters.topics)

    def findings(self, case: Case, leg: Leg, parameters: Eligible) -> Iterator[Finding]:
        """Yield what the sender lacks."""
        sender = case.sender(leg)
        if sender is not None and (lack := parameters.lack_on(case.basis, sender)):
            yield ComplianceReason.SENDER_NOT_ELIGIBLE.finding(
                holder=sender.holder, asset=leg.security, lack=lack
            )


class ReceiverClaims(Rule[Eligible]):
    """The receiver has the claims that its class needs, and none that bar it."""

    name = "receiver-claims"
    parameters = Eligible

    def needs(self, parameters: Eligible) -> Needs:
        """Return the topics of the formula."""
        return Needs(topics=parameters.topics)

    def findings(self, case: Case, leg: Leg, parameters: Eligible) -> Iterator[Finding]:
        """Yield what the receiver lacks."""
        receiver = case.receiver(leg)
        if receiver is not None and (lack := parameters.lack_on(case.basis, receiver)):
            yield ComplianceReason.RECEIVER_NOT_ELIGIBLE.finding(
                holder=receiver.holder, asset=leg.security, lack=lack
            )


class Willingness(Model):
    """Parameters of ``receiver-accepts``.

    Attributes:
        bases: Only movements on these bases are judged; all when empty.
    """

    bases: tuple[Basis, ...] = ()


class ReceiverAccepts(Rule[Willingness]):
    """Nobody gets units who has not said that it wants the security."""

    name = "receiver-accepts"
    parameters = Willingness

    def needs(self, parameters: Willingness) -> Needs:  # noqa: ARG002 -- whatever they are
        """Return that acceptances are needed."""
        return Needs(acceptances=True)

    def findings(self, case: Case, leg: Leg, parameters: Willingness) -> Iterator[Finding]:
        """Yield a finding when the receiver has not said so."""
        receiver = case.receiver(leg)
        judged = not parameters.bases or case.basis in parameters.bases
        if judged and receiver is not None and not receiver.accepts:
            yield ComplianceReason.RECEIVER_NOT_WILLING.finding(
                holder=receiver.holder, asset=leg.security
            )


class Residence(Model):
    """Parameters of ``residence``.

    Attributes:
        allowed: Both sides must reside in one of these; anywhere known when empty.
        barred: Neither may reside in one of these.
    """

    allowed: Countries = ()
    barred: Countries = ()


class KnownResidence(Rule[Residence]):
    """Both sides say where they reside, and may deal with the security there."""

    name = "residence"
    parameters = Residence

    def needs(self, parameters: Residence) -> Needs:  # noqa: ARG002 -- whatever they are
        """Return the topic of residence."""
        return Needs(topics=(RESIDENCE,))

    def findings(self, case: Case, leg: Leg, parameters: Residence) -> Iterator[Finding]:
        """Yield a finding for each side whose residence is unknown or barred."""
        for holder in (case.sender(leg), case.receiver(leg)):
            if holder is None:
                continue
            facts = {"holder": holder.holder, "asset": leg.security}
            if not holder.residences:
                yield ComplianceReason.RESIDENCE_UNKNOWN.finding(**facts, topic=RESIDENCE)
            for country in holder.residences:
                if country in parameters.barred or (
                    parameters.allowed and country not in parameters.allowed
                ):
                    yield ComplianceReason.RESIDENCE_BARRED.finding(**facts, residence=country)


class SuitabilityForClass(Model):
    """Parameters of the first version of ``suitability``, whose binding names the class."""

    topic: Identifier = "risk-profile"
    risk_class: Quantity


class SuitableForClass(Rule[SuitabilityForClass]):
    """Who buys has a risk profile at the level of the class that is bound, or above.

    The first version: it does not know what the catalogue says.
    """

    name = "suitability"
    parameters = SuitabilityForClass

    def needs(self, parameters: SuitabilityForClass) -> Needs:
        """Return the topic of risk profiles."""
        return Needs(topics=(parameters.topic,))

    def findings(self, case: Case, leg: Leg, parameters: SuitabilityForClass) -> Iterator[Finding]:
        """Yield a finding when the product is too risky for the receiver."""
        return _unsuitable(case, leg, parameters.topic, parameters.risk_class)


class Suitability(Model):
    """Parameters of ``suitability``.

    Attributes:
        topic: Of the claims whose level is the risk that suits an investor.
        risk_class: The product counts as no less risky than this, whatever the catalogue says;
            None for what the catalogue says.
    """

    topic: Identifier = "risk-profile"
    risk_class: Quantity | None = None


class Suitable(Rule[Suitability]):
    """Who buys has a risk profile at the level of the product's class of risk, or above.

    The class is the catalogue's; a binding can only ask for more. Of a product without any class
    nobody can say whom it suits.
    """

    name = "suitability"
    version = 2
    parameters = Suitability

    def needs(self, parameters: Suitability) -> Needs:
        """Return the topic of risk profiles, and that the catalogue is asked."""
        return Needs(topics=(parameters.topic,), risk=True)

    def findings(self, case: Case, leg: Leg, parameters: Suitability) -> Iterator[Finding]:
        """Yield a finding when the product is too risky for the receiver, or nobody knows."""
        listed = case.securities[leg.security].risk_class
        risk_class = max(listed or 0, parameters.risk_class or 0)
        if risk_class:
            yield from _unsuitable(case, leg, parameters.topic, risk_class)
        else:
            yield ComplianceReason.PRODUCT_NOT_CLASSED.finding(security=leg.security)


def _unsuitable(case: Case, leg: Leg, topic: str, risk_class: int) -> Iterator[Finding]:
    receiver = case.receiver(leg)
    if receiver is None:
        return
    wanted = Condition(topic=topic, level=risk_class)
    if not wanted.holds(() if receiver.profile is None else receiver.profile.attested):
        yield ComplianceReason.PRODUCT_UNSUITABLE.finding(
            holder=receiver.holder, asset=leg.security, topic=topic, level=risk_class
        )


class Freshness(Model):
    """Parameters of ``fresh-confirmation``.

    Attributes:
        topics: Each side needs a claim on each of them that is not older than ``window``.
        at_home: Whether also two sides of one country need them.
    """

    topics: Topics
    window: Period
    at_home: bool = False


class FreshlyConfirmed(Rule[Freshness]):
    """Across borders, both sides' claims are fresh; at home those that still run will do."""

    name = "fresh-confirmation"
    parameters = Freshness

    def needs(self, parameters: Freshness) -> Needs:
        """Return the topics, and that of residence."""
        return Needs(topics=tuple(sorted({*parameters.topics, RESIDENCE})))

    def findings(self, case: Case, leg: Leg, parameters: Freshness) -> Iterator[Finding]:
        """Yield a finding for each side and topic without a fresh claim."""
        sides = [each for each in (case.sender(leg), case.receiver(leg)) if each is not None]
        countries = {each.residences for each in sides}
        if len(countries) == 1 and () not in countries and not parameters.at_home:
            return
        for holder in sides:
            for topic in parameters.topics:
                if not _is_fresh(case, holder, topic, parameters.window):
                    yield ComplianceReason.CONFIRMATION_STALE.finding(
                        holder=holder.holder,
                        asset=leg.security,
                        topic=topic,
                        window=parameters.window,
                    )


def _is_fresh(case: Case, holder: Holder, topic: str, window: Period) -> bool:
    claims = () if holder.profile is None else holder.profile.attested
    return any(
        each.topic == topic and case.moment < end_of(each.valid_from, window) for each in claims
    )
