"""Subscriptions at work: what investors, intermediaries and issuers do with them."""

from tallystick.chaincode import Context
from tallystick.contracts import events
from tallystick.contracts.fees.models import FeeLines
from tallystick.contracts.fees.schedules import Schedules
from tallystick.contracts.instants import now
from tallystick.contracts.intents import SignedIntent, canonical_hash
from tallystick.contracts.offerings import escrow
from tallystick.contracts.offerings.models import (
    Offering,
    PlacedOrder,
    Status,
    Subscription,
    SubscriptionStatus,
)
from tallystick.contracts.offerings.offerings import Offerings
from tallystick.contracts.offerings.orderbook import OrderBook
from tallystick.contracts.offerings.placement import acting, judged
from tallystick.contracts.offerings.rules import accepted_fees, check_order
from tallystick.contracts.offerings.states import (
    SubscriptionStep,
    is_allocated,
    is_refundable_to_all,
    require_cancellable,
    require_open,
    require_payable,
    require_status,
    subscription_after,
)
from tallystick.contracts.offers import Allotment
from tallystick.contracts.parties import (
    Exercised,
    authority_for,
    require_authority,
    require_licences,
)
from tallystick.contracts.powers import Power
from tallystick.contracts.reasons import OfferingReason, refuse_if_any
from tallystick.contracts.statements import ReceiptTerms, SubscriptionCancelled, SubscriptionOrder

BEFORE_FUNDING = (Status.OPEN, Status.CLOSED, Status.ALLOCATED)
BEFORE_ISSUE = (*BEFORE_FUNDING, Status.FUNDED, Status.ISSUING)


