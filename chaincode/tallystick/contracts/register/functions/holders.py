"""Who holds what, as callers of the token contract see it."""

from itertools import islice
from typing import Annotated

from pydantic import Field

from tallystick.chaincode import Context, query
from tallystick.contracts.book import Account, Book, Position, holder_of, position_key, timeline_of
from tallystick.contracts.instants import instant_from_ns
from tallystick.contracts.licensed import MarketContract
from tallystick.contracts.models import PageSize
from tallystick.contracts.register.models import (
    MAX_BATCH,
    Holding,
    HoldingChange,
    LotLine,
    PortfolioLine,
    Prices,
    RegisterPage,
)

Holders = Annotated[tuple[str, ...], Field(max_length=MAX_BATCH)]


class HolderFunctions(MarketContract):
    """The register's answers."""

    @query
    def balance_of(self, ctx: Context, security: str, holder: str) -> int:
        """Return how many units somebody holds, held and frozen ones included."""
        return _book(ctx).position(Account(security, holder)).quantity

    @query
    def holding(self, ctx: Context, security: str, holder: str) -> Holding:
        """Return a holder's line of the register."""
        return _holding(holder, _book(ctx).position(Account(security, holder)))

    @query
    def holdings(self, ctx: Context, security: str, holders: Holders) -> tuple[Holding, ...]:
        """Return the lines of several holders, in the order of the question."""
        book = _book(ctx)
        return tuple(_holding(each, book.position(Account(security, each))) for each in holders)

    @query
    def portfolio(self, ctx: Context, holder: str, prices: Prices) -> tuple[PortfolioLine, ...]:
        """Return what somebody holds of the securities that are priced, and its value."""
        book = _book(ctx)
        positions = [(each, book.position(Account(each.security, holder))) for each in prices]
        return tuple(
            PortfolioLine(
                security=each.security,
                holding=_holding(holder, position),
                value=position.quantity * each.price,
            )
            for each, position in positions
            if position.quantity
        )

    @query
    def lots(
        self, ctx: Context, security: str, holder: str, tranche: str = ""
    ) -> tuple[LotLine, ...]:
        """Return a holder's lots, the longest held first; with a tranche, only those of it."""
        lots = _book(ctx).position(Account(security, holder)).lots
        return tuple(
            LotLine(lot=lot.name, **lot.model_dump())
            for lot in lots
            if tranche in {"", lot.tranche}
        )

    @query
    def register(
        self, ctx: Context, security: str, page_size: PageSize = 100, bookmark: str = ""
    ) -> RegisterPage:
        """Return one page of the holders of a security, by id: the cap table.

        A page may have fewer lines than asked for: who holds nothing is left out.
        """
        page = ctx.state.partial_page("position", security, page_size=page_size, bookmark=bookmark)
        timeline = timeline_of(ctx.state, security)
        positions = [
            (holder_of(key), Position.model_validate_json(value).brought_up(timeline))
            for key, value in page.rows
        ]
        return RegisterPage(
            security=security,
            holdings=tuple(_holding(*each) for each in positions if each[1].quantity),
            bookmark=page.bookmark,
        )

    @query
    def holding_history(
        self, ctx: Context, security: str, holder: str, limit: PageSize = 100
    ) -> tuple[HoldingChange, ...]:
        """Return the last committed changes of a holding, the newest first, in units of then."""
        changes = ctx.state.history(position_key(Account(security, holder)))
        return tuple(
            HoldingChange(
                transaction_id=change.transaction_id,
                at=instant_from_ns(change.timestamp_ns),
                holding=None
                if change.is_delete
                else _holding(holder, Position.model_validate_json(change.value)),
            )
            for change in islice(changes, limit)
        )


def _book(ctx: Context) -> Book:
    return Book(ctx.state, ctx.transaction_id)


def _holding(holder: str, position: Position) -> Holding:
    return Holding(
        holder=holder,
        quantity=position.quantity,
        held=position.held,
        frozen=position.frozen,
        available=position.available,
        stop=position.stop,
    )
