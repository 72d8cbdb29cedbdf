"""The folding of counts, as callers of the token contract see it."""

from tallystick.chaincode import Context, query, transaction
from tallystick.contracts import events
from tallystick.contracts.licensed import MarketContract, licensed
from tallystick.contracts.models import Identifier, PageSize
from tallystick.contracts.powers import Power
from tallystick.contracts.register.folding import ChangeRow, ChangeRows, Count, Folding


class FoldingFunctions(MarketContract):
    """Upkeep of the rows that supply and holder counts are sums of."""

    @transaction
    @licensed(Power.KEEP_REGISTER)
    def fold_changes(
        self, ctx: Context, security: Identifier, count: Count, rows: ChangeRows
    ) -> None:
        """Put the sum of rows in place of them; no count changes by it."""
        Folding(ctx, security, count).fold(rows)
        ctx.emit(events.ChangesFolded(security=security, count=str(count), rows=len(rows)))

    @query
    def changes(
        self, ctx: Context, security: str, count: Count, page_size: PageSize = 1000
    ) -> tuple[ChangeRow, ...]:
        """Return the names of rows that a count of a security is the sum of, for folding."""
        return tuple(Folding(ctx, security, count).rows(page_size))
