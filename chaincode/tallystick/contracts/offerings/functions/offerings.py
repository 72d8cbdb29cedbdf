"""What issuers, the keeper of the register and authorities do with offerings."""

from tallystick.chaincode import Context, query, transaction
from tallystick.contracts.confidential import secret_argument
from tallystick.contracts.licensed import MarketContract, licensed
from tallystick.contracts.models import Identifier, ShortText
from tallystick.contracts.offerings.issuance import issue
from tallystick.contracts.offerings.models import (
    Discretions,
    Identifiers,
    Offering,
    OfferingTerms,
    SubscriptionIds,
)
from tallystick.contracts.offerings.offerings import Offerings
from tallystick.contracts.offerings.subscribing import Subscribing
from tallystick.contracts.powers import Power


class OfferingFunctions(MarketContract):
    """Offerings, from the announcement to the issue."""

    @transaction
    @licensed(Power.ISSUE_SECURITIES)
    def announce_offering(self, ctx: Context, terms: OfferingTerms) -> str:
        """Say what the submitting issuer will offer; return the hash that subscribers sign."""
        return Offerings(ctx).announce(terms).terms_hash

    @transaction
    @licensed(Power.OVERSEE)
    def approve_offering(self, ctx: Context, offering: Identifier) -> None:
        """Approve of an offering, where its exemption's law asks for that."""
        Offerings(ctx).approve(offering)

    @transaction
    @licensed(Power.KEEP_REGISTER)
    def accept_offering(self, ctx: Context, offering: Identifier, identifiers: Identifiers) -> None:
        """Take an offering into the register, with what the depository calls the security.

        Issuer, price, exemption and pack must be those of the security, and its issuer licensed.
        From now on the offering is open, between its start and its end.
        """
        Offerings(ctx).accept(offering, identifiers)

    @transaction
    @licensed()
    def close_offering(self, ctx: Context, offering: Identifier) -> None:
        """Take no more orders: the issuer may any time, anybody from the end on."""
        Offerings(ctx).close(offering)

    @transaction
    @licensed(Power.ISSUE_SECURITIES)
    def allot(self, ctx: Context, offering: Identifier) -> None:
        """Say what the issuer gives to whom by discretion, until the offering is allocated.

        It comes as transient data, under ``allotments``. The cap is judged at the allocation.
        """
        Offerings(ctx).allot(offering, secret_argument(ctx, "allotments", Discretions).lines)

    @transaction
    @licensed(Power.ISSUE_SECURITIES, Power.KEEP_REGISTER)
    def allocate_offering(self, ctx: Context, offering: Identifier) -> str:
        """Settle who gets how many units; return the status, ``failed`` if too few are ordered.

        The issuer may, and the keeper of the register where nothing is left to discretion; once the
        cooling-off of every order is over.
        """
        return Offerings(ctx).allocate(offering).status

    @transaction
    @licensed()
    def fund_offering(self, ctx: Context, offering: Identifier) -> str:
        """Find that the soft cap is in escrow; return the status, ``failed`` if it is not in time.

        Anybody may ask: once everything is paid, or no more can be.
        """
        return Offerings(ctx).fund(offering).status

    @transaction
    @licensed(Power.KEEP_REGISTER)
    def issue_units(
        self, ctx: Context, offering: Identifier, subscriptions: SubscriptionIds
    ) -> None:
        """Issue what is allotted to these subscriptions against their money: all or nothing."""
        issue(ctx, offering, subscriptions)

    @transaction
    @licensed()
    def conclude_offering(self, ctx: Context, offering: Identifier) -> None:
        """End the issue once everybody paid has units; from the long stop on in any case."""
        Offerings(ctx).conclude(offering)

    # --- ends without an issue ---

    @transaction
    @licensed(Power.ISSUE_SECURITIES)
    def withdraw_offering(self, ctx: Context, offering: Identifier, reason: ShortText) -> None:
        """End an offering, as its issuer may until the first unit is issued."""
        Offerings(ctx).withdraw(offering, reason)

    @transaction
    @licensed()
    def lapse_offering(self, ctx: Context, offering: Identifier) -> None:
        """End an offering that has issued nothing by its long stop."""
        Offerings(ctx).lapse(offering)

    @transaction
    @licensed(Power.ISSUE_SECURITIES, Power.KEEP_REGISTER)
    def reject_subscriptions(
        self, ctx: Context, offering: Identifier, subscriptions: SubscriptionIds, reason: ShortText
    ) -> None:
        """End orders that have no units yet; their money is free again."""
        Subscribing(ctx).reject(offering, subscriptions, reason)

    @query
    def offering(self, ctx: Context, offering: str) -> Offering:
        """Return an offering with its terms and its status."""
        return Offerings(ctx).require(offering)
