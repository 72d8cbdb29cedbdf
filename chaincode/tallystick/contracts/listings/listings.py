"""Listings, as one transaction sees and changes them."""

from collections.abc import Iterator

from tallystick.chaincode import Context, composite_key, split_composite_key
from tallystick.contracts import events
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.instants import now
from tallystick.contracts.listings.models import Listing, ListingLine, ListingTerms
from tallystick.contracts.reasons import TradeReason
from tallystick.contracts.rows import load_row


class Listings:
    """Which security is traded at which venue."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx

    def open(self, terms: ListingTerms) -> None:
        """List a security at the submitting venue, or renew its listing there.

        Raises:
            Refusal: SECURITY_UNKNOWN.
        """
        venue = self._ctx.client.msp_id
        self._ctx.invoke(Chaincode.TOKEN, "security", terms.security)
        row = Listing(terms=terms, listed_at=now(self._ctx))
        self._ctx.state.save(_key(terms.security, venue), row)
        self._ctx.emit(events.SecurityListed(venue=venue, **terms.model_dump()))

    def end(self, security: str, venue: str, reason: str) -> None:
        """End a listing.

        Raises:
            Refusal: NOT_LISTED.
        """
        row = self.require(security, venue)
        self._ctx.state.save(_key(security, venue), row.model_copy(update={"ended": reason}))
        self._ctx.emit(
            events.ListingEnded(
                security=security, venue=venue, by=self._ctx.client.msp_id, reason=reason
            )
        )

    def find(self, security: str, venue: str) -> Listing | None:
        """Return a listing, ended or not, or None."""
        return load_row(self._ctx.state, _key(security, venue), Listing)

    def require(self, security: str, venue: str) -> Listing:
        """Return a listing that counts; refuse with NOT_LISTED when there is none."""
        row = self.find(security, venue)
        if row is None or row.ended is not None:
            raise TradeReason.NOT_LISTED.refusal(security=security, venue=venue)
        return row

    def of(self, security: str) -> Iterator[ListingLine]:
        """Yield the listings of a security, by venue."""
        for key, value in self._ctx.state.partial("listing", security):
            _, (_, venue) = split_composite_key(key)
            yield ListingLine(venue=venue, listing=Listing.model_validate_json(value))


def _key(security: str, venue: str) -> str:
    return composite_key("listing", security, venue)
