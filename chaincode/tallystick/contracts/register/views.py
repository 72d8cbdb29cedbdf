"""The register of holders, as readers of the token contract see it."""

from tallystick.chaincode import Context, query
from tallystick.contracts.book import Account, Position, holder_of
from tallystick.contracts.licensed import MarketContract
from tallystick.contracts.models import PageSize
from tallystick.contracts.register.models import (
    Holding,
    RegisterPage,
)
from tallystick.contracts.register.movements import Movements


class RegisterViews(MarketContract):
    """Who holds what."""

    @query
    def balance_of(self, ctx: Context, security: str, holder: str) -> int:
        """Return how many units somebody holds, locked and frozen ones included."""
        return Movements(ctx).book.position(Account(security, holder)).quantity

    @query
    def holding(self, ctx: Context, security: str, holder: str) -> Holding:
        """Return a holder's line of the register."""
        return _holding(holder, Movements(ctx).book.position(Account(security, holder)))

    @query
    def register(
        self, ctx: Context, security: str, page_size: PageSize = 100, bookmark: str = ""
    ) -> RegisterPage:
        """Return one page of the holders of a security, by id: the cap table."""
        page = ctx.state.partial_page("position", security, page_size=page_size, bookmark=bookmark)
        holdings = tuple(
            _holding(holder_of(key), Position.model_validate_json(value))
            for key, value in page.rows
        )
        return RegisterPage(security=security, holdings=holdings, bookmark=page.bookmark)

    @query
    def holder_count(self, ctx: Context, security: str) -> int:
        """Return how many hold units of a security."""
        return Movements(ctx).book.holder_count(security)


def _holding(holder: str, position: Position) -> Holding:
    return Holding(
        holder=holder,
        quantity=position.quantity,
        locked=position.locked,
        frozen=position.frozen,
        available=position.available,
    )
