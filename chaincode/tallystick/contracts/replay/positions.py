"""Who holds how much, rebuilt from events."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from tallystick.contracts.book import Account, Position
from tallystick.contracts.events import (
    LedgerEvent,
    LotsMerged,
    MoneyLocked,
    MoneyReleased,
    MoneyTransferred,
    UnitsFrozen,
    UnitsLocked,
    UnitsReleased,
    UnitsTransferred,
)
from tallystick.contracts.lots import Lot, added, removed

UNIT_EVENTS = frozenset({UnitsTransferred, LotsMerged, UnitsLocked, UnitsReleased, UnitsFrozen})
"""The events that change a position of a security."""


@dataclass(slots=True)
class Positions:
    """Who holds what of each asset; holders of nothing are left out."""

    by_account: dict[Account, Position] = field(default_factory=dict)

    def change(
        self, asset: str, holder: str, *, quantity: int = 0, locked: int = 0, frozen: int = 0
    ) -> None:
        """Add to the parts of a position."""
        account = Account(asset, holder)
        old = self.by_account.get(account, Position())
        new = Position(
            quantity=old.quantity + quantity,
            locked=old.locked + locked,
            frozen=old.frozen + frozen,
            lots=old.lots,
        )
        self._keep(account, new)

    def pass_on(self, event: UnitsTransferred) -> None:
        """Take the lots of a movement from its sender and add them to its receiver's."""
        if event.sender is not None:
            sender = Account(event.security, event.sender)
            self.set_lots(sender, removed(self._lots(sender), event.lots))
        if event.receiver is not None:
            receiver = Account(event.security, event.receiver)
            passed = [lot.passed_on(event.day, event.dates) for lot in event.lots]
            self.set_lots(receiver, added(self._lots(receiver), passed))

    def set_lots(self, account: Account, lots: tuple[Lot, ...]) -> None:
        """Let an account have these lots."""
        old = self.by_account.get(account, Position())
        self._keep(account, old.model_copy(update={"lots": lots}))

    def _lots(self, account: Account) -> tuple[Lot, ...]:
        return self.by_account.get(account, Position()).lots

    def _keep(self, account: Account, new: Position) -> None:
        if new == Position():
            self.by_account.pop(account, None)
        else:
            self.by_account[account] = new

    def supply(self, asset: str) -> int:
        """Return all units of an asset in being."""
        return sum(
            position.quantity
            for account, position in self.by_account.items()
            if account.asset == asset
        )


@dataclass(slots=True)
class Replay:
    """The registers as far as the events applied so far tell."""

    units: Positions = field(default_factory=Positions)
    money: Positions = field(default_factory=Positions)

    def apply(self, events: Iterable[LedgerEvent]) -> None:
        """Take in further events, in ledger order; most kinds change no position."""
        for event in events:
            self._apply(event)

    def _apply(self, event: LedgerEvent) -> None:
        match event:
            case MoneyTransferred(cash=asset, sender=sender, receiver=receiver):
                _move(self.money, asset, (sender, receiver), event.amount, locked=event.lock)
            case MoneyLocked(cash=asset, holder=holder, amount=quantity):
                self.money.change(asset, holder, locked=quantity)
            case MoneyReleased(cash=asset, holder=holder, amount=quantity):
                self.money.change(asset, holder, locked=-quantity)
            case _:
                self._apply_to_units(event)

    def _apply_to_units(self, event: LedgerEvent) -> None:
        match event:
            case UnitsTransferred(security=asset, sender=sender, receiver=receiver):
                _move(self.units, asset, (sender, receiver), event.quantity, locked=event.lock)
                self.units.pass_on(event)
            case LotsMerged(security=asset, holder=holder, lots=lots):
                self.units.set_lots(Account(asset, holder), lots)
            case UnitsLocked(security=asset, holder=holder, quantity=quantity):
                self.units.change(asset, holder, locked=quantity)
            case UnitsReleased(security=asset, holder=holder, quantity=quantity):
                self.units.change(asset, holder, locked=-quantity)
            case UnitsFrozen(security=asset, holder=holder, quantity=quantity):
                self.units.change(asset, holder, frozen=quantity)
            case _:
                return


def _move(
    positions: Positions,
    asset: str,
    sides: tuple[str | None, str | None],
    quantity: int,
    *,
    locked: str | None,
) -> None:
    sender, receiver = sides
    if sender is not None:
        positions.change(asset, sender, quantity=-quantity, locked=-quantity if locked else 0)
    if receiver is not None:
        positions.change(asset, receiver, quantity=quantity)
