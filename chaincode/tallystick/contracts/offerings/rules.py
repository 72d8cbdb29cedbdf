"""What stands against terms, orders and allotments. Pure."""

from collections.abc import Iterator, Sequence

from tallystick.contracts.fees.models import FeeKind, FeeLines, FeeSchedule
from tallystick.contracts.instants import Instant, later
from tallystick.contracts.models import MAX_QUANTITY
from tallystick.contracts.offerings.models import Offering, OfferingTerms, Subscription
from tallystick.contracts.parties import PartyReport
from tallystick.contracts.reasons import Finding, OfferingReason
from tallystick.contracts.statements import SubscriptionOrder


def check_terms(terms: OfferingTerms, moment: Instant) -> None:
    """Return if the terms of an offering fit together, and its end lies ahead.

    Raises:
        Refusal: OFFERING_TERMS_WRONG.
    """
    last = later(terms.ends_at, terms.cooling_off_s + terms.payment_period_s)
    conditions = {
        "it ends in the past.": terms.ends_at > moment,
        "it ends before it starts.": terms.starts_at < terms.ends_at,
        "the soft cap is above the hard cap.": terms.soft_cap <= terms.hard_cap,
        "the least order is above the largest.": terms.minimum <= terms.maximum,
        "one order is for more than the hard cap.": terms.maximum <= terms.hard_cap,
        "caps or sizes of orders are no multiples.": not any(
            each % terms.multiple
            for each in (terms.minimum, terms.maximum, terms.soft_cap, terms.hard_cap)
        ),
        "the hard cap costs more than an account can say.": (
            terms.hard_cap * terms.price <= MAX_QUANTITY
        ),
        "the long stop comes before cooling-off and payment can be over.": (
            terms.long_stop_at > last
        ),
        "what is prepaid has no time for payment.": (
            not terms.is_prepaid or terms.payment_period_s == 0
        ),
        "a receipt is for an exact amount, which is not known before the allocation.": (
            not terms.receipts_of or not terms.is_prepaid
        ),
        "what is paid after the allocation needs time for it.": (
            terms.is_prepaid or terms.payment_period_s > 0
        ),
    }
    for cause, holds in conditions.items():
        if not holds:
            raise OfferingReason.OFFERING_TERMS_WRONG.refusal(offering=terms.offering, cause=cause)


def check_order(offering: Offering, order: SubscriptionOrder) -> None:
    """Return if an order is for these terms and of a size that they allow.

    Raises:
        Refusal: SUBSCRIPTION_TERMS_DIFFER or SUBSCRIPTION_SIZE.
    """
    terms = offering.terms
    if order.terms_hash != offering.terms_hash:
        raise OfferingReason.SUBSCRIPTION_TERMS_DIFFER.refusal(
            offering=terms.offering, subscription=order.subscription
        )
    if not terms.minimum <= order.quantity <= terms.maximum or order.quantity % terms.multiple:
        raise OfferingReason.SUBSCRIPTION_SIZE.refusal(
            offering=terms.offering,
            minimum=terms.minimum,
            maximum=terms.maximum,
            multiple=terms.multiple,
            quantity=order.quantity,
        )


def accepted_fees(order: SubscriptionOrder, schedule: FeeSchedule | None) -> FeeLines:
    """Return what an order's intermediary takes for it, if that is what its signer accepted.

    ``schedule`` is the one in force; None when the intermediary has published none.

    Raises:
        Refusal: SUBSCRIPTION_FEES_DIFFER.
    """
    version = None if schedule is None else schedule.version
    if order.fee_schedule_version != version:
        raise OfferingReason.SUBSCRIPTION_FEES_DIFFER.refusal(
            offering=order.offering,
            subscription=order.subscription,
            intermediary=order.intermediary,
            accepted=order.fee_schedule_version or 0,
            published=version or 0,
        )
    lines = () if schedule is None else schedule.lines
    return tuple(each for each in lines if each.kind is FeeKind.SUBSCRIPTION)


def check_discretion(
    terms: OfferingTerms, subscription: Subscription, ordered: int, quantity: int
) -> None:
    """Return if an issuer may give a subscription so much: nothing, or the least to what it orders.

    Raises:
        Refusal: ALLOTMENT_OUT_OF_BOUNDS.
    """
    fits = terms.minimum <= quantity <= ordered and quantity % terms.multiple == 0
    if quantity and not fits:
        raise OfferingReason.ALLOTMENT_OUT_OF_BOUNDS.refusal(
            subscription=subscription.subscription,
            least=terms.minimum,
            most=ordered,
            multiple=terms.multiple,
            quantity=quantity,
        )


def representation_findings(
    order: SubscriptionOrder,
    signer: PartyReport,
    party: PartyReport,
    name: str,
    mandate: Sequence[Finding],
) -> Iterator[Finding]:
    """Yield why a signer may not order for somebody, or spend its money.

    It may for itself and its sub-accounts. The identity of the intermediary may also for who has
    given the intermediary a mandate; nobody else may by that mandate.
    """
    if signer.profile is None or party.profile is None:
        return  # that they are unknown is told anyway
    if party.profile.person == signer.profile.person:
        return
    causes = [each.message for each in mandate]
    if signer.profile.organization != order.intermediary:
        causes = [f"{order.signer} is not the identity of {order.intermediary}."]
    for cause in causes:
        yield OfferingReason.SUBSCRIBER_NOT_REPRESENTED.finding(
            signer=order.signer, party=name, offering=order.offering, cause=cause
        )
