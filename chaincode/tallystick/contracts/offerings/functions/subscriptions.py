"""What investors and their intermediaries do with subscriptions, and who sees them."""

from tallystick.chaincode import Context, query, transaction
from tallystick.contracts.confidential import secret_argument
from tallystick.contracts.intents import SignedIntent
from tallystick.contracts.licensed import MarketContract, licence_first, licensed
from tallystick.contracts.models import Identifier, PageSize, Quantity
from tallystick.contracts.offerings.models import (
    BookPage,
    Demand,
    SubscriptionIds,
    SubscriptionPage,
    SubscriptionView,
)
from tallystick.contracts.offerings.subscribing import Subscribing
from tallystick.contracts.offerings.views import OfferingViews
from tallystick.contracts.offers import OfferReport
from tallystick.contracts.statements import ReceiptTerms, SubscriptionOrder


class SubscriptionFunctions(MarketContract):
    """Subscriptions, from the order to the refund."""

    @transaction
    @licensed()
    def subscribe(self, ctx: Context) -> str:
        """Place an order; return its hash.

        Order and signature come as transient data, under ``subscription`` and ``intent``. Without a
        signature the submitter needs the signer's mandate; with one, any licensed participant may
        submit it.
        """
        order = secret_argument(ctx, "subscription", SubscriptionOrder)
        return Subscribing(ctx).place(order, _signed(ctx)).order_hash

    @transaction
    @licensed()
    def confirm_subscription(
        self, ctx: Context, offering: Identifier, subscription: Identifier
    ) -> None:
        """Stand by an order with keys that count now; it keeps its place and its money.

        The order is signed again, under ``intent``, as after a recovery or a change of keys.
        """
        Subscribing(ctx).confirm(offering, subscription, _signed(ctx))

    @transaction
    @licensed()
    def pay_subscription(
        self, ctx: Context, offering: Identifier, subscription: Identifier
    ) -> None:
        """Let the payer's money wait for the issuer, as the order says.

        Its intermediary may, or who placed it. It is for all that is ordered, or, where payment
        follows the allocation, for what is allotted.
        """
        Subscribing(ctx).pay(offering, subscription)

    @transaction
    @licensed()
    def pay_by_receipt(self, ctx: Context, offering: Identifier, subscription: Identifier) -> None:
        """Note that an allotment was paid off the ledger, by a receipt of a bank that is named.

        The receipt's terms come as transient data, under ``paid``; the same may as above. It is
        used up when units are issued against it, once for ever.
        """
        terms = secret_argument(ctx, "paid", ReceiptTerms)
        Subscribing(ctx).pay_by_receipt(offering, subscription, terms)

    @transaction
    @licensed()
    def cancel_subscription(
        self, ctx: Context, offering: Identifier, subscription: Identifier
    ) -> None:
        """End an order as its signer says, by signature under ``intent`` or by mandate.

        While the offering is open, during cooling-off, and instead of paying an allotment.
        """
        Subscribing(ctx).cancel(offering, subscription, _signed(ctx))

    @transaction
    @licensed()
    def refund_subscriptions(
        self, ctx: Context, offering: Identifier, subscriptions: SubscriptionIds
    ) -> None:
        """Give money back that gets no units; anybody may ask, an investor for its own.

        When the offering has ended, from its long stop on, or when nothing was allotted.
        """
        Subscribing(ctx).refund(offering, subscriptions)

    # --- queries ---

    @query
    def may_subscribe(
        self, ctx: Context, offering: str, holder: Identifier, quantity: Quantity
    ) -> OfferReport:
        """Return what stands against issuing so many units to a holder now, money aside."""
        return OfferingViews(ctx).eligibility(offering, holder, quantity)

    @query
    def subscription(self, ctx: Context, offering: str, subscription: str) -> SubscriptionView:
        """Return a subscription; the order is for its intermediary and the readers of all."""
        return OfferingViews(ctx).subscription(offering, subscription)

    @query
    def subscriptions(
        self, ctx: Context, offering: str, page_size: PageSize = 100, bookmark: str = ""
    ) -> SubscriptionPage:
        """Return one page of subscriptions, by id, with the orders that the submitter may see."""
        return OfferingViews(ctx).page(offering, page_size, bookmark)

    @query
    @licence_first()
    def order_book(
        self, ctx: Context, offering: str, page_size: PageSize = 100, bookmark: str = ""
    ) -> BookPage:
        """Return one page of what is ordered, not by whom: for the issuer and who reads all."""
        return OfferingViews(ctx).book(offering, page_size, bookmark)

    @query
    @licence_first()
    def demand(self, ctx: Context, offering: str) -> Demand:
        """Return what is ordered by now, and whether that is all there is, for the same."""
        return OfferingViews(ctx).demand(offering)


def _signed(ctx: Context) -> SignedIntent | None:
    return secret_argument(ctx, "intent", SignedIntent) if "intent" in ctx.transient else None
