"""Splits: other units in the place of all units of a security, by its row and one event.

Rows with a quantity are not touched; each says as of which turn it is, and is worked out when it is
read. That is exact because a split is refused that leaves anybody, or any hold, with a fraction:
what is over is ended or released before, one by one, for all to see. So the supply remains the sum
of positions, and what events tell remains the state.
"""

from collections.abc import Iterator

from tallystick.chaincode import Context, composite_key
from tallystick.contracts import events
from tallystick.contracts.book import Account
from tallystick.contracts.instants import now
from tallystick.contracts.models import MAX_QUANTITY, Identifier, Model, Quantity, Sha256Hex
from tallystick.contracts.reasons import Finding, RegisterReason, refuse_if_any
from tallystick.contracts.register.movements import Movements
from tallystick.contracts.register.record_dates import RecordDates
from tallystick.contracts.register.securities import Securities
from tallystick.contracts.timelines import MAX_SPLITS, Split, Timeline, capped

MAX_FINDINGS = 100
"""Holders with a fraction that a refusal names."""


class SplitOrder(Model):
    """Units in the place of others: ``new`` for every ``old`` ones.

    Attributes:
        document_hash: SHA-256 of the resolution, in hex.
    """

    security: Identifier
    new: Quantity
    old: Quantity
    document_hash: Sha256Hex


class SplitsMade(Model):
    """Row ``splits ()``: how many splits there have been, of all securities together.

    Everything that is agreed in units reads it, and only a split writes it: so what was agreed
    has seen exactly the splits that are before it on the ledger.
    """

    number: int = 0


class Splits:
    """Splits, as one transaction makes them."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._securities = Securities(ctx.state)
        self._book = Movements(ctx).book

    def make(self, order: SplitOrder) -> None:
        """Put ``new`` units in the place of every ``old`` ones of a paused security.

        Where several become one, all positions and holds are read: whoever has a fraction is named.

        Raises:
            Refusal: SPLIT_NOT_PAUSED, SPLIT_EMPTY, SPLITS_TOO_MANY, SPLIT_TOO_LARGE, or
                SPLIT_FRACTION for every holder who would have one.
        """
        RecordDates(self._ctx).seal_due(order.security)
        row = self._securities.require(order.security)
        number = self.made() + 1
        split = row.timeline.next_split(order.new, order.old, number=number, at=now(self._ctx))
        self._require_possible(order, row.pause, row.timeline, split)
        if split.old > 1:
            found = self._fractions(order.security, split, row.terms.granularity)
            refuse_if_any([each for each, _ in zip(found, range(MAX_FINDINGS), strict=False)])
        terms = row.terms.model_copy(update={"cap": capped(row.terms.cap, split)})
        timeline = row.timeline.after(split)
        self._securities.save(row.model_copy(update={"terms": terms, "timeline": timeline}))
        self._ctx.state.save(splits_key(), SplitsMade(number=number))
        self._ctx.emit(
            events.SecuritySplit(
                security=order.security,
                document_hash=order.document_hash,
                **split.model_dump(),
            )
        )

    def made(self) -> int:
        """Return how many splits there have been, of all securities together."""
        return (self._ctx.state.load(splits_key(), SplitsMade) or SplitsMade()).number

    def _require_possible(
        self, order: SplitOrder, pause: str | None, timeline: Timeline, split: Split
    ) -> None:
        # Nothing is locked while a security is paused: so every hold of a trade is of before, and
        # what is due for it can be told from when it was agreed.
        if pause is None:
            raise RegisterReason.SPLIT_NOT_PAUSED.refusal(security=order.security)
        if split.new == split.old:
            raise RegisterReason.SPLIT_EMPTY.refusal(new=order.new, old=order.old)
        if len(timeline.splits) == MAX_SPLITS:
            raise RegisterReason.SPLITS_TOO_MANY.refusal(security=order.security, limit=MAX_SPLITS)
        supply = split.of(self._book.supply(order.security))
        if supply > MAX_QUANTITY:
            raise RegisterReason.SPLIT_TOO_LARGE.refusal(
                security=order.security, supply=supply, limit=MAX_QUANTITY
            )

    def _fractions(self, security: str, split: Split, granularity: int) -> Iterator[Finding]:
        for holder, position in self._book.positions(security):
            held = self._book.holds(Account(security, holder)) if position.held else ()
            for quantity in (position.quantity, *(hold.quantity for _, hold in held)):
                if not split.leaves_whole(quantity, granularity):
                    yield RegisterReason.SPLIT_FRACTION.finding(
                        security=security,
                        holder=holder,
                        quantity=quantity,
                        granularity=granularity,
                        new=split.new,
                        old=split.old,
                    )


def splits_key() -> str:
    """Return the key of the row that counts splits."""
    return composite_key("splits")
