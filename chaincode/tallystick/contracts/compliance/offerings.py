"""Rules about offerings: what an issuer raises, from how many, and what each may invest."""

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field, model_validator

from tallystick.contracts.compliance.case import NOTHING_OFFERED, Case, Holder, Leg, Offered
from tallystick.contracts.compliance.classes import topic_of
from tallystick.contracts.compliance.histories import Raised, RaiseQuestion, is_sold_by
from tallystick.contracts.compliance.holdings import BASIS_POINTS, BasisPoints
from tallystick.contracts.compliance.periods import Period, end_of
from tallystick.contracts.compliance.rules import Needs, ParametersT, Rule, Side
from tallystick.contracts.lots import ANY_CLASS, HolderClass
from tallystick.contracts.models import Identifier, Model, Quantity
from tallystick.contracts.reasons import ComplianceReason, Finding


def _is_offered(case: Case, leg: Leg, exemption: str) -> bool:
    return case.price_of(leg) > 0 and case.exemption_of(leg) == exemption


def _offered(case: Case, leg: Leg, exemption: str) -> Offered:
    """Return the issues of an instruction that count with a leg against a limit."""
    return case.offered.get((leg.security, exemption), NOTHING_OFFERED)


class _OfferingRule(Rule[ParametersT]):
    """A rule about what is issued for money; nothing else can make it object."""

    def _stays_outside(self, case: Case, leg: Leg, exemption: str, at_most: int) -> bool:
        """Return whether so much would be sold outside: more than an approval covers is."""
        return not _is_offered(*case.sending(leg, at_most), exemption)

    def _fitting(self, case: Case, leg: Leg, left: int, at_most: int) -> int:
        """Return how many units ``left`` minor units of money buy."""
        return max(0, min(at_most, left // case.securities[leg.security].unit_price))


class Cap(Model):
    """Parameters of ``raising-cap``.

    Attributes:
        exemption: Offerings under it count together, of whatever security of the issuer.
        amount: At most so many minor units of money.
        window: An issue counts until this period after it is over.
    """

    exemption: Identifier
    amount: Quantity
    window: Period


class RaisingCap(_OfferingRule[Cap]):
    """An issuer raises at most so much under an exemption within a window."""

    name = "raising-cap"
    parameters = Cap

    def needs(self, parameters: Cap) -> Needs:
        """Return what was raised."""
        return Needs(raised=(_question(parameters),))

    def findings(self, case: Case, leg: Leg, parameters: Cap) -> Iterator[Finding]:
        """Yield a finding when this issue raises too much on top of those before."""
        if not _is_offered(case, leg, parameters.exemption):
            return
        now = _offered(case, leg, parameters.exemption)
        total = _answer(case, leg, _question(parameters)).amount + now.amount
        if total > parameters.amount:
            yield ComplianceReason.RAISE_EXCEEDED.finding(
                security=leg.security,
                exemption=parameters.exemption,
                amount=total,
                window=parameters.window,
                limit=parameters.amount,
            )

    def most(self, case: Case, leg: Leg, parameters: Cap, at_most: int) -> int:
        """Return how many units the rest of the cap pays for."""
        if self._stays_outside(case, leg, parameters.exemption, at_most):
            return at_most
        others = _offered(case, leg, parameters.exemption).amount - case.price_of(leg)
        raised = _answer(case, leg, _question(parameters)).amount
        return self._fitting(case, leg, parameters.amount - raised - others, at_most)


def _question(parameters: Cap) -> RaiseQuestion:
    return RaiseQuestion(exemption=parameters.exemption, window=parameters.window)


class Secondary(Model):
    """Parameters of ``secondary-limit``: the lesser of what is given.

    Attributes:
        exemption: Offerings under it count together, of whatever security of the issuer.
        window: A sale counts until this period after it is over.
        sold_by: What holders of this class sell counts; ``*`` for what all holders sell.
        amount: At most so many minor units of money.
        share: At most so many ten-thousandths of all that was sold, by the issuer too.
    """

    exemption: Identifier
    window: Period
    sold_by: HolderClass = ANY_CLASS
    amount: Quantity | None = None
    share: BasisPoints | None = None

    @model_validator(mode="after")
    def _says_something(self) -> "Secondary":
        if self.amount is None and self.share is None:
            raise ValueError("give amount, share or both")
        return self

    @property
    def of_holders(self) -> RaiseQuestion:
        """What must be known of what holders sold."""
        return RaiseQuestion(exemption=self.exemption, window=self.window, sold_by=self.sold_by)

    @property
    def of_all(self) -> RaiseQuestion:
        """What must be known of what everybody sold."""
        return RaiseQuestion(exemption=self.exemption, window=self.window)


class SecondarySalesLimited(_OfferingRule[Secondary]):
    """Holders sell at most so much in the issuer's offerings under an exemption.

    An approval says that what a holder sells is part of the offering.
    """

    name = "secondary-limit"
    side = Side.SENDER
    parameters = Secondary

    def needs(self, parameters: Secondary) -> Needs:
        """Return what was sold, the approvals, and the topic of the class of sellers."""
        topic = topic_of(parameters.sold_by)
        return Needs(
            raised=(parameters.of_holders, parameters.of_all),
            placed=(parameters.exemption,),
            approvals=True,
            topics=() if topic is None else (topic,),
        )

    def findings(self, case: Case, leg: Leg, parameters: Secondary) -> Iterator[Finding]:
        """Yield a finding when this sale is too much on top of those before."""
        if not _is_offered(case, leg, parameters.exemption):
            return
        total, limit = self._total(case, leg, parameters), self._limit(case, leg, parameters)
        if total > limit:
            yield ComplianceReason.SECONDARY_EXCEEDED.finding(
                security=leg.security,
                exemption=parameters.exemption,
                holder=str(leg.sender),
                amount=total,
                window=parameters.window,
                limit=limit,
            )

    def most(self, case: Case, leg: Leg, parameters: Secondary, at_most: int) -> int:
        """Return the largest quantity with which the sum of all sales is within the limit."""
        if self._stays_outside(case, leg, parameters.exemption, at_most):
            return at_most
        fits, beyond = 0, at_most + 1
        while beyond - fits > 1:
            trial = (fits + beyond) // 2
            refused = any(True for _ in self.findings(*case.sending(leg, trial), parameters))
            fits, beyond = (fits, trial) if refused else (trial, beyond)
        return fits

    def _total(self, case: Case, leg: Leg, parameters: Secondary) -> int:
        now = _offered(case, leg, parameters.exemption).sold
        return _answer(case, leg, parameters.of_holders).amount + sum(
            amount for seller, amount in now if is_sold_by(parameters.sold_by, seller.classes)
        )

    def _limit(self, case: Case, leg: Leg, parameters: Secondary) -> int:
        limits = [] if parameters.amount is None else [parameters.amount]
        if parameters.share is not None:
            now = _offered(case, leg, parameters.exemption).amount
            whole = _answer(case, leg, parameters.of_all).amount + now
            limits.append(whole * parameters.share // BASIS_POINTS)
        return min(limits)


class Purchasers(Model):
    """Parameters of ``purchaser-limit``.

    Attributes:
        exemption: Offerings under it count together, of whatever security of the issuer.
        most: So many persons may buy.
        window: A purchase counts until this period after it is over.
        of: Only purchasers of this class are counted; all when None.
        without: Purchasers of this class are not counted.
    """

    exemption: Identifier
    most: Quantity
    window: Period
    of: HolderClass | None = None
    without: HolderClass | None = None

    @property
    def question(self) -> RaiseQuestion:
        """What must be known of earlier purchases."""
        return RaiseQuestion(
            exemption=self.exemption,
            window=self.window,
            of=self.of or "",
            without=self.without or "",
        )


class PurchasersLimited(_OfferingRule[Purchasers]):
    """Not more than so many persons buy from an issuer under an exemption within a window."""

    name = "purchaser-limit"
    parameters = Purchasers

    def needs(self, parameters: Purchasers) -> Needs:
        """Return what was raised, and the topics that decide who is counted."""
        named = filter(None, (parameters.of, parameters.without))
        topics = {topic for topic in map(topic_of, named) if topic is not None}
        return Needs(raised=(parameters.question,), topics=tuple(sorted(topics)))

    def findings(self, case: Case, leg: Leg, parameters: Purchasers) -> Iterator[Finding]:
        """Yield a finding when the receiver is one too many."""
        receiver = case.receiver(leg)
        if receiver is None or not _is_offered(case, leg, parameters.exemption):
            return
        answer = _answer(case, leg, parameters.question)
        offered = _offered(case, leg, parameters.exemption)
        if answer.purchasers + len(offered.by_person) <= parameters.most:
            return  # Even were all of them new: the usual case costs the same for every leg.
        new = {
            each.person
            for each in offered.receivers
            if each.person not in answer.known and parameters.question.counts(each.classes)
        }
        if receiver.person in new and answer.purchasers + len(new) > parameters.most:
            yield ComplianceReason.PURCHASERS_TOO_MANY.finding(
                security=leg.security,
                exemption=parameters.exemption,
                holder=receiver.holder,
                count=answer.purchasers + len(new),
                window=parameters.window,
                limit=parameters.most,
            )


class InvestmentLimit(Model):
    """Parameters of ``investment-limit``; amounts are minor units of money.

    The greater and the lesser of two figures about the investor decide; their claims give them in
    their level, in multiples of ``unit``, rounded down by who claims. Who has no such claim has
    nothing.

    Attributes:
        exemption: Purchases under it count together, of whatever issuer.
        window: A purchase counts until this period after it is over; None: for ever, and only
            those of the same security.
        income: Topic of claims about annual income, or revenue.
        worth: Topic of claims about net worth, or net assets.
        unit: What one level stands for.
        threshold: With a lesser figure below this, ``low_share`` counts, else ``high_share``.
        floor: The limit is never lower while ``low_share`` counts.
        low_share: Ten-thousandths of the greater figure.
        high_share: Ten-thousandths of the greater figure.
        ceiling: The limit is never higher; None for no ceiling.
    """

    exemption: Identifier
    window: Period | None = None
    income: Identifier = "annual-income"
    worth: Identifier = "net-worth"
    unit: Quantity
    threshold: Annotated[int, Field(ge=0)] = 0
    floor: Annotated[int, Field(ge=0)] = 0
    low_share: BasisPoints
    high_share: BasisPoints
    ceiling: Quantity | None = None

    def limit(self, holder: Holder) -> int:
        """Return how much a holder may invest within the window."""
        figures = sorted(self.unit * _level(holder, topic) for topic in (self.income, self.worth))
        lesser, greater = figures
        if lesser < self.threshold:
            limit = max(self.floor, greater * self.low_share // BASIS_POINTS)
        else:
            limit = greater * self.high_share // BASIS_POINTS
        return limit if self.ceiling is None else min(limit, self.ceiling)


class InvestmentLimited(_OfferingRule[InvestmentLimit]):
    """A person invests at most so much under an exemption within a window."""

    name = "investment-limit"
    parameters = InvestmentLimit

    def needs(self, parameters: InvestmentLimit) -> Needs:
        """Return what the person invested, and the topics of the two figures."""
        return Needs(
            topics=tuple(sorted({parameters.income, parameters.worth})),
            invested=(parameters.exemption,),
        )

    def findings(self, case: Case, leg: Leg, parameters: InvestmentLimit) -> Iterator[Finding]:
        """Yield a finding when this purchase is too much on top of those before."""
        receiver = case.receiver(leg)
        if receiver is None or not _is_offered(case, leg, parameters.exemption):
            return
        bought = _offered(case, leg, parameters.exemption).by_person.get(receiver.person, 0)
        total = _invested(case, leg, receiver, parameters) + bought
        limit = parameters.limit(receiver)
        if total > limit:
            yield ComplianceReason.INVESTMENT_EXCEEDED.finding(
                holder=receiver.holder,
                security=leg.security,
                exemption=parameters.exemption,
                amount=total,
                limit=limit,
            )

    def most(self, case: Case, leg: Leg, parameters: InvestmentLimit, at_most: int) -> int:
        """Return how many units the rest of the limit pays for."""
        receiver = case.receiver(leg)
        if receiver is None or self._stays_outside(case, leg, parameters.exemption, at_most):
            return at_most
        bought = _offered(case, leg, parameters.exemption).by_person.get(receiver.person, 0)
        others = bought - case.price_of(leg)
        spent = _invested(case, leg, receiver, parameters) + others
        return self._fitting(case, leg, parameters.limit(receiver) - spent, at_most)


def _invested(case: Case, leg: Leg, holder: Holder, parameters: InvestmentLimit) -> int:
    return sum(
        each.amount
        for each in holder.invested
        if each.exemption == parameters.exemption
        and (
            each.security == leg.security
            if parameters.window is None
            else case.moment < end_of(each.moment, parameters.window)
        )
    )


def _level(holder: Holder, topic: str) -> int:
    claims = () if holder.profile is None else holder.profile.attested
    return max((each.level for each in claims if each.topic == topic), default=0)


def _answer(case: Case, leg: Leg, question: RaiseQuestion) -> Raised:
    for each in case.securities[leg.security].raised:
        if each.question == question:
            return each
    return Raised(question=question, amount=0, purchasers=0)
