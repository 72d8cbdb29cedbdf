"""Record dates and splits, as callers of the token contract see them."""

from tallystick.chaincode import Context, query, transaction
from tallystick.contracts.book import Records, timeline_of
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.licensed import MarketContract, licensed, only_through
from tallystick.contracts.models import Identifier, PageSize
from tallystick.contracts.powers import Power
from tallystick.contracts.register.functions.holders import Holders
from tallystick.contracts.register.movements import Movements
from tallystick.contracts.register.record_dates import (
    RecordDates,
    RecordLine,
    RecordPage,
    SealedRecord,
)
from tallystick.contracts.register.splits import SplitOrder, Splits
from tallystick.contracts.timelines import RecordDate, Timeline


class RecordDateFunctions(MarketContract):
    """What happens to all units of a security at once, and who held them when."""

    @transaction
    @licensed(Power.KEEP_REGISTER)
    def schedule_record_date(
        self, ctx: Context, security: Identifier, record_date: RecordDate
    ) -> None:
        """Let a moment to come be a record date: what is held then is written down."""
        RecordDates(ctx).schedule(security, record_date)

    @transaction
    @licensed(Power.KEEP_REGISTER)
    def take_record_date(self, ctx: Context, security: Identifier, name: Identifier) -> None:
        """Let this moment be a record date, sealed at once."""
        RecordDates(ctx).take(security, name)

    @transaction
    @licensed(Power.KEEP_REGISTER)
    def cancel_record_date(self, ctx: Context, security: Identifier, name: Identifier) -> None:
        """Take back a record date whose moment has not come."""
        RecordDates(ctx).cancel(security, name)

    @transaction
    @licensed()
    def seal_record_dates(self, ctx: Context, security: Identifier) -> tuple[str, ...]:
        """Seal the record dates whose moment has come; return their names.

        Anybody may: movements do the same. It is for securities that nobody moves.
        """
        return RecordDates(ctx).seal_due(security)

    @transaction
    @licensed(Power.KEEP_REGISTER)
    def split(self, ctx: Context, order: SplitOrder) -> None:
        """Put other units in the place of all units of a paused security."""
        Splits(ctx).make(order)

    @query
    def splits_made(self, ctx: Context) -> int:
        """Return how many splits there have been, of all securities together."""
        return Splits(ctx).made()

    @query
    def timeline(self, ctx: Context, security: str) -> Timeline:
        """Return the record dates to come, and the splits, of a security."""
        return timeline_of(ctx.state, security)

    @query
    def record_date(self, ctx: Context, security: str, name: str) -> SealedRecord:
        """Return a record date that is sealed."""
        return RecordDates(ctx).sealed(security, name)

    @query
    def position_at(self, ctx: Context, security: str, name: str, holder: str) -> int:
        """Return how many units somebody held at a record date, in the units of then.

        Held and frozen ones count: their holder is their owner.
        """
        return _records(ctx, security, name).of(holder)

    @query
    def positions_of_at(
        self, ctx: Context, security: str, name: str, holders: Holders
    ) -> tuple[int, ...]:
        """Return what several held at a record date, in the order of the question."""
        records = _records(ctx, security, name)
        return tuple(map(records.of, holders))

    @query
    def positions_at(
        self, ctx: Context, security: str, name: str, page_size: PageSize = 100, bookmark: str = ""
    ) -> RecordPage:
        """Return one page of who held units at a record date, by id."""
        lines, following = _records(ctx, security, name).page(page_size, bookmark)
        return RecordPage(
            security=security,
            record_date=name,
            lines=tuple(RecordLine(**line._asdict()) for line in lines),
            bookmark=following,
        )

    @query
    def supply_at(self, ctx: Context, security: str, name: str) -> int:
        """Return how many units there were at a record date, in the units of then."""
        return _supply(ctx, security, name)

    @transaction
    @only_through(Chaincode.SETTLEMENT)
    def recorded_supply(self, ctx: Context, security: str, name: str) -> int:
        """Return the same to a transaction, of which a query's pages cannot be part."""
        return _supply(ctx, security, name)


def _supply(ctx: Context, security: str, name: str) -> int:
    turn = RecordDates(ctx).sealed(security, name).turn
    return Movements(ctx).book.supply(security, turn)


def _records(ctx: Context, security: str, name: str) -> Records:
    return Records(ctx.state, security, RecordDates(ctx).sealed(security, name).turn)
