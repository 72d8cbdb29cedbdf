"""Surveillance, as callers of the settlement contract see it."""

from tallystick.chaincode import Context, query
from tallystick.contracts.licensed import MarketContract, licence_first
from tallystick.contracts.models import PageSize
from tallystick.contracts.readers import reading_findings
from tallystick.contracts.reasons import refuse_if_any
from tallystick.contracts.surveillance.models import (
    Lineage,
    SurveillanceLine,
    SurveillancePage,
)
from tallystick.contracts.surveillance.surveillance import Surveillance
from tallystick.contracts.trades.trades import Trades


class SurveillanceFunctions(MarketContract):
    """For the regulator, those who watch every venue, and each venue of its own."""

    @query
    @licence_first()
    def lineage(self, ctx: Context, trade: str) -> Lineage:
        """Return everything from the orders to the settlement of a trade."""
        row = Trades(ctx).require(trade)
        refuse_if_any(reading_findings(ctx, row.venue))
        return Surveillance(ctx).lineage(row)

    @query
    def surveillance(
        self, ctx: Context, venue: str, page_size: PageSize = 100, bookmark: str = ""
    ) -> SurveillancePage:
        """Return the trades of a venue with what is odd about them, page by page of all trades."""
        refuse_if_any(reading_findings(ctx, venue))
        return Surveillance(ctx).page(venue, page_size, bookmark)

    @query
    def barred_trades(self, ctx: Context, venue: str) -> tuple[SurveillanceLine, ...]:
        """Return the trades under way with a party whom a list bars now: none of them settles."""
        refuse_if_any(reading_findings(ctx, venue))
        return Surveillance(ctx).barred(venue)
