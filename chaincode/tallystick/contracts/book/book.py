"""The book: who holds how much of what, and the one place where a quantity changes.

Securities and cash are both kept in such a book, each in its own chaincode. Every change, whatever
its cause, is first planned (``moved``, ``locked``, ``released``, ``frozen``: pure, nothing is
written), judged by the caller's rules on the end state of the plan as a whole, and then written by
``write``, which refuses a plan that would leave anybody with less than nothing.

Supply and number of holders are kept as deltas, one row per change, so that issues and transfers of
different holders touch no common row; only who asks for the sum reads them all.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol, TypeVar

from pydantic import BaseModel

from tallystick.chaincode import State, composite_key, split_composite_key
from tallystick.contracts.book.models import (
    Account,
    Lock,
    LockedMove,
    Move,
    Position,
    accounts_of,
)
from tallystick.contracts.book.plan import Plan
from tallystick.contracts.instants import Day
from tallystick.contracts.lots import total
from tallystick.contracts.reasons import RegisterReason, refuse_if_any

ModelT = TypeVar("ModelT", bound=BaseModel)


class Rows(Protocol):
    """Where positions and locks are kept: public rows, or those of a private collection."""

    def load(self, key: str, model: type[ModelT], /) -> ModelT | None:
        """Return the row at a key, or None."""

    def save(self, key: str, model: BaseModel, /) -> None:
        """Write a row."""

    def delete(self, key: str, /) -> None:
        """Let a row be none."""

    def partial(self, kind: str, *parts: str) -> Iterator[tuple[str, bytes]]:
        """Yield the rows of a kind."""


class Book:
    """The positions and locks of one chaincode, as one transaction sees them."""

    def __init__(
        self,
        state: State,
        transaction_id: str,
        confidential: Callable[[str], Rows] | None = None,
    ) -> None:
        """Open the book.

        Args:
            state: The public rows.
            transaction_id: Of the transaction.
            confidential: Returns where the positions and locks of an asset are kept, and its
                holders then are not counted; None for the public rows.
        """
        self._state = state
        self._transaction_id = transaction_id
        self._confidential = confidential

    def position(self, account: Account) -> Position:
        """Return what a holder holds; zeros when nothing."""
        rows = self._rows(account.asset)
        return rows.load(composite_key("position", *account), Position) or Position()

    def lock(self, account: Account, lock: str) -> Lock | None:
        """Return a lock, or None."""
        return self._rows(account.asset).load(composite_key("lock", *account, lock), Lock)

    # --- plans ---

    def moved(self, moves: Iterable[Move], day: Day) -> Plan:
        """Plan movements that are made on ``day``; those out of a lock use up the whole of it.

        Raises:
            Refusal: SAME_PARTY, LOCK_UNKNOWN, or LOCK_DIFFERS when a lock is for something else.
        """
        moves = tuple(moves)
        plan = self._plan(accounts_of(moves))
        for move in moves:
            if move.sender == move.receiver:
                raise RegisterReason.SAME_PARTY.refusal(holder=str(move.sender))
            if move.sender is not None:
                sender = Account(move.asset, move.sender)
                locked = -self._taken_lock(plan, sender, move) if move.lock else 0
                plan.change(sender, quantity=-move.quantity, locked=locked)
                if move.receiver is None:
                    plan.created[sender] = plan.created.get(sender, 0) - move.quantity
            if move.receiver is not None:
                receiver = Account(move.asset, move.receiver)
                plan.change(receiver, quantity=move.quantity)
                if move.sender is None:
                    plan.created[receiver] = plan.created.get(receiver, 0) + move.quantity
        plan.carry_lots(moves, day)
        return plan

    def locked(self, moves: Iterable[LockedMove]) -> Plan:
        """Plan to lock what movements will deliver later.

        Raises:
            Refusal: SAME_PARTY, or LOCK_EXISTS.
        """
        moves = tuple(moves)
        plan = self._plan(Account(move.asset, move.sender) for move in moves)
        for move in moves:
            if move.sender == move.receiver:
                raise RegisterReason.SAME_PARTY.refusal(holder=move.sender)
            sender = Account(move.asset, move.sender)
            place = (sender, move.lock)
            if place in plan.locks or self.lock(*place) is not None:
                raise RegisterReason.LOCK_EXISTS.refusal(
                    asset=move.asset, holder=move.sender, lock=move.lock
                )
            plan.locks[place] = Lock(receiver=move.receiver, quantity=move.quantity)
            plan.change(sender, locked=move.quantity)
        plan.choose_lots(moves)
        return plan

    def released(self, moves: Iterable[LockedMove]) -> Plan:
        """Plan to give up locks without delivery; the units stay where they are.

        Raises:
            Refusal: LOCK_UNKNOWN or LOCK_DIFFERS.
        """
        moves = tuple(moves)
        plan = self._plan(Account(move.asset, move.sender) for move in moves)
        for move in moves:
            sender = Account(move.asset, move.sender)
            plan.change(sender, locked=-self._taken_lock(plan, sender, move))
        return plan

    def frozen(self, account: Account, quantity: int) -> Plan:
        """Plan to freeze units of a holder, or, with a negative quantity, to unfreeze them.

        Raises:
            Refusal: INSUFFICIENT_FROZEN.
        """
        plan = self._plan([account])
        frozen = plan.before[account].frozen
        if frozen + quantity < 0:
            raise RegisterReason.INSUFFICIENT_FROZEN.refusal(
                asset=account.asset,
                holder=account.holder,
                frozen=frozen,
                missing=-frozen - quantity,
            )
        plan.change(account, frozen=quantity)
        return plan

    # --- the one writer ---

    def write(self, plan: Plan) -> None:
        """Write a plan: the only code that changes a quantity.

        Raises:
            Refusal: INSUFFICIENT_AVAILABLE, when somebody would have less than nothing available,
                or HOLDING_TOO_LARGE.
        """
        refuse_if_any([*plan.shortfalls(), *plan.excesses()])
        for account, position in plan.after.items():
            assert not position.lots or total(position.lots) == position.quantity, (
                f"the lots of {account} add up to its quantity"
            )
            self._write_position(account, plan.before[account], position)
        for (account, lock), row in plan.locks.items():
            key = composite_key("lock", *account, lock)
            rows = self._rows(account.asset)
            if row is None:
                rows.delete(key)
            else:
                rows.save(key, row)
        for account, quantity in plan.created.items():
            self._note_delta("supply", account, quantity)

    # --- views ---

    def positions(self, asset: str) -> Iterator[tuple[str, Position]]:
        """Yield all holders of an asset with their positions, by holder."""
        for key, value in self._rows(asset).partial("position", asset):
            yield holder_of(key), Position.model_validate_json(value)

    def locks(self, account: Account) -> Iterator[tuple[str, Lock]]:
        """Yield the locks of a holder, by lock id."""
        for key, value in self._rows(account.asset).partial("lock", *account):
            yield split_composite_key(key)[1][2], Lock.model_validate_json(value)

    def supply(self, asset: str) -> int:
        """Return all units of an asset in being."""
        return self._sum_of_deltas("supply", asset)

    def holder_count(self, asset: str) -> int:
        """Return how many hold units of an asset."""
        return self._sum_of_deltas("holders", asset)

    # --- how ---

    def _rows(self, asset: str) -> Rows:
        return self._state if self._confidential is None else self._confidential(asset)

    def _plan(self, accounts: Iterable[Account]) -> Plan:
        before = {account: self.position(account) for account in accounts}
        return Plan(before=before, after=dict(before))

    def _taken_lock(self, plan: Plan, account: Account, move: Move) -> int:
        """Take a lock out of the book in ``plan``; return what it held."""
        assert move.lock is not None, "only movements out of a lock come here"
        place = (account, move.lock)
        lock = None if place in plan.locks else self.lock(*place)
        if lock is None:
            raise RegisterReason.LOCK_UNKNOWN.refusal(
                asset=account.asset, holder=account.holder, lock=move.lock
            )
        if (lock.receiver, lock.quantity) != (move.receiver, move.quantity):
            raise RegisterReason.LOCK_DIFFERS.refusal(
                asset=account.asset,
                lock=move.lock,
                quantity=lock.quantity,
                receiver=lock.receiver,
            )
        plan.locks[place] = None
        return lock.quantity

    def _write_position(self, account: Account, before: Position, after: Position) -> None:
        key = composite_key("position", *account)
        rows = self._rows(account.asset)
        if after.quantity:
            rows.save(key, after)
        else:
            rows.delete(key)
        holders = bool(after.quantity) - bool(before.quantity)
        if holders and self._confidential is None:
            self._note_delta("holders", account, holders)

    def _note_delta(self, kind: str, account: Account, delta: int) -> None:
        # The holder is part of the key: were a transaction to change an asset in two calls, neither
        # would hide the other's delta.
        key = composite_key(kind, account.asset, self._transaction_id, account.holder)
        self._state.put(key, str(delta).encode())

    def _sum_of_deltas(self, kind: str, asset: str) -> int:
        return sum(int(value) for _, value in self._deltas(kind, asset))

    def _deltas(self, kind: str, asset: str) -> Iterator[tuple[str, bytes]]:
        """Yield the delta rows page by page: they outgrow what one scan hands out."""
        bookmark = ""
        while True:
            page = self._state.partial_page(kind, asset, page_size=1000, bookmark=bookmark)
            yield from page.rows
            bookmark = page.bookmark
            if not bookmark:
                return


def holder_of(position_key: str) -> str:
    """Return the holder that the key of a position row names."""
    return split_composite_key(position_key)[1][1]
