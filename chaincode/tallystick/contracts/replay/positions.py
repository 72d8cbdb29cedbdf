"""Who holds how much, rebuilt from events."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from tallystick.contracts.book import Account, Position, Recorded, recorded_key
from tallystick.contracts.events import (
    CreditDrawn,
    CreditRepaid,
    FeesCollected,
    FeeTaken,
    HolderFrozen,
    HolderUnfrozen,
    HoldPlaced,
    HoldReleased,
    LedgerEvent,
    LotsMerged,
    LotsRelabelled,
    MoneyLocked,
    MoneyReleased,
    MoneyReserved,
    MoneyTransferred,
    RecordDateSealed,
    ReservationReduced,
    SecuritySplit,
    UnitsFrozen,
    UnitsTransferred,
)
from tallystick.contracts.lots import Lot, added, removed
from tallystick.contracts.timelines import NO_TURNS, Split, Timeline

UNIT_EVENTS = frozenset(
    {
        UnitsTransferred,
        LotsMerged,
        LotsRelabelled,
        HoldPlaced,
        HoldReleased,
        UnitsFrozen,
        HolderFrozen,
        HolderUnfrozen,
        RecordDateSealed,
        SecuritySplit,
    }
)
"""The events that change a position of a security, or what is known of it."""


@dataclass(slots=True)
class Positions:
    """Who holds what of each asset; holders of nothing are left out.

    Attributes:
        by_account: The rows, each as of the turn when it was written.
        recorded: What was held at record dates before, by key.
        timelines: The turns of each security.
    """

    by_account: dict[Account, Position] = field(default_factory=dict)
    recorded: dict[str, Recorded] = field(default_factory=dict)
    timelines: dict[str, Timeline] = field(default_factory=dict)

    def timeline(self, asset: str) -> Timeline:
        """Return the turns of a security so far."""
        return self.timelines.get(asset, NO_TURNS)

    def position(self, account: Account) -> Position:
        """Return what a holder holds now; zeros when nothing."""
        timeline = self.timeline(account.asset)
        row = self.by_account.get(account)
        return Position(as_of=timeline.turns) if row is None else row.brought_up(timeline)

    def turn(self, event: RecordDateSealed | SecuritySplit) -> None:
        """Take in what happens to all units of a security at once."""
        timeline = self.timeline(event.security)
        self.timelines[event.security] = turned(timeline, event)

    def put(self, account: Account, **parts: str | tuple[Lot, ...] | None) -> None:
        """Let parts of a position be these."""
        self._keep(account, self.position(account).model_copy(update=parts))

    def change(
        self, asset: str, holder: str, *, quantity: int = 0, held: int = 0, frozen: int = 0
    ) -> None:
        """Add to the parts of a position."""
        account = Account(asset, holder)
        old = self.position(account)
        parts = {
            "quantity": old.quantity + quantity,
            "held": old.held + held,
            "frozen": old.frozen + frozen,
        }
        self._keep(account, old.model_copy(update=parts))

    def pass_on(self, event: UnitsTransferred) -> None:
        """Take the units of a movement, and their lots, from its sender to its receiver."""
        if event.sender is not None:
            sender = Account(event.security, event.sender)
            used = 0 if event.hold is None else event.quantity + event.freed
            self.change(*sender, quantity=-event.quantity, held=-used)
            self.put(sender, lots=removed(self.position(sender).lots, event.lots))
        if event.receiver is not None:
            receiver = Account(event.security, event.receiver)
            passed = [lot.passed_on(event.day, event.dates) for lot in event.lots]
            self.change(*receiver, quantity=event.quantity)
            self.put(receiver, lots=added(self.position(receiver).lots, passed))

    def supply(self, asset: str) -> int:
        """Return all units of an asset in being."""
        return sum(
            self.position(account).quantity for account in self.by_account if account.asset == asset
        )

    def _keep(self, account: Account, new: Position) -> None:
        timeline = self.timeline(account.asset)
        old = self.by_account.pop(account, None)
        if old is not None and old.quantity and old.as_of < timeline.last_record:
            kept = Recorded(quantity=old.quantity, as_of=old.as_of)
            self.recorded[recorded_key(account, timeline.turns)] = kept
        if new != Position(as_of=new.as_of):
            self.by_account[account] = new


def turned(timeline: Timeline, event: RecordDateSealed | SecuritySplit) -> Timeline:
    """Return a timeline after its next turn."""
    match event:
        case RecordDateSealed(name=name):
            return timeline.sealed(name)
        case SecuritySplit():
            return timeline.after(Split(**event.model_dump(include=set(Split.model_fields))))


@dataclass(slots=True)
class Replay:
    """The registers as far as the events applied so far tell."""

    units: Positions = field(default_factory=Positions)
    money: Positions = field(default_factory=Positions)

    def apply(self, events: Iterable[LedgerEvent]) -> None:
        """Take in further events, in ledger order; most kinds change no position."""
        for event in events:
            if type(event) in UNIT_EVENTS:
                self._apply_to_units(event)
            else:
                self._apply_to_money(event)

    def _apply_to_money(self, event: LedgerEvent) -> None:
        match event:
            case MoneyTransferred(cash=cash, amount=amount):
                if event.sender is not None:
                    used = amount + event.freed if event.lock else 0
                    self.money.change(cash, event.sender, quantity=-amount, held=-used)
                if event.receiver is not None:
                    self.money.change(cash, event.receiver, quantity=amount)
            case MoneyLocked(cash=cash, holder=holder, amount=amount):
                self.money.change(cash, holder, held=amount)
            case MoneyReleased(cash=cash, holder=holder, amount=amount):
                self.money.change(cash, holder, held=-amount)
            case _:
                self._apply_to_limits(event)

    def _apply_to_limits(self, event: LedgerEvent) -> None:
        money = self.money
        match event:
            case MoneyReserved(cash=cash, holder=holder, amount=amount):
                money.change(cash, holder, held=amount)
            case ReservationReduced(cash=cash, holder=holder, amount=amount):
                money.change(cash, holder, held=-amount)
            case CreditDrawn(cash=cash, holder=holder, amount=amount):
                money.change(cash, holder, quantity=amount)
            case CreditRepaid(cash=cash, holder=holder, amount=amount):
                money.change(cash, holder, quantity=-amount)
            case FeeTaken(cash=cash, payer=payer, amount=amount):
                money.change(cash, payer, quantity=-amount)
            case FeesCollected(cash=cash, receiver=receiver, amount=amount):
                money.change(cash, receiver, quantity=amount)
            case _:
                return

    def _apply_to_units(self, event: LedgerEvent) -> None:
        units = self.units
        match event:
            case UnitsTransferred():
                units.pass_on(event)
            case HoldPlaced(security=asset, holder=holder, quantity=quantity):
                units.change(asset, holder, held=quantity)
            case HoldReleased(security=asset, holder=holder, quantity=quantity):
                units.change(asset, holder, held=-quantity)
            case UnitsFrozen(security=asset, holder=holder, quantity=quantity):
                units.change(asset, holder, frozen=quantity)
            case _:
                self._apply_to_parts(event)

    def _apply_to_parts(self, event: LedgerEvent) -> None:
        match event:
            case LotsMerged(security=asset, holder=holder, lots=lots):
                self.units.put(Account(asset, holder), lots=lots)
            case LotsRelabelled(security=asset, holder=holder):
                account = Account(asset, holder)
                left = removed(self.units.position(account).lots, event.before)
                self.units.put(account, lots=added(left, event.after))
            case HolderFrozen(security=asset, holder=holder, reason=reason):
                self.units.put(Account(asset, holder), stop=reason)
            case HolderUnfrozen(security=asset, holder=holder):
                self.units.put(Account(asset, holder), stop=None)
            case RecordDateSealed() | SecuritySplit():
                self.units.turn(event)
            case _:
                return
