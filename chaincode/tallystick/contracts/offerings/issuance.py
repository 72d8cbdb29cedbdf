"""The issue: units against money, for one page of subscribers at once or for none of it."""

from collections.abc import Iterator, Sequence

from tallystick.chaincode import Context
from tallystick.contracts import events
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.offerings import escrow
from tallystick.contracts.offerings.models import Subscription
from tallystick.contracts.offerings.offerings import Offerings
from tallystick.contracts.offerings.orderbook import OrderBook
from tallystick.contracts.offerings.placement import Standing, judged
from tallystick.contracts.offerings.states import SubscriptionStep, subscription_after
from tallystick.contracts.offers import Allotment
from tallystick.contracts.parties import Exercised
from tallystick.contracts.powers import Power
from tallystick.contracts.reasons import Finding, OfferingReason, refuse_if_any


def issue(ctx: Context, offering: str, subscriptions: Sequence[str]) -> None:
    """Issue what is allotted to these subscriptions, and pay the issuer, in this transaction.

    Everybody is judged again: who ordered by keys, mandates and licences that count now, who holds
    by the offering's requirements and the security's rules. One who may not have units stops the
    page, and is named: it can be cured, rejected, or left for another page. The fees of the
    intermediaries are taken with the price.

    Raises:
        Refusal: OFFERING_STATUS, OFFERING_TOO_LATE, SUBSCRIPTION_STATUS, NOTHING_ALLOTTED, or with
            every finding.
    """
    row = Offerings(ctx).begin_issue(offering)
    book = OrderBook(ctx)
    names = dict.fromkeys(subscriptions)
    issued = [
        subscription_after(book.require(offering, each), SubscriptionStep.ISSUE) for each in names
    ]
    placed = [book.order(each) for each in issued]
    units = [_allotted(book, each) for each in issued]
    licences, standings = judged(
        ctx,
        row.terms,
        placed,
        Exercised(organization=ctx.client.msp_id, powers=(Power.KEEP_REGISTER,)),
        Exercised(organization=row.terms.issuer, powers=(Power.ISSUE_SECURITIES,)),
    )
    paid = list(zip(placed, units, strict=True))
    refuse_if_any([*licences, *_lapsed(issued, standings)])
    allotments = [Allotment(holder=each.order.holder, quantity=quantity) for each, quantity in paid]
    ctx.invoke(Chaincode.TOKEN, "issue_offered", row.offer, allotments)
    escrow.deliver(ctx, row.terms, paid)
    for each in issued:
        book.save(each)
        ctx.emit(
            events.SubscriptionAdvanced(
                offering=offering, subscription=each.subscription, status=each.status
            )
        )


def _lapsed(issued: Sequence[Subscription], standings: Sequence[Standing]) -> Iterator[Finding]:
    """Yield what stands against each order now: against its right, then against its parties."""
    for each, standing in zip(issued, standings, strict=True):
        for finding in standing.right:
            yield OfferingReason.ORDER_LAPSED.finding(
                subscription=each.subscription, cause=finding.message
            )
        yield from standing.parties


def _allotted(book: OrderBook, row: Subscription) -> int:
    units = book.allotted(row)
    if not units:
        raise OfferingReason.NOTHING_ALLOTTED.refusal(
            offering=row.offering, subscription=row.subscription
        )
    return units
