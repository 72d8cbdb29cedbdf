"""What happens to all units of a security at once: record dates and splits.

At a record date it is fixed who holds what; a split puts other units in the place of all. Neither
touches a position. Each is a **turn** of the security's timeline, numbered from 1, and every row
with a quantity says as of which turn it is; whoever reads it works out what it is now. So a turn
costs one row, however many hold the security. Everything here is pure.
"""

from collections.abc import Iterable, Sequence
from math import gcd

from tallystick.contracts.instants import Instant
from tallystick.contracts.models import MAX_QUANTITY, Identifier, Model, Quantity

MAX_SCHEDULED = 16
"""Record dates of one security that are still to come."""

MAX_SPLITS = 64
"""Splits of one security, ever: rows that are old may need any of them."""


class RecordDate(Model):
    """A record date to come.

    Attributes:
        at: What is done from this second on no longer counts.
    """

    name: Identifier
    at: Instant


class Split(Model):
    """For every ``old`` units there are ``new`` ones in their place; in lowest terms.

    Attributes:
        turn: Its number among the turns of its security.
        number: Its number among the splits of all securities, from 1: what was agreed says how
            many it had seen, so that its order to a split is that of the ledger, and no clock's.
        at: When it was made.
    """

    turn: int
    number: int
    new: Quantity
    old: Quantity
    at: Instant

    def of(self, quantity: int) -> int:
        """Return what becomes of a quantity, rounded down."""
        return quantity * self.new // self.old

    def leaves_whole(self, quantity: int, granularity: int) -> bool:
        """Return whether a quantity becomes a multiple of ``granularity``, nothing left over."""
        return quantity * self.new % (self.old * granularity) == 0


class Timeline(Model):
    """The turns of a security, as its row has them.

    Attributes:
        turns: How many there have been.
        last_record: Number of the last that was a record date; zero when none was.
        scheduled: Record dates to come, the first to come first.
        splits: All of them, the oldest first.
    """

    turns: int = 0
    last_record: int = 0
    scheduled: tuple[RecordDate, ...] = ()
    splits: tuple[Split, ...] = ()

    def due(self, moment: Instant) -> tuple[RecordDate, ...]:
        """Return the record dates whose moment has come, the earliest first."""
        return tuple(each for each in self.scheduled if each.at <= moment)

    def with_scheduled(self, record_date: RecordDate) -> "Timeline":
        """Return the timeline with a record date to come."""
        dates = sorted((*self.scheduled, record_date), key=lambda each: (each.at, each.name))
        return self.model_copy(update={"scheduled": tuple(dates)})

    def without(self, name: str) -> "Timeline":
        """Return the timeline without a record date to come."""
        left = tuple(each for each in self.scheduled if each.name != name)
        return self.model_copy(update={"scheduled": left})

    def sealed(self, name: str) -> "Timeline":
        """Return the timeline after a record date, which is its last turn then."""
        number = self.turns + 1
        return self.without(name).model_copy(update={"turns": number, "last_record": number})

    def next_split(self, new: int, old: int, *, number: int, at: Instant) -> Split:
        """Return the split that the next turn would be; ``number`` is among all securities'."""
        common = gcd(new, old)
        turn = self.turns + 1
        return Split(turn=turn, number=number, new=new // common, old=old // common, at=at)

    def after(self, split: Split) -> "Timeline":
        """Return the timeline after a split, which is its last turn then."""
        return self.model_copy(update={"turns": split.turn, "splits": (*self.splits, split)})

    def splits_since(self, turn: int, until: int | None = None) -> Sequence[Split]:
        """Return the splits after a turn, up to another, that one included; or all since."""
        if not self.splits or self.splits[-1].turn <= turn:
            return ()
        last = self.turns if until is None else until
        return [each for each in self.splits if turn < each.turn <= last]

    def scaled(self, quantity: int, since: int, until: int | None = None) -> int:
        """Return what a quantity as of a turn is at another, or now; rounded down at each split."""
        for split in self.splits_since(since, until):
            quantity = split.of(quantity)
        return quantity

    def agreed(self, quantity: int, splits_seen: int) -> int | None:
        """Return what is due now of a quantity that was agreed after so many splits of all.

        Returns:
            None when a split since leaves a fraction.
        """
        for split in self.splits:
            if splits_seen < split.number:
                if not split.leaves_whole(quantity, 1):
                    return None
                quantity = split.of(quantity)
        return quantity

    def whole(self, quantity: int, splits_seen: int, until: int | None = None) -> int:
        """Return what a quantity agreed after so many splits of all is now, rounded down.

        Args:
            quantity: In the units agreed.
            splits_seen: How many splits of all securities there had been.
            until: Only splits up to this turn count, such as that of a record date; None for all.
        """
        for split in self.splits:
            if splits_seen < split.number and (until is None or split.turn <= until):
                quantity = split.of(quantity)
        return quantity

    def recorded(self, quantity: int, record_at: Instant) -> int:
        """Return what a quantity as of a record date is now, rounded down."""
        for split in self.splits:
            if record_at <= split.at:
                quantity = split.of(quantity)
        return quantity

    def summed(self, changes: Iterable[tuple[int, int]], until: int | None = None) -> int:
        """Return the sum of changes at a turn, or now, in the units of then.

        Args:
            changes: Each a change of a sum that splits without fractions, and as of which turn.
            until: Only what was before this turn counts; None for all.
        """
        last = self.turns if until is None else until
        counted = [(turn, change) for turn, change in changes if until is None or turn < until]
        total = summed_to = 0
        for split in self.splits_since(0, last):
            total += _within(counted, summed_to, split.turn)
            total, summed_to = split.of(total), split.turn
        return total + _within(counted, summed_to, None)


NO_TURNS = Timeline()


def capped(cap: int | None, split: Split) -> int | None:
    """Return the cap after a split; None without one."""
    return None if cap is None else min(split.of(cap), MAX_QUANTITY)


def _within(changes: Iterable[tuple[int, int]], start: int, end: int | None) -> int:
    return sum(each for turn, each in changes if start <= turn and (end is None or turn < end))
