"""Trades as those see them who watch a venue."""

from collections.abc import Sequence

from tallystick.chaincode import Context, composite_key
from tallystick.contracts.orders.models import PendingKind, PlacedOrder
from tallystick.contracts.orders.orders import Orders
from tallystick.contracts.orders.pending import PendingRows
from tallystick.contracts.parties import Party, check_parties
from tallystick.contracts.surveillance.models import (
    ConsentLine,
    Flag,
    Lineage,
    SurveillanceLine,
    SurveillancePage,
)
from tallystick.contracts.surveillance.rules import line_of
from tallystick.contracts.trades.models import ConsentGiven, Trade
from tallystick.contracts.trades.terms import TradeTerms
from tallystick.contracts.trades.trades import Trades


class Surveillance:
    """What is odd about the trades of a venue, asked now."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._trades = Trades(ctx)

    def lineage(self, trade: Trade) -> Lineage:
        """Return everything from the orders to the settlement of a trade."""
        terms = self._trades.terms(trade)
        (line,) = self._lines([(trade, terms)])
        rows = self._trades.rows(trade)
        given = {
            side: rows.load(composite_key("consent", trade.trade, side), ConsentGiven)
            for side in terms.parties
        }
        return Lineage(
            line=line,
            terms=terms,
            orders=self._orders_of(terms),
            consents=tuple(
                ConsentLine(side=side, party=each.party, key=each.key, given_at=each.given_at)
                for side, each in given.items()
                if each is not None
            ),
            approvals=tuple(self._trades.approvals(trade.trade)),
            failure=self._trades.failure(trade),
            history=self._trades.history(trade.trade),
        )

    def page(self, venue: str, page_size: int, bookmark: str) -> SurveillancePage:
        """Return those of one page of all trades that are the venue's."""
        page = self._trades.page(page_size, bookmark)
        own = [
            (line.trade, line.terms)
            for line in page.trades
            if line.trade.venue == venue and line.terms is not None
        ]
        return SurveillancePage(lines=tuple(self._lines(own)), bookmark=page.bookmark)

    def barred(self, venue: str) -> tuple[SurveillanceLine, ...]:
        """Return the trades under way at a venue against a party of which something stands now."""
        pending = PendingRows(self._ctx, venue).all()
        names = sorted({each.name for each in pending if each.kind is PendingKind.TRADE})
        trades = [self._trades.require(name) for name in names]
        lines = self._lines([(each, self._trades.terms(each)) for each in trades])
        return tuple(line for line in lines if Flag.PARTY_BARRED in line.flags)

    def _lines(self, trades: Sequence[tuple[Trade, TradeTerms]]) -> list[SurveillanceLine]:
        """Return the lines of trades; the identity contract is asked once about everybody."""
        identities = tuple(
            dict.fromkeys(party for _, terms in trades for party in terms.parties.values())
        )
        asked = [Party(identity=each) for each in identities]
        report = check_parties(self._ctx, asked, exercised=())
        known = dict(zip(identities, report.parties, strict=True))
        return [line_of(trade, terms, self._orders_of(terms), known) for trade, terms in trades]

    def _orders_of(self, terms: TradeTerms) -> tuple[PlacedOrder, ...]:
        """Return the orders of a trade that lie on the ledger."""
        orders = Orders(self._ctx)
        return tuple(orders.require(each.venue, each.order) for each in terms.placed_orders)
