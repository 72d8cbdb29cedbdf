"""Offerings at work: their rows, and what issuer, keeper of the register and authority do."""

from collections.abc import Iterator

from tallystick.chaincode import Context, composite_key
from tallystick.contracts import events
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.instants import later, now
from tallystick.contracts.offerings.allocation import Ordered, allotments
from tallystick.contracts.offerings.models import (
    Allocated,
    AllocationRule,
    Discretion,
    Identifiers,
    Offering,
    OfferingTerms,
    PlacedOrder,
    Status,
    Subscription,
    SubscriptionStatus,
)
from tallystick.contracts.offerings.orderbook import OrderBook
from tallystick.contracts.offerings.rules import check_discretion, check_terms
from tallystick.contracts.offerings.states import Step, after
from tallystick.contracts.offers import Allotments, OfferReport
from tallystick.contracts.orders.orders import splits_made
from tallystick.contracts.parties import Exercised, Party, check_parties
from tallystick.contracts.powers import Power
from tallystick.contracts.reasons import OfferingReason, refuse_if_any

UNDERSUBSCRIBED = "the soft cap was missed"
LAPSED = "the long stop was reached"


class Offerings:
    """All offerings, as one transaction sees them."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._book = OrderBook(ctx)

    # --- until it opens ---

    def announce(self, terms: OfferingTerms) -> Offering:
        """Enter an offering of the submitting issuer; return its row."""
        check_terms(terms, now(self._ctx))
        self._require_offeror(terms, "announce")
        if self._ctx.state.get(_key(terms.offering)) is not None:
            raise OfferingReason.OFFERING_EXISTS.refusal(offering=terms.offering)
        report = check_parties(
            self._ctx,
            [Party(identity=terms.proceeds_to)],
            exercised=[_issuing(terms.issuer)],
        )
        refuse_if_any([*report.licences, *report.parties[0].findings])
        row = Offering(
            terms=terms,
            terms_hash=terms.digest,
            status=Status.ANNOUNCED,
            announced_at=now(self._ctx),
            splits_seen=splits_made(self._ctx),
        )
        self._save(row)
        self._ctx.emit(
            events.OfferingAnnounced(
                offering=terms.offering,
                issuer=terms.issuer,
                security=terms.security,
                terms_hash=row.terms_hash,
            )
        )
        return row

    def approve(self, offering: str) -> None:
        """Note that the submitting authority approves of an offering."""
        row = self._after(offering, Step.APPROVE)
        self._advance(row.model_copy(update={"approved_by": self._ctx.client.msp_id}))

    def accept(self, offering: str, identifiers: Identifiers) -> None:
        """Take an offering into the register, once the security agrees with it: it is open."""
        row = self._after(offering, Step.ACCEPT)
        report = check_parties(
            self._ctx,
            exercised=[self._keeping(), _issuing(row.terms.issuer)],
        )
        refuse_if_any(report.licences)
        row = row.model_copy(update={"identifiers": identifiers})
        refuse_if_any(self.offer_report(row).findings)
        self._advance(row)

    # --- from the close to the issue ---

    def close(self, offering: str) -> None:
        """Take no more orders: its issuer may any time, anybody once the end has come."""
        terms = self.require(offering).terms
        if now(self._ctx) < terms.ends_at:
            self._require_offeror(terms, Step.CLOSE)
        row = self._after(offering, Step.CLOSE)
        closed_at = min(now(self._ctx), row.terms.ends_at)
        self._advance(row.model_copy(update={"closed_at": closed_at}))

    def allot(self, offering: str, lines: tuple[Discretion, ...]) -> None:
        """Note what the issuer gives by discretion; a later word on a subscription counts."""
        terms = self.require(offering).terms
        self._require_offeror(terms, Step.ALLOT)
        self._after(offering, Step.ALLOT)
        if terms.allocation is not AllocationRule.DISCRETIONARY:
            raise OfferingReason.ALLOCATION_NOT_DISCRETIONARY.refusal(
                offering=offering, rule=terms.allocation
            )
        for line in lines:
            subscription = self._book.require(offering, line.subscription)
            order = self._book.order(subscription).order
            check_discretion(terms, subscription, order.quantity, line.quantity)
            self._book.allot(subscription, line.quantity, order.salt)

    def allocate(self, offering: str) -> Offering:
        """Settle who gets how many units, or end the offering when too few are ordered."""
        row = self.require(offering)
        terms = row.terms
        self._require_allocator(terms)
        allocated = after(row, Step.ALLOCATE, now(self._ctx))
        counting = {each.subscription: each for each in self._counting(row)}
        orders = {name: self._book.order(each) for name, each in counting.items()}
        given = allotments(
            terms.allocation,
            [self._ordered(terms, counting[name], orders[name]) for name in counting],
            hard_cap=terms.hard_cap,
            multiple=terms.multiple,
        )
        allotted = sum(given.values())
        if allotted > terms.hard_cap:
            raise OfferingReason.HARD_CAP_EXCEEDED.refusal(
                offering=offering, quantity=allotted, limit=terms.hard_cap
            )
        if allotted < terms.soft_cap:
            return self._fail(after(row, Step.FAIL, now(self._ctx)), UNDERSUBSCRIBED)
        for name, quantity in given.items():
            self._book.allot(counting[name], quantity, orders[name].order.salt)
        result = Allocated(
            subscriptions=len(orders),
            demand=sum(each.order.quantity for each in orders.values()),
            allotted=allotted,
            pay_by=later(now(self._ctx), terms.payment_period_s),
        )
        row = self._advance(allocated.model_copy(update={"allocated": result}))
        self._ctx.emit(
            events.OfferingAllocated(offering=offering, **result.model_dump(exclude={"pay_by"}))
        )
        return row

    def fund(self, offering: str) -> Offering:
        """Find the soft cap in escrow, so that units may be issued, or end the offering."""
        row = self.require(offering)
        funded = after(row, Step.FUND, now(self._ctx))
        assert row.allocated is not None, "what is allocated knows to what it came"
        paid = sum(
            self._book.allotted(each)
            for each in self._book.all_of(offering)
            if each.status is SubscriptionStatus.PAID
        )
        if paid >= row.terms.soft_cap:
            if paid < row.allocated.allotted and now(self._ctx) < row.allocated.pay_by:
                raise self._outstanding(row, paid)
            return self._advance(funded)
        if now(self._ctx) < row.allocated.pay_by:
            raise self._outstanding(row, paid)
        return self._fail(after(row, Step.FAIL, now(self._ctx)), UNDERSUBSCRIBED)

    def begin_issue(self, offering: str) -> Offering:
        """Return the offering as it is while units are issued; only the first page writes it."""
        row = self.require(offering)
        issuing = after(row, Step.ISSUE, now(self._ctx))
        return row if issuing == row else self._advance(issuing)

    def conclude(self, offering: str) -> None:
        """End the issue: everybody who has paid an allotment has it, or the long stop has come."""
        row = self._after(offering, Step.CONCLUDE)
        if now(self._ctx) < row.terms.long_stop_at:
            for each in self._book.all_of(offering):
                waits = each.status is SubscriptionStatus.PAID
                if waits and self._book.allotted(each):
                    raise OfferingReason.ISSUE_OUTSTANDING.refusal(
                        offering=offering, subscription=each.subscription
                    )
        self._advance(row)

    # --- ends without an issue ---

    def withdraw(self, offering: str, reason: str) -> None:
        """End an offering as its issuer says, until the first unit is issued."""
        self._require_offeror(self.require(offering).terms, Step.WITHDRAW)
        self._fail(self._after(offering, Step.WITHDRAW), reason)

    def lapse(self, offering: str) -> None:
        """End an offering from the long stop on, as anybody may."""
        self._fail(self._after(offering, Step.LAPSE), LAPSED)

    # --- what is known ---

    def require(self, offering: str) -> Offering:
        """Return an offering; refuse with OFFERING_UNKNOWN when there is none."""
        row = self._ctx.state.load(_key(offering), Offering)
        if row is None:
            raise OfferingReason.OFFERING_UNKNOWN.refusal(offering=offering)
        return row

    def offer_report(self, row: Offering, allotted: Allotments = ()) -> OfferReport:
        """Return what the token contract has against an offering, and against allotments in it."""
        answer = self._ctx.invoke(Chaincode.TOKEN, "offer_findings", row.offer, list(allotted))
        return OfferReport.model_validate_json(answer)

    # --- inside ---

    def _counting(self, row: Offering) -> Iterator[Subscription]:
        """Yield the subscriptions that an allocation looks at."""
        wanted = SubscriptionStatus.PAID if row.terms.is_prepaid else SubscriptionStatus.PLACED
        for each in self._book.all_of(row.terms.offering):
            if each.status is wanted:
                yield each

    def _ordered(self, terms: OfferingTerms, row: Subscription, placed: PlacedOrder) -> Ordered:
        at, by = row.placed_at, row.placed_in
        if row.paid_at is not None and row.paid_in is not None:
            at, by = row.paid_at, row.paid_in
        is_chosen = terms.allocation is AllocationRule.DISCRETIONARY
        return Ordered(
            subscription=row.subscription,
            quantity=placed.order.quantity,
            since=at,
            transaction=by,
            chosen=self._book.allotted(row) if is_chosen else 0,
        )

    def _outstanding(self, row: Offering, paid: int) -> Exception:
        assert row.allocated is not None, "what is allocated knows to what it came"
        return OfferingReason.PAYMENT_OUTSTANDING.refusal(
            offering=row.terms.offering,
            quantity=paid,
            limit=row.allocated.allotted,
            moment=row.allocated.pay_by,
        )

    def _after(self, offering: str, step: Step) -> Offering:
        return after(self.require(offering), step, now(self._ctx))

    def _fail(self, row: Offering, reason: str) -> Offering:
        return self._advance(row.model_copy(update={"reason": reason}))

    def _advance(self, row: Offering) -> Offering:
        self._save(row)
        self._ctx.emit(
            events.OfferingAdvanced(
                offering=row.terms.offering, status=row.status, reason=row.reason
            )
        )
        return row

    def _save(self, row: Offering) -> None:
        self._ctx.state.save(_key(row.terms.offering), row)

    def _keeping(self) -> Exercised:
        return Exercised(organization=self._ctx.client.msp_id, powers=(Power.KEEP_REGISTER,))

    def _require_offeror(self, terms: OfferingTerms, step: str) -> None:
        if self._ctx.client.msp_id != terms.issuer:
            raise OfferingReason.NOT_THE_OFFEROR.refusal(
                offering=terms.offering,
                issuer=terms.issuer,
                participant=self._ctx.client.msp_id,
                step=step,
            )

    def _require_allocator(self, terms: OfferingTerms) -> None:
        """Refuse unless the submitter offers, or keeps the register and need not choose."""
        is_free = terms.allocation is AllocationRule.DISCRETIONARY
        if is_free or check_parties(self._ctx, exercised=[self._keeping()]).licences:
            self._require_offeror(terms, Step.ALLOCATE)


def _issuing(issuer: str) -> Exercised:
    return Exercised(organization=issuer, powers=(Power.ISSUE_SECURITIES,))


def _key(offering: str) -> str:
    return composite_key("offering", offering)
