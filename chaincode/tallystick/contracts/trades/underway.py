"""What a trade has under way at its venue, from the proposal until it ends.

Units that are sold are under way until they are on hold, for then the register counts them; units
that are bought until they have come.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from tallystick.chaincode import Context
from tallystick.contracts.orders.commitments import CommitmentRows
from tallystick.contracts.orders.models import Pending, PendingKind
from tallystick.contracts.orders.pending import PendingRows
from tallystick.contracts.statements import OrderSide
from tallystick.contracts.trades.models import Status
from tallystick.contracts.trades.terms import DvpModel, LegKind, TradeTerms

_BUYS = (OrderSide.BUY,)

_BOTH = (OrderSide.BUY, OrderSide.SELL)

# Which sides are under way while a trade is in a status; none once it has ended.
_UNDER_WAY: Mapping[Status, tuple[OrderSide, ...]] = MappingProxyType(
    {
        Status.PROPOSED: _BOTH,
        Status.LOCKED: _BUYS,
        Status.FAILING: _BUYS,
        Status.IN_CYCLE: _BUYS,
    }
)


def sides_under_way(status: Status, model: DvpModel) -> tuple[OrderSide, ...]:
    """Return which sides are under way; where nothing is held, both are until the end."""
    sides = _UNDER_WAY.get(status, ())
    return _BOTH if sides and model is DvpModel.NET else sides


def begin(ctx: Context, terms: TradeTerms, splits_seen: int) -> None:
    """Write what a trade that is proposed has under way."""
    sides = sides_under_way(Status.PROPOSED, terms.model)
    PendingRows(ctx, terms.venue, terms.salt).add(lines(terms, sides, splits_seen))
    CommitmentRows(ctx, terms.venue, terms.salt).add(filled(terms, sides, splits_seen))


def follow(ctx: Context, terms: TradeTerms, change: tuple[Status, Status]) -> None:
    """Write what is under way once a trade has changed its status; free what it committed.

    Args:
        ctx: The call.
        terms: Of the trade.
        change: Its status before and after.
    """
    before, after = (sides_under_way(status, terms.model) for status in change)
    over = tuple(side for side in before if side not in after)
    if not over:
        return
    PendingRows(ctx, terms.venue, terms.salt).remove(lines(terms, over))
    CommitmentRows(ctx, terms.venue, terms.salt).remove(filled(terms, over))


def split(ctx: Context, whole: TradeTerms, parts: Sequence[TradeTerms], splits_seen: int) -> None:
    """Write what is under way once a trade that is proposed has become several."""
    rows = PendingRows(ctx, whole.venue, whole.salt)
    bound = CommitmentRows(ctx, whole.venue, whole.salt)
    sides = sides_under_way(Status.PROPOSED, whole.model)
    rows.remove(lines(whole, sides, splits_seen))
    bound.remove(filled(whole, sides, splits_seen))
    for part in parts:
        rows.add(lines(part, sides, splits_seen))
        bound.add(filled(part, sides, splits_seen))


def lines(terms: TradeTerms, sides: tuple[OrderSide, ...], splits_seen: int = 0) -> list[Pending]:
    """Return what a trade has under way: a line for each holder, security and side.

    By its name alone a line is found again to be removed.
    """
    quantities: Counter[tuple[OrderSide, str, str]] = Counter()
    for leg in terms.all_legs:
        if leg.kind is LegKind.UNITS:
            for side in sides:
                holder = leg.sender if side is OrderSide.SELL else leg.receiver
                quantities[side, holder, leg.asset] += leg.quantity
    return [
        Pending(
            kind=PendingKind.TRADE,
            name=terms.trade,
            holder=holder,
            security=security,
            side=side,
            quantity=quantity,
            splits_seen=splits_seen,
            expires_at=terms.expires_at,
        )
        for (side, holder, security), quantity in quantities.items()
    ]


def filled(terms: TradeTerms, sides: tuple[OrderSide, ...], splits_seen: int = 0) -> list[Pending]:
    """Return what a trade commits in place of the orders that it fills: a line for each."""
    return [
        Pending(
            kind=PendingKind.TRADE,
            name=terms.trade,
            holder=order.holder,
            security=order.security,
            side=order.side,
            quantity=order.quantity,
            splits_seen=splits_seen,
            expires_at=terms.expires_at,
        )
        for order in terms.placed_orders
        if order.side in sides
    ]
