"""A change of the book that is planned and judged before it is written. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tallystick.contracts.book.models import Account, Lock, Move, Position
from tallystick.contracts.instants import Day
from tallystick.contracts.lots import (
    MAX_LOTS,
    Lot,
    added,
    coalesced,
    issued,
    removed,
    taken,
    total,
)
from tallystick.contracts.models import MAX_QUANTITY
from tallystick.contracts.reasons import Finding, RegisterReason


@dataclass(slots=True)
class Plan:
    """A change of the book that is not written yet.

    Attributes:
        before: Positions touched, as they are.
        after: The same positions at the end of the whole plan.
        locks: Locks as they will be; None removes one.
        created: By how much the supply changes, by whom it changes.
        carried: For each move, the lots that it takes, as they are before it passes them on; for
            an issue, those that it creates. There are none where no lots are kept.
        merged: Holders who had too many lots, with those that they have instead.
        unmatched: Moves that do not find the lots that they ask for.
    """

    before: Mapping[Account, Position]
    after: dict[Account, Position]
    locks: dict[tuple[Account, str], Lock | None] = field(default_factory=dict)
    created: dict[Account, int] = field(default_factory=dict)
    carried: Sequence[tuple[Lot, ...]] = ()
    merged: dict[Account, tuple[Lot, ...]] = field(default_factory=dict)
    unmatched: list[Finding] = field(default_factory=list)

    def shortfalls(self) -> list[Finding]:
        """Return a finding for everybody who would have less than nothing available.

        Lots that are asked for by name or tranche, and are too few, are such a finding as well.
        """
        return [*self._overdrafts(), *self.unmatched]

    def _overdrafts(self) -> list[Finding]:
        return [
            RegisterReason.INSUFFICIENT_AVAILABLE.finding(
                asset=account.asset,
                holder=account.holder,
                available=self.before[account].available,
                missing=-position.available,
                quantity=self.before[account].quantity,
                locked=self.before[account].locked,
                frozen=self.before[account].frozen,
            )
            for account, position in self.after.items()
            if position.available < 0
        ]

    def excesses(self) -> list[Finding]:
        """Return a finding for everybody who would hold more than a row can say exactly."""
        too_many = [
            RegisterReason.LOTS_TOO_MANY.finding(
                asset=account.asset, holder=account.holder, lots=len(position.lots), limit=MAX_LOTS
            )
            for account, position in self.after.items()
            if len(position.lots) > MAX_LOTS
        ]
        return too_many + [
            RegisterReason.HOLDING_TOO_LARGE.finding(
                asset=account.asset,
                holder=account.holder,
                quantity=position.quantity,
                limit=MAX_QUANTITY,
            )
            for account, position in self.after.items()
            if position.quantity > MAX_QUANTITY
        ]

    def change(
        self, account: Account, *, quantity: int = 0, locked: int = 0, frozen: int = 0
    ) -> None:
        """Add to the parts of a position."""
        old = self.after[account]
        self.after[account] = Position.model_construct(
            quantity=old.quantity + quantity,
            locked=old.locked + locked,
            frozen=old.frozen + frozen,
            lots=old.lots,
        )

    def carry_lots(self, moves: Sequence[Move], day: Day) -> None:
        """Let each move take its lots along.

        Moves of one instruction count as made at once: one may pass on what another brings. So
        they are gone through again until nobody has anything left to give. What then is missing
        goes round in circles among those who end up without it, or is a shortfall.
        """
        carried: list[list[Lot]] = [[] for _ in moves]
        missing = [move.quantity for move in moves]
        progress = True
        while progress:
            progress = False
            for index, move in enumerate(moves):
                lots = self._give(move, missing[index], day) if missing[index] else ()
                if lots:
                    carried[index].extend(lots)
                    missing[index] -= total(lots)
                    progress = True
        self.carried = [added((), lots) for lots in carried]
        self.unmatched = [
            RegisterReason.LOTS_TOO_FEW.finding(
                asset=move.asset, holder=str(move.sender), quantity=move.quantity, missing=lacking
            )
            for move, lacking in zip(moves, missing, strict=True)
            if lacking and not move.choice.is_free
        ]
        self._merge_lots()

    def choose_lots(self, moves: Sequence[Move]) -> None:
        """Say which lots each move would take if it were made now; none is moved."""
        self.carried = [
            ()
            if move.sender is None
            else taken(
                self.before[Account(move.asset, move.sender)].lots, move.quantity, move.choice
            )
            for move in moves
        ]

    def _give(self, move: Move, quantity: int, day: Day) -> tuple[Lot, ...]:
        """Carry up to ``quantity`` units of a move from sender to receiver; return their lots."""
        lots: tuple[Lot, ...]
        if move.sender is None:
            lots = () if move.origin is None else (issued(quantity, move.origin, day),)
        else:
            sender = Account(move.asset, move.sender)
            held = self.after[sender].lots
            lots = taken(held, quantity, move.choice)
            if lots:
                self._set_lots(sender, removed(held, lots))
        if move.receiver is not None and lots:
            receiver = Account(move.asset, move.receiver)
            passed = [lot.passed_on(day, move.dates) for lot in lots]
            self._set_lots(receiver, added(self.after[receiver].lots, passed))
        return lots

    def _merge_lots(self) -> None:
        for account, position in self.after.items():
            if len(position.lots) > MAX_LOTS:
                self.merged[account] = coalesced(position.lots)
        for account, lots in self.merged.items():
            self._set_lots(account, lots)

    def _set_lots(self, account: Account, lots: tuple[Lot, ...]) -> None:
        self.after[account] = self.after[account].model_copy(update={"lots": lots})
