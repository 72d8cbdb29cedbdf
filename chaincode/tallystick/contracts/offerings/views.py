"""What may be seen of offerings: everybody sees that there is an order, few see whose."""

from collections.abc import Iterator

from tallystick.chaincode import Context
from tallystick.contracts.offerings.models import (
    BookLine,
    BookPage,
    Demand,
    Subscription,
    SubscriptionPage,
    SubscriptionStatus,
    SubscriptionView,
)
from tallystick.contracts.offerings.offerings import Offerings
from tallystick.contracts.offerings.orderbook import OrderBook
from tallystick.contracts.offers import Allotment, OfferReport
from tallystick.contracts.parties import Party, check_parties
from tallystick.contracts.readers import may_read, reading_findings
from tallystick.contracts.reasons import OfferingReason, refuse_if_any


class OfferingViews:
    """Offerings and subscriptions, as who submits a query may see them."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._offerings = Offerings(ctx)
        self._orders = OrderBook(ctx)

    def eligibility(self, offering: str, holder: str, quantity: int) -> OfferReport:
        """Return what stands against issuing so many units to a holder now."""
        row = self._offerings.require(offering)
        party = Party(identity=holder, requirements=row.terms.requirements)
        (known,) = check_parties(self._ctx, [party], exercised=()).parties
        lacks = [
            OfferingReason.SUBSCRIBER_NOT_ELIGIBLE.finding(
                offering=offering, holder=holder, cause=each.message
            )
            for each in known.findings
        ]
        allotment = Allotment(holder=holder, quantity=quantity)
        report = self._offerings.offer_report(row, (allotment,))
        return OfferReport(findings=(*lacks, *report.findings))

    def subscription(self, offering: str, subscription: str) -> SubscriptionView:
        """Return a subscription, with its order if the submitter may see it."""
        row = self._orders.require(offering, subscription)
        return self._view(row, is_readable=may_read(self._ctx, row.intermediary))

    def page(self, offering: str, page_size: int, bookmark: str) -> SubscriptionPage:
        """Return one page of the subscriptions to an offering."""
        rows, following = self._page(offering, page_size, bookmark)
        reads_all = may_read(self._ctx)
        caller = self._ctx.client.msp_id
        views = tuple(
            self._view(row, is_readable=reads_all or row.intermediary == caller) for row in rows
        )
        return SubscriptionPage(subscriptions=views, bookmark=following)

    def book(self, offering: str, page_size: int, bookmark: str) -> BookPage:
        """Return one page of what is ordered, without any names."""
        self._require_reader(offering)
        rows, following = self._page(offering, page_size, bookmark)
        lines = []
        for row in rows:
            view = self._view(row, is_readable=True)
            assert view.order is not None, "what is readable is read"
            lines.append(
                BookLine(
                    subscription=row.subscription,
                    status=row.status,
                    quantity=view.order.quantity,
                    allotted=view.allotted,
                )
            )
        return BookPage(lines=tuple(lines), bookmark=following)

    def demand(self, offering: str) -> Demand:
        """Return what is ordered by now."""
        self._require_reader(offering)
        terms = self._offerings.require(offering).terms
        units = {SubscriptionStatus.PLACED: 0, SubscriptionStatus.PAID: 0}
        count = 0
        for row in self._all(offering):
            if row.status in units:
                units[row.status] += self._orders.order(row).order.quantity
                count += 1
        placed, paid = units[SubscriptionStatus.PLACED], units[SubscriptionStatus.PAID]
        counting = paid if terms.is_prepaid else placed + paid
        return Demand(
            subscriptions=count, placed=placed, paid=paid, is_full=counting >= terms.hard_cap
        )

    def _require_reader(self, offering: str) -> None:
        issuer = self._offerings.require(offering).terms.issuer
        refuse_if_any(reading_findings(self._ctx, issuer))

    def _view(self, row: Subscription, *, is_readable: bool) -> SubscriptionView:
        if not is_readable:
            return SubscriptionView(subscription=row)
        return SubscriptionView(
            subscription=row,
            order=self._orders.order(row).order,
            allotted=self._orders.allotted(row),
        )

    def _page(self, offering: str, page_size: int, bookmark: str) -> tuple[list[Subscription], str]:
        page = self._ctx.state.partial_page(
            "subscription", offering, page_size=page_size, bookmark=bookmark
        )
        return [Subscription.model_validate_json(value) for _, value in page.rows], page.bookmark

    def _all(self, offering: str) -> Iterator[Subscription]:
        bookmark = ""
        while True:
            rows, bookmark = self._page(offering, 1000, bookmark)
            yield from rows
            if not bookmark:
                return
