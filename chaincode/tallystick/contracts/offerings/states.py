"""The life of an offering, and of a subscription, each as one table; and their moments. Pure."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from tallystick.contracts.instants import Instant, later
from tallystick.contracts.offerings.models import (
    Offering,
    OfferingTerms,
    Status,
    Subscription,
    SubscriptionStatus,
)
from tallystick.contracts.reasons import OfferingReason

S = Status


class Step(StrEnum):
    """What can be done with an offering, in the words of a refusal."""

    APPROVE = "approve"
    ACCEPT = "accept"
    CLOSE = "close"
    ALLOT = "allot units of"
    ALLOCATE = "allocate"
    FUND = "confirm the money of"
    ISSUE = "issue units of"
    CONCLUDE = "conclude"
    FAIL = "end for want of orders or money"
    WITHDRAW = "withdraw"
    LAPSE = "let lapse"


# A step from a status that is not listed here is refused.
TRANSITIONS: Mapping[tuple[Status, Step], Status] = MappingProxyType(
    {
        (S.ANNOUNCED, Step.APPROVE): S.ANNOUNCED,
        (S.ANNOUNCED, Step.ACCEPT): S.OPEN,
        (S.OPEN, Step.CLOSE): S.CLOSED,
        (S.CLOSED, Step.ALLOT): S.CLOSED,
        (S.CLOSED, Step.ALLOCATE): S.ALLOCATED,
        (S.ALLOCATED, Step.FUND): S.FUNDED,
        (S.FUNDED, Step.ISSUE): S.ISSUING,
        (S.ISSUING, Step.ISSUE): S.ISSUING,
        (S.ISSUING, Step.CONCLUDE): S.ISSUED,
        (S.CLOSED, Step.FAIL): S.FAILED,
        (S.ALLOCATED, Step.FAIL): S.FAILED,
        (S.ANNOUNCED, Step.WITHDRAW): S.WITHDRAWN,
        (S.OPEN, Step.WITHDRAW): S.WITHDRAWN,
        (S.CLOSED, Step.WITHDRAW): S.WITHDRAWN,
        (S.ALLOCATED, Step.WITHDRAW): S.WITHDRAWN,
        (S.FUNDED, Step.WITHDRAW): S.WITHDRAWN,
        (S.ANNOUNCED, Step.LAPSE): S.FAILED,
        (S.OPEN, Step.LAPSE): S.FAILED,
        (S.CLOSED, Step.LAPSE): S.FAILED,
        (S.ALLOCATED, Step.LAPSE): S.FAILED,
        (S.FUNDED, Step.LAPSE): S.FAILED,
    }
)

# Steps towards an issue: too late from the long stop on.
_FORWARD = frozenset({Step.ACCEPT, Step.ALLOCATE, Step.FUND, Step.ISSUE})


class SubscriptionStep(StrEnum):
    """What can be done with a subscription, in the words of a refusal."""

    PLACE = "subscribe to"
    CONFIRM = "confirm"
    PAY = "pay"
    CANCEL = "cancel"
    REJECT = "reject"
    ISSUE = "issue units for"
    REFUND = "refund"


U = SubscriptionStatus
SUBSCRIPTION_TRANSITIONS: Mapping[tuple[SubscriptionStatus, SubscriptionStep], U] = (
    MappingProxyType(
        {
            (U.PLACED, SubscriptionStep.CONFIRM): U.PLACED,
            (U.PAID, SubscriptionStep.CONFIRM): U.PAID,
            (U.PLACED, SubscriptionStep.PAY): U.PAID,
            (U.PAID, SubscriptionStep.ISSUE): U.ISSUED,
            (U.PLACED, SubscriptionStep.CANCEL): U.CANCELLED,
            (U.PAID, SubscriptionStep.CANCEL): U.CANCELLED,
            (U.PLACED, SubscriptionStep.REJECT): U.REJECTED,
            (U.PAID, SubscriptionStep.REJECT): U.REJECTED,
            (U.PLACED, SubscriptionStep.REFUND): U.REFUNDED,
            (U.PAID, SubscriptionStep.REFUND): U.REFUNDED,
        }
    )
)


def after(offering: Offering, step: Step, moment: Instant) -> Offering:
    """Return the offering as it is after a step.

    Raises:
        Refusal: OFFERING_STATUS, OFFERING_TOO_EARLY or OFFERING_TOO_LATE.
    """
    terms = offering.terms
    status = TRANSITIONS.get((offering.status, step))
    if status is None:
        raise OfferingReason.OFFERING_STATUS.refusal(
            offering=terms.offering, state=offering.status, step=step
        )
    if step in _FORWARD:
        require_before(terms, step, terms.long_stop_at, moment)
    if step is Step.ACCEPT:
        require_before(terms, step, terms.ends_at, moment)
    if step is Step.LAPSE:
        require_from(terms, step, terms.long_stop_at, moment)
    if step in {Step.ALLOCATE, Step.FAIL} and offering.status is S.CLOSED:
        assert offering.closed_at is not None, "what is closed knows when"
        require_from(terms, step, later(offering.closed_at, terms.cooling_off_s), moment)
    return offering.model_copy(update={"status": status})


def subscription_after(subscription: Subscription, step: SubscriptionStep) -> Subscription:
    """Return the subscription as it is after a step; refuse with SUBSCRIPTION_STATUS."""
    status = SUBSCRIPTION_TRANSITIONS.get((subscription.status, step))
    if status is None:
        raise OfferingReason.SUBSCRIPTION_STATUS.refusal(
            subscription=subscription.subscription,
            offering=subscription.offering,
            state=subscription.status,
            step=step,
        )
    return subscription.model_copy(update={"status": status})


def require_open(offering: Offering, step: SubscriptionStep, moment: Instant) -> None:
    """Refuse unless the offering takes orders, and their payment, at this second.

    Raises:
        Refusal: OFFERING_STATUS, OFFERING_TOO_EARLY or OFFERING_TOO_LATE.
    """
    terms = offering.terms
    require_status(offering, step, S.OPEN)
    require_from(terms, step, terms.starts_at, moment)
    require_before(terms, step, terms.ends_at, moment)


def require_payable(offering: Offering, moment: Instant) -> None:
    """Refuse unless orders of the offering are paid at this second.

    Raises:
        Refusal: OFFERING_STATUS, OFFERING_TOO_EARLY or OFFERING_TOO_LATE.
    """
    if offering.terms.is_prepaid:
        require_open(offering, SubscriptionStep.PAY, moment)
        return
    require_status(offering, SubscriptionStep.PAY, S.ALLOCATED)
    assert offering.allocated is not None, "what is allocated knows to what it came"
    require_before(offering.terms, SubscriptionStep.PAY, offering.allocated.pay_by, moment)


def require_cancellable(offering: Offering, subscription: Subscription, moment: Instant) -> None:
    """Refuse unless the investor may go back on an order.

    It may while the offering is open; afterwards during its cooling-off; and as long as it has
    not paid an allotment.

    Raises:
        Refusal: OFFERING_STATUS or COOLING_OFF_OVER.
    """
    unpaid = subscription.status is SubscriptionStatus.PLACED
    if offering.status is S.OPEN or (offering.status is S.ALLOCATED and unpaid):
        return
    require_status(offering, SubscriptionStep.CANCEL, S.CLOSED)
    end = subscription.cooling_off_ends_at(offering.terms)
    if moment >= end:
        raise OfferingReason.COOLING_OFF_OVER.refusal(
            subscription=subscription.subscription, moment=end, now=moment
        )


def is_refundable_to_all(offering: Offering, moment: Instant) -> bool:
    """Return whether all money that waits goes back, whatever was allotted."""
    over = {S.FAILED, S.WITHDRAWN, S.ISSUED}
    return offering.status in over or moment >= offering.terms.long_stop_at


def is_allocated(offering: Offering) -> bool:
    """Return whether the allotments stand."""
    return offering.status in {S.ALLOCATED, S.FUNDED, S.ISSUING}


def require_status(offering: Offering, step: StrEnum, *statuses: Status) -> None:
    """Refuse with OFFERING_STATUS unless the offering has one of these."""
    if offering.status not in statuses:
        raise OfferingReason.OFFERING_STATUS.refusal(
            offering=offering.terms.offering, state=offering.status, step=step
        )


def require_from(terms: OfferingTerms, step: StrEnum, start: Instant, moment: Instant) -> None:
    """Refuse with OFFERING_TOO_EARLY before ``start``."""
    if moment < start:
        raise OfferingReason.OFFERING_TOO_EARLY.refusal(
            offering=terms.offering, step=step, moment=start, now=moment
        )


def require_before(terms: OfferingTerms, step: StrEnum, end: Instant, moment: Instant) -> None:
    """Refuse with OFFERING_TOO_LATE from ``end`` on."""
    if moment >= end:
        raise OfferingReason.OFFERING_TOO_LATE.refusal(
            offering=terms.offering, step=step, moment=end, now=moment
        )
