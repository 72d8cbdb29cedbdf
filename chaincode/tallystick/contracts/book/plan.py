"""A change of the book that is planned and judged before it is written. Pure."""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from tallystick.contracts.book.models import Account, Hold, Move, Place, Position
from tallystick.contracts.instants import Day
from tallystick.contracts.lots import (
    MAX_LOTS,
    Label,
    Lot,
    LotChoice,
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
        holds: Holds as they will be; None removes one.
        freed: By hold, how much of it becomes available.
        thawed: By account, how much of what was frozen is frozen no more, since it must go.
        created: By how much the supply changes, by whom it changes.
        carried: For each move, the lots that it takes, as they are before it passes them on; for
            an issue, those that it creates. There are none where no lots are kept.
        merged: Holders who had too many lots, with those that they have instead.
        unmatched: By place among the moves, those that do not find the lots that they ask for.
        touched: Whose position something happens to, even if it ends as it began.
    """

    before: Mapping[Account, Position]
    after: dict[Account, Position]
    holds: dict[Place, Hold | None] = field(default_factory=dict)
    freed: dict[Place, int] = field(default_factory=dict)
    thawed: dict[Account, int] = field(default_factory=dict)
    created: dict[Account, int] = field(default_factory=dict)
    carried: Sequence[tuple[Lot, ...]] = ()
    merged: dict[Account, tuple[Lot, ...]] = field(default_factory=dict)
    unmatched: dict[int, Finding] = field(default_factory=dict)
    touched: dict[Account, None] = field(default_factory=dict)

    def shortfalls(self) -> list[Finding]:
        """Return a finding for everybody who would have less than nothing available.

        Lots that are asked for by name or tranche, and are too few, are such a finding as well.
        """
        return [*self.overdrafts(), *self.unmatched.values()]

    def overdrafts(self) -> list[Finding]:
        """Return a finding for everybody who would have less than nothing available."""
        return [finding for account in self.after for finding in self.overdrafts_of(account)]

    def overdrafts_of(self, account: Account) -> Iterator[Finding]:
        """Yield a finding when an account would have less than nothing available."""
        before, missing = self.before[account], -self.after[account].available
        if missing > 0:
            yield RegisterReason.INSUFFICIENT_AVAILABLE.finding(
                asset=account.asset,
                holder=account.holder,
                available=before.available,
                missing=missing,
                quantity=before.quantity,
                held=before.held,
                frozen=before.frozen,
            )

    def excesses(self) -> list[Finding]:
        """Return a finding for everybody who would hold more than a row can say exactly."""
        return [finding for account in self.after for finding in self.excesses_of(account)]

    def excesses_of(self, account: Account) -> Iterator[Finding]:
        """Yield a finding when an account would hold more than a row can say exactly."""
        position = self.after[account]
        if len(position.lots) > MAX_LOTS:
            yield RegisterReason.LOTS_TOO_MANY.finding(
                asset=account.asset, holder=account.holder, lots=len(position.lots), limit=MAX_LOTS
            )
        if position.quantity > MAX_QUANTITY:
            yield RegisterReason.HOLDING_TOO_LARGE.finding(
                asset=account.asset,
                holder=account.holder,
                quantity=position.quantity,
                limit=MAX_QUANTITY,
            )

    def change(
        self, account: Account, *, quantity: int = 0, held: int = 0, frozen: int = 0
    ) -> None:
        """Add to the parts of a position."""
        self.touched[account] = None
        old = self.after[account]
        parts = {
            "quantity": old.quantity + quantity,
            "held": old.held + held,
            "frozen": old.frozen + frozen,
        }
        self.after[account] = old.model_copy(update=parts)

    def place_hold(self, account: Account, name: str, hold: Hold) -> None:
        """Hold units of an account."""
        self.holds[account, name] = hold
        self.change(account, held=hold.quantity)

    def use_hold(self, account: Account, name: str, hold: Hold, move: Move | None = None) -> None:
        """Take what a move needs out of a hold; without one, give the whole hold up.

        What the move leaves of it stays held if it keeps the hold open, and else is freed.
        """
        left = hold.quantity - (move.quantity if move else 0)
        stays = move is not None and move.keeps_open and left > 0
        self.holds[account, name] = hold.model_copy(update={"quantity": left}) if stays else None
        self.freed[account, name] = 0 if stays else left
        self.change(account, held=(left if stays else 0) - hold.quantity)

    def stop(self, account: Account, reason: str | None) -> None:
        """Stop a holder, or, without a reason, let it go on."""
        self.touched[account] = None
        self.after[account] = self.after[account].model_copy(update={"stop": reason})

    def thaw(self) -> None:
        """Unfreeze, of everybody, exactly what is missing to what must go."""
        for account, position in tuple(self.after.items()):
            missing = min(position.frozen, -position.available)
            if missing > 0:
                self.thawed[account] = missing
                self.change(account, frozen=-missing)

    def carry_lots(self, moves: Sequence[Move], day: Day) -> None:
        """Let each move take its lots along.

        Moves of one instruction count as made at once: one may pass on what another brings. So a
        move that found too little is tried again when its sender has received something. What is
        missing in the end goes round in circles among those who end up without it, or is a
        shortfall.
        """
        carried: list[list[Lot]] = [[] for _ in moves]
        missing = [move.quantity for move in moves]
        waiting: dict[tuple[str, str | None], list[int]] = {}
        queue = deque(range(len(moves)))
        while queue:
            index = queue.popleft()
            move = moves[index]
            lots = self._give(move, missing[index], day) if missing[index] else ()
            carried[index] += lots
            missing[index] -= total(lots)
            if missing[index]:
                waiting.setdefault((move.asset, move.sender), []).append(index)
            if lots:
                queue.extend(waiting.pop((move.asset, move.receiver), ()))
        self.carried = [tuple(lots) if len(lots) == 1 else added((), lots) for lots in carried]
        self.unmatched = {
            place: RegisterReason.LOTS_TOO_FEW.finding(
                asset=move.asset, holder=str(move.sender), quantity=move.quantity, missing=lacking
            )
            for place, (move, lacking) in enumerate(zip(moves, missing, strict=True))
            if lacking and not move.choice.is_free
        }
        self._merge_lots()

    def relabel_lots(
        self, account: Account, quantity: int, choice: LotChoice, label: Label
    ) -> None:
        """Take units out of their lots and put them back with another label."""
        held = self.after[account].lots
        old = taken(held, quantity, choice)
        new = added((), [lot.relabelled(label) for lot in old])
        if total(old) < quantity:
            self.unmatched[0] = RegisterReason.LOTS_TOO_FEW.finding(
                asset=account.asset,
                holder=account.holder,
                quantity=quantity,
                missing=quantity - total(old),
            )
        self.carried = [old, new]
        self._set_lots(account, added(removed(held, old), new))
        self._merge_lots()

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
        self.touched[account] = None
        self.after[account] = self.after[account].model_copy(update={"lots": lots})
