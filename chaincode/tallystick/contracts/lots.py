"""Lots: where the units of a holding come from, as far as rules about time and class must know.

The lots of a holding add up to it. Units that cannot be told apart, since they have the same
provenance, are one lot. Everything here is pure.
"""

from collections.abc import Iterable, Sequence
from datetime import date
from enum import StrEnum
from hashlib import sha256
from typing import Annotated

from pydantic import Field, StringConstraints
from pydantic_core import to_json

from tallystick.contracts.instants import Day, Instant
from tallystick.contracts.models import Identifier, Model

MAX_LOTS = 64
"""Lots of one holding."""

MAX_LOCKS = 16
"""Classes that one lot tells apart."""

ANY_CLASS = "*"
"""In a lock: holders of every class that no other lock of the lot names."""

Age = tuple[str, str, str, str, str, tuple[str, ...]]
HolderClass = Annotated[str, StringConstraints(pattern=r"^(\*|[A-Za-z0-9][A-Za-z0-9._@-]{0,63})$")]
LotName = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{16}$")]


class Dates(StrEnum):
    """What becomes of the dates of units that go to somebody else."""

    KEPT = "kept"
    """Neither changes: the receiver steps into the place of who gave them."""

    ACQUIRED = "acquired"
    """The receiver acquires them today; the holding period goes on."""

    RESTARTED = "restarted"
    """The receiver acquires them today, and the holding period begins anew."""


class LotLock(Model):
    """Until when holders of a class may not part with the units.

    Attributes:
        holder_class: A class of licence or of claims, as rules tell holders apart; ``*`` for all
            others.
        until: From this second on they are free.
    """

    holder_class: HolderClass
    until: Instant


Locks = Annotated[tuple[LotLock, ...], Field(max_length=MAX_LOCKS)]


class Label(Model):
    """What is said of units apart from their dates.

    Attributes:
        round: Of funding.
        exemption: By which they were offered without registration.
        tranche: Part of the issue that is told apart from others.
    """

    round: Identifier | None = None
    exemption: Identifier | None = None
    tranche: Identifier | None = None
    locks: Locks = ()


class Origin(Label):
    """What is said of units when they are issued.

    Attributes:
        held_since: The day from which their holding period runs, where it is not the day of issue:
            of units that take the place of others, for example.
    """

    held_since: Day | None = None


NO_ORIGIN = Origin()


class Lot(Label):
    """Units of one provenance in one holding.

    Attributes:
        acquired_on: The day on which the holder acquired them, UTC.
        held_since: The day from which their holding period runs, UTC; earlier than ``acquired_on``
            when the time of former holders counts.
    """

    quantity: int
    acquired_on: Day
    held_since: Day

    @property
    def name(self) -> LotName:
        """The lot's name: the same for the same provenance, in whoever's hands."""
        provenance = self.model_dump(mode="json", exclude={"quantity"})
        return sha256(to_json(provenance)).hexdigest()[:16]

    def of(self, quantity: int) -> "Lot":
        """Return so many units of this provenance."""
        if quantity == self.quantity:
            return self
        return self.model_copy(update={"quantity": quantity})

    def relabelled(self, label: Label) -> "Lot":
        """Return the lot with another label, and its dates."""
        return self.model_copy(
            update={
                "round": label.round,
                "exemption": label.exemption,
                "tranche": label.tranche,
                "locks": _in_order(label.locks),
            }
        )

    def locked_until(self, classes: Sequence[str]) -> Instant | None:
        """Return until when a holder of these classes may not part with it, or None.

        The first of the classes that a lock names decides, then ``*``.
        """
        untils = {lock.holder_class: lock.until for lock in self.locks}
        return next((untils[each] for each in (*classes, ANY_CLASS) if each in untils), None)

    def passed_on(self, day: Day, dates: Dates) -> "Lot":
        """Return the lot in the hands of who acquires it on ``day``."""
        match dates:
            case Dates.KEPT:
                return self
            case Dates.ACQUIRED:
                return self.model_copy(update={"acquired_on": day})
            case Dates.RESTARTED:
                return self.model_copy(update={"acquired_on": day, "held_since": day})


class LotChoice(Model):
    """Which units of a holding shall go: by default the oldest.

    Attributes:
        lots: Names of lots, used up in this order; empty for all, the longest held first.
        tranche: Only lots of this tranche; None for those of all.
    """

    lots: Annotated[tuple[LotName, ...], Field(max_length=MAX_LOTS)] = ()
    tranche: Identifier | None = None

    @property
    def is_free(self) -> bool:
        """Whether any units will do."""
        return not self.lots and self.tranche is None

    def candidates(self, lots: Iterable[Lot]) -> list[Lot]:
        """Return the lots that may be used, in the order in which they are used up."""
        fitting = [lot for lot in lots if self.tranche is None or self.tranche == lot.tranche]
        if not self.lots:
            return sorted(fitting, key=_age) if len(fitting) > 1 else fitting
        named = {lot.name: lot for lot in fitting}
        return [named[name] for name in dict.fromkeys(self.lots) if name in named]