class Subscribing:
    """Subscriptions, as one transaction changes them."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._offerings = Offerings(ctx)
        self._book = OrderBook(ctx)

    def place(self, order: SubscriptionOrder, intent: SignedIntent | None) -> Subscription:
        """Enter an order, under all rules that an issue to its holder would face now."""
        offering = self._offerings.require(order.offering)
        moment = now(self._ctx)
        require_open(offering, SubscriptionStep.PLACE, moment)
        if self._book.find(order.offering, order.subscription) is not None:
            raise OfferingReason.SUBSCRIPTION_EXISTS.refusal(
                offering=order.offering, subscription=order.subscription
            )
        row = Subscription(
            offering=order.offering,
            subscription=order.subscription,
            intermediary=order.intermediary,
            order_hash=canonical_hash(order),
            status=SubscriptionStatus.PLACED,
            placed_at=moment,
            placed_in=self._ctx.transaction_id,
        )
        placed = self._enter(offering, row, order, intent)
        check_order(offering, order)
        refuse_if_any(escrow.charge_for(offering.terms, placed, order.quantity).findings)
        allotment = Allotment(holder=order.holder, quantity=order.quantity)
        refuse_if_any(self._offerings.offer_report(offering, (allotment,)).findings)
        self._book.save(row)
        self._ctx.emit(
            events.SubscriptionPlaced(
                offering=row.offering,
                subscription=row.subscription,
                intermediary=row.intermediary,
                order_hash=row.order_hash,
            )
        )
        return row

    def confirm(self, offering: str, subscription: str, intent: SignedIntent | None) -> None:
        """Take the signer's word again, by keys that count now; the order keeps its place."""
        row, terms = self._book.require(offering, subscription), self._offerings.require(offering)
        before = self._book.order(row)
        self._enter(terms, row, before.order, intent, before)
        subscription_after(row, SubscriptionStep.CONFIRM)
        require_status(terms, SubscriptionStep.CONFIRM, *BEFORE_ISSUE)

    def pay(self, offering: str, subscription: str) -> None:
        """Let the payer's money wait in escrow: for all that is ordered, or for the allotment."""
        row, placed = self._channelled(offering, subscription)
        paid = subscription_after(row, SubscriptionStep.PAY)
        terms = self._offerings.require(offering)
        require_payable(terms, now(self._ctx))
        units = placed.order.quantity
        if not terms.terms.is_prepaid:
            units = self._allotted(row)
        escrow.lock(self._ctx, terms.terms, placed, units)
        self._paid(paid)

    def pay_by_receipt(self, offering: str, subscription: str, receipt: ReceiptTerms) -> None:
        """Note that an allotment was paid off the ledger; the receipt is used at the issue."""
        row, placed = self._channelled(offering, subscription)
        paid = subscription_after(row, SubscriptionStep.PAY)
        terms = self._offerings.require(offering)
        require_payable(terms, now(self._ctx))
        escrow.check_receipt(self._ctx, terms.terms, placed.order, self._allotted(row), receipt)
        self._book.save_order(row, placed.model_copy(update={"receipt": receipt}))
        self._paid(paid)

    # --- ends without an issue ---

    def cancel(self, offering: str, subscription: str, intent: SignedIntent | None) -> None:
        """End an order as its signer says; money that waits for it is free again."""
        before = self._book.require(offering, subscription)
        order = self._book.order(before).order
        said = SubscriptionCancelled(
            offering=offering, subscription=subscription, signer=order.signer
        )
        rows = self._book.rows(before, order.salt)
        require_authority(self._ctx, order.signer, said, intent, rows)
        row = subscription_after(before, SubscriptionStep.CANCEL)
        require_cancellable(self._offerings.require(offering), before, now(self._ctx))
        self._free([before])
        self._advance(row)

    def reject(self, offering: str, subscriptions: tuple[str, ...], reason: str) -> None:
        """End orders as the issuer says, or who keeps the register; their money is free again.

        Once the soft cap is found in escrow, the issuer cannot undo that any more.
        """
        terms = self._offerings.require(offering)
        caller = self._ctx.client.msp_id
        is_issuer = caller == terms.terms.issuer
        power = Power.ISSUE_SECURITIES if is_issuer else Power.KEEP_REGISTER
        require_licences(self._ctx, Exercised(organization=caller, powers=(power,)))
        statuses = BEFORE_FUNDING if is_issuer else BEFORE_ISSUE
        require_status(terms, SubscriptionStep.REJECT, *statuses)
        self._end(offering, subscriptions, SubscriptionStep.REJECT, reason)

    def refund(self, offering: str, subscriptions: tuple[str, ...]) -> None:
        """Give money back that gets no units; anybody may ask for it, an investor for its own.

        Raises:
            Refusal: SUBSCRIPTION_STATUS, OFFERING_STATUS or UNITS_ALLOTTED.
        """
        terms = self._offerings.require(offering)
        if not is_refundable_to_all(terms, now(self._ctx)):
            self._require_nothing_allotted(terms, subscriptions)
        self._end(offering, subscriptions, SubscriptionStep.REFUND)

    # --- how ---

    def _enter(
        self,
        offering: Offering,
        row: Subscription,
        order: SubscriptionOrder,
        intent: SignedIntent | None,
        former: PlacedOrder | None = None,
    ) -> PlacedOrder:
        """Write an order with the right by which it is placed, if that counts.

        A former row keeps its receipt, and the fees that were accepted when it was placed.
        """
        rows = self._book.rows(row, order.salt)
        placed = PlacedOrder(
            order=order,
            authority=authority_for(self._ctx, order.signer, order, intent, rows),
            placed_by=self._ctx.client.msp_id,
            receipt=former.receipt if former else None,
        )
        licences, (standing,) = judged(self._ctx, offering.terms, [placed])
        refuse_if_any([*licences, *standing.right, *standing.parties])
        fees = former.fees if former else self._accepted_fees(order)
        placed = placed.model_copy(update={"fees": fees})
        self._book.save_order(row, placed)
        return placed

    def _accepted_fees(self, order: SubscriptionOrder) -> FeeLines:
        return accepted_fees(order, Schedules(self._ctx.state).find(order.intermediary))

    def _end(
        self,
        offering: str,
        subscriptions: tuple[str, ...],
        step: SubscriptionStep,
        reason: str | None = None,
    ) -> None:
        before = [self._book.require(offering, each) for each in dict.fromkeys(subscriptions)]
        after = [subscription_after(each, step) for each in before]
        self._free(before)
        for row in after:
            self._advance(row.model_copy(update={"reason": reason}))

    def _free(self, rows: list[Subscription]) -> None:
        """Give up what waits in escrow for subscriptions that are still as they were.

        A receipt stays as it is: its bank takes it back, and repays.
        """
        terms = self._offerings.require(rows[0].offering).terms
        held = []
        for row in rows:
            if row.status is not SubscriptionStatus.PAID:
                continue
            placed = self._book.order(row)
            if placed.receipt is None:
                ordered = placed.order.quantity
                units = ordered if terms.is_prepaid else self._book.allotted(row)
                held.append((placed.order, units))
        if held:
            escrow.release(self._ctx, terms, held)

    def _paid(self, row: Subscription) -> None:
        paid = {"paid_at": now(self._ctx), "paid_in": self._ctx.transaction_id}
        self._advance(row.model_copy(update=paid))

    def _allotted(self, row: Subscription) -> int:
        units = self._book.allotted(row)
        if not units:
            raise OfferingReason.NOTHING_ALLOTTED.refusal(
                offering=row.offering, subscription=row.subscription
            )
        return units

    def _require_nothing_allotted(self, offering: Offering, subscriptions: tuple[str, ...]) -> None:
        if not is_allocated(offering):
            require_status(offering, SubscriptionStep.REFUND)
        for name in subscriptions:
            row = self._book.require(offering.terms.offering, name)
            if self._book.allotted(row):
                raise OfferingReason.UNITS_ALLOTTED.refusal(
                    offering=row.offering,
                    subscription=name,
                    moment=offering.terms.long_stop_at,
                )

    def _channelled(self, offering: str, subscription: str) -> tuple[Subscription, PlacedOrder]:
        """Return a subscription and its order, for who may pay it.

        Raises:
            Refusal: NOT_THE_INTERMEDIARY unless the submitter is who the order runs through, or
                placed it; LICENCE_MISSING.
        """
        row = self._book.require(offering, subscription)
        placed, caller = self._book.order(row), self._ctx.client.msp_id
        if caller not in {row.intermediary, placed.placed_by}:
            raise OfferingReason.NOT_THE_INTERMEDIARY.refusal(
                subscription=row.subscription,
                intermediary=row.intermediary,
                participant=caller,
                step=SubscriptionStep.PAY,
            )
        require_licences(self._ctx, acting(row.intermediary))
        return row, placed

    def _advance(self, row: Subscription) -> None:
        self._book.save(row)
        self._ctx.emit(
            events.SubscriptionAdvanced(
                offering=row.offering,
                subscription=row.subscription,
                status=row.status,
                reason=row.reason,
            )
        )
