"""Listings, as callers of the settlement contract see them."""

from tallystick.chaincode import Context, query, transaction
from tallystick.contracts.licensed import MarketContract, licensed
from tallystick.contracts.listings.listings import Listings
from tallystick.contracts.listings.models import Listing, ListingLine, ListingTerms
from tallystick.contracts.models import Identifier, ShortText
from tallystick.contracts.parties import Exercised, require_licences
from tallystick.contracts.powers import Power


class ListingFunctions(MarketContract):
    """Without a listing there is no trade."""

    @transaction
    @licensed(Power.OPERATE_VENUE)
    def list_security(self, ctx: Context, terms: ListingTerms) -> None:
        """List a security at the submitting venue, which has looked into it; or do so anew."""
        Listings(ctx).open(terms)

    @transaction
    def end_listing(
        self, ctx: Context, security: Identifier, venue: Identifier, reason: ShortText
    ) -> None:
        """End a listing, as its venue or whoever oversees: nothing is delivered then."""
        caller = ctx.client.msp_id
        power = Power.OPERATE_VENUE if venue == caller else Power.OVERSEE
        require_licences(ctx, Exercised(organization=caller, powers=(power,)))
        Listings(ctx).end(security, venue, reason)

    @query
    def listing(self, ctx: Context, security: str, venue: str) -> Listing | None:
        """Return a listing, ended or not, or None."""
        return Listings(ctx).find(security, venue)

    @query
    def listings(self, ctx: Context, security: str) -> tuple[ListingLine, ...]:
        """Return the listings of a security, by venue."""
        return tuple(Listings(ctx).of(security))