ANY_LOTS = LotChoice()


def issued(quantity: int, origin: Origin, day: Day) -> Lot:
    """Return the lot that an issue on ``day`` creates."""
    return Lot(
        quantity=quantity,
        acquired_on=day,
        held_since=origin.held_since or day,
        round=origin.round,
        exemption=origin.exemption,
        tranche=origin.tranche,
        locks=_in_order(origin.locks),
    )


def total(lots: Iterable[Lot]) -> int:
    """Return how many units the lots have together."""
    return sum(lot.quantity for lot in lots)


def taken(lots: Iterable[Lot], quantity: int, choice: LotChoice = ANY_LOTS) -> tuple[Lot, ...]:
    """Return the lots, cut to size, that give up to ``quantity`` units; fewer if there are fewer.

    The last one used may remain in part.
    """
    missing = quantity
    used = []
    for lot in choice.candidates(lots):
        if missing == 0:
            break
        part = min(missing, lot.quantity)
        used.append(lot.of(part))
        missing -= part
    return tuple(used)


def added(lots: Iterable[Lot], more: Iterable[Lot]) -> tuple[Lot, ...]:
    """Return the lots together, those of equal provenance merged, the longest held first."""
    return _netted([*lots, *more])


def removed(lots: Iterable[Lot], less: Iterable[Lot]) -> tuple[Lot, ...]:
    """Return what is left without ``less``.

    A lot that is not there yet comes out negative, and is gone once it is added: so the order in
    which the movements of one instruction are taken in does not matter.
    """
    return _netted([*lots, *(lot.of(-lot.quantity) for lot in less)])


def coalesced(lots: Sequence[Lot], limit: int = MAX_LOTS) -> tuple[Lot, ...]:
    """Return at most ``limit`` lots, if need be by treating some units as acquired later.

    Nobody may burden a holding with so many small lots that it can take no more. So lots that
    differ in their dates only are merged, and the merged lot has the later dates: nothing becomes
    free earlier than it would have. Those come first whose merging delays the fewest units for
    the fewest days. More than ``limit`` remain when they differ in more than dates.
    """
    remaining = sorted(lots, key=_age)
    while len(remaining) > limit:
        pairs = [
            (older, younger)
            for index, older in enumerate(remaining)
            if (younger := _next_alike(older, remaining[index + 1 :])) is not None
        ]
        if not pairs:
            break
        older, younger = min(pairs, key=_delay)
        remaining = [lot for lot in remaining if lot is not older and lot is not younger]
        remaining.append(
            younger.model_copy(
                update={
                    "quantity": older.quantity + younger.quantity,
                    "acquired_on": max(older.acquired_on, younger.acquired_on),
                }
            )
        )
        remaining = list(_netted(remaining))
    return tuple(remaining)


def split_lots(lots: Iterable[Lot], new: int, old: int) -> tuple[Lot, ...]:
    """Return the lots after a split, by which ``new`` units take the place of ``old`` ones.

    Their dates stay. What they are together is exact where the whole is; where a lot alone leaves a
    fraction, the first lots together are rounded down, so that a later one has the unit.
    """
    before = after = 0
    parts = []
    for lot in lots:
        before += lot.quantity
        whole = before * new // old
        parts.append(lot.of(whole - after))
        after = whole
    return _netted(parts)


def _in_order(locks: Locks) -> Locks:
    return tuple(sorted(locks, key=lambda lock: (lock.holder_class, lock.until)))


def _next_alike(lot: Lot, younger: Sequence[Lot]) -> Lot | None:
    return next((each for each in younger if _label(each) == _label(lot)), None)


def _delay(pair: tuple[Lot, Lot]) -> tuple[int, int, str]:
    """Return by how much merging two lots delays units, and what decides between equals."""
    older, _ = pair
    start, end = (date.fromisoformat(lot.held_since) for lot in pair)
    return older.quantity * (end - start).days, older.quantity, older.acquired_on


def _label(lot: Lot) -> tuple[str | None, str | None, str | None, Locks]:
    return lot.round, lot.exemption, lot.tranche, lot.locks


def _age(lot: Lot) -> Age:
    """Return what lots are ordered by: how long they are held, then anything that differs."""
    return (
        lot.held_since,
        lot.acquired_on,
        lot.round or "",
        lot.exemption or "",
        lot.tranche or "",
        tuple(f"{each.holder_class}|{each.until}" for each in lot.locks) if lot.locks else (),
    )


def _netted(lots: Iterable[Lot]) -> tuple[Lot, ...]:
    by_age: dict[Age, Lot] = {}
    for lot in lots:
        age = _age(lot)
        known = by_age.get(age)
        by_age[age] = lot if known is None else lot.of(known.quantity + lot.quantity)
    ages = sorted(by_age) if len(by_age) > 1 else by_age
    return tuple([by_age[age] for age in ages if by_age[age].quantity])
