"""What an order lets happen. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from tallystick.contracts.instants import Instant
from tallystick.contracts.orders.models import Commitment, PendingKind, PlacedOrder
from tallystick.contracts.parties import PartiesCheck, PartiesReport, Party
from tallystick.contracts.prices import Price, is_within
from tallystick.contracts.reasons import Finding, OrderReason
from tallystick.contracts.statements import OrderPlaced, OrderSide
from tallystick.contracts.timelines import Timeline


def difference(
    order: PlacedOrder, wanted: OrderPlaced, price: Price, quantity: int, moment: Instant
) -> str:
    """Return in what a trade does not fit an order, in one word; empty when it fits.

    ``wanted`` is what the trade says of the order.
    """
    said = order.statement
    pairs = {
        "holder": (said.holder, wanted.holder),
        "side": (said.side, wanted.side),
        "security": (said.security, wanted.security),
        "broker": (said.broker, wanted.broker),
        "account": (said.account, wanted.account),
    }
    for name, (ordered, traded) in pairs.items():
        if ordered != traded:
            return name
    if not order.is_open(moment):
        return "state"
    if quantity > order.unfilled:
        return "quantity"
    if not is_within(price, said.limit, buys=said.side is OrderSide.BUY):
        return "price"
    return ""


def committed(rows: Iterable[Commitment], since: Instant, timeline: Timeline) -> tuple[int, int]:
    """Return how many units are committed, and how many orders there are that want more.

    What expired at ``since`` or before counts no more.
    """
    live = [each for each in rows if since < each.expires_at]
    sells = [each for each in live if each.side is OrderSide.SELL]
    units = sum(timeline.whole(each.quantity, each.splits_seen) for each in sells)
    return units, sum(each.kind is PendingKind.ORDER for each in live)


def unit_findings(
    placed: Sequence[PlacedOrder], splits_seen: int, timelines: Mapping[str, Timeline]
) -> Iterator[Finding]:
    """Yield a finding for each order that a split lies between and the trade that fills it.

    What it says of quantity and price is of another unit.
    """
    for order in placed:
        splits = timelines[order.statement.security].splits
        if any(order.splits_seen < split.number <= splits_seen for split in splits):
            yield OrderReason.ORDER_DIFFERS.finding(order=order.statement.order, what="unit")


def with_orders(check: PartiesCheck, placed: Sequence[PlacedOrder]) -> PartiesCheck:
    """Return a question that also asks whether orders still stand: their signatures, signers."""
    signers = tuple(Party(identity=each.statement.holder) for each in placed)
    rights = tuple(each.authority for each in placed)
    return check.model_copy(
        update={
            "parties": (*check.parties, *signers),
            "authorities": (*check.authorities, *rights),
        }
    )


def licence_findings(placed: Sequence[PlacedOrder], report: PartiesReport) -> Iterator[Finding]:
    """Yield a finding for each order of an organisation that has no live licence.

    The last reports are those of the orders' holders.
    """
    signers = report.parties[len(report.parties) - len(placed) :]
    for order, signer in zip(placed, signers, strict=True):
        profile = signer.profile
        if profile is not None and profile.organization is not None and not profile.licences:
            yield OrderReason.SIGNER_NOT_LICENSED.finding(
                order=order.statement.order, organization=profile.organization
            )
