"""The book: who holds how much of what, and the one place where a quantity changes.

Securities and cash are both kept in such a book, each in its own chaincode. Every change, whatever
its cause, is first planned (``moved``, ``held``, ``released``, ``frozen``: nothing is written),
judged by the caller's rules on the end state of the plan as a whole, and then written by ``write``,
which refuses a plan that would leave anybody with less than nothing.

What splits have made of rows since they were written is worked out when they are read; and the
first change of a position after a record date keeps what it was (see ``timelines``).

Supply and number of holders are kept as deltas, one row per change, so that issues and transfers of
different holders touch no common row; only who asks for the sum reads them all.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol, TypeVar

from pydantic import BaseModel

from tallystick.chaincode import Refusal, State, composite_key, split_composite_key
from tallystick.contracts.book.models import (
    Account,
    Hold,
    Move,
    Place,
    Placement,
    Position,
    accounts_of,
)
from tallystick.contracts.book.plan import Plan
from tallystick.contracts.book.recorded import keep_recorded, timeline_of
from tallystick.contracts.instants import Day, Instant
from tallystick.contracts.lots import Label, LotChoice, taken, total
from tallystick.contracts.reasons import RegisterReason, refuse_if_any
from tallystick.contracts.timelines import NO_TURNS, Timeline

ModelT = TypeVar("ModelT", bound=BaseModel)


class Rows(Protocol):
    """Where positions and holds are kept: public rows, or those of a private collection."""

    def load(self, key: str, model: type[ModelT], /) -> ModelT | None:
        """Return the row at a key, or None."""

    def save(self, key: str, model: BaseModel, /) -> None:
        """Write a row."""

    def delete(self, key: str, /) -> None:
        """Let a row be none."""

    def partial(self, kind: str, *parts: str) -> Iterator[tuple[str, bytes]]:
        """Yield the rows of a kind."""


class Book:
    """The positions and holds of one chaincode, as one transaction sees them."""

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
            confidential: Returns where the positions and holds of an asset are kept, and its
                holders then are not counted; None for the public rows.
        """
        self._state = state
        self._transaction_id = transaction_id
        self._confidential = confidential
        self._outdated: dict[Account, Position] = {}
        self._timelines: dict[str, Timeline] = {}

    def timeline(self, asset: str) -> Timeline:
        """Return the turns of a security, as they were when first asked; money has none."""
        timeline = self._timelines.get(asset)
        if timeline is None:
            timeline = NO_TURNS if self._confidential else timeline_of(self._state, asset)
            self._timelines[asset] = timeline
        return timeline

    def look_again(self, asset: str) -> None:
        """Take note that a security has had another turn since."""
        self._timelines.pop(asset, None)

    def position(self, account: Account) -> Position:
        """Return what a holder holds; zeros when nothing."""
        row = self._rows(account.asset).load(position_key(account), Position)
        timeline = self.timeline(account.asset)
        if row is None:
            return Position(as_of=timeline.turns)
        if row.as_of == timeline.turns:
            return row
        self._outdated[account] = row
        return row.brought_up(timeline)

    def hold(self, account: Account, name: str) -> Hold | None:
        """Return a hold, or None."""
        row = self._rows(account.asset).load(hold_key(account, name), Hold)
        return None if row is None else row.brought_up(self.timeline(account.asset))

    def require_hold(self, account: Account, name: str) -> Hold:
        """Return a hold; refuse with HOLD_UNKNOWN when there is none."""
        hold = self.hold(account, name)
        if hold is None:
            raise _unknown(account, name)
        return hold

    # --- plans ---

    def unchanged(self, accounts: Iterable[Account]) -> Plan:
        """Return the plan to change nothing about some accounts: a beginning."""
        before = {account: self.position(account) for account in accounts}
        return Plan(before=before, after=dict(before))

    def moved(self, moves: Iterable[Move], day: Day, also: Iterable[Account] = ()) -> Plan:
        """Plan movements that are made on ``day``; those out of a hold use it up.

        The accounts in ``also`` are part of the plan, so that it can be added to.

        Raises:
            Refusal: SAME_PARTY, HOLD_UNKNOWN, or HOLD_DIFFERS when a hold is for something else.
        """
        moves = tuple(moves)
        plan = self.unchanged((*accounts_of(moves), *also))
        for move in moves:
            if move.sender == move.receiver:
                raise RegisterReason.SAME_PARTY.refusal(holder=str(move.sender))
            if move.sender is not None:
                sender = Account(move.asset, move.sender)
                if move.hold is not None:
                    self._use_hold(plan, sender, move.hold, move)
                plan.change(sender, quantity=-move.quantity)
                if move.receiver is None:
                    plan.created[sender] = plan.created.get(sender, 0) - move.quantity
            if move.receiver is not None:
                receiver = Account(move.asset, move.receiver)
                plan.change(receiver, quantity=move.quantity)
                if move.sender is None:
                    plan.created[receiver] = plan.created.get(receiver, 0) + move.quantity
        plan.carry_lots(moves, day)
        return plan

    def held(self, placements: Iterable[Placement]) -> Plan:
        """Plan to hold units; ``carried`` of the plan has the lots that would go now.

        Raises:
            Refusal: SAME_PARTY, or HOLD_EXISTS.
        """
        placements = tuple(placements)
        plan = self.unchanged(account for account, _, _ in placements)
        for account, name, hold in placements:
            if account.holder == hold.receiver:
                raise RegisterReason.SAME_PARTY.refusal(holder=account.holder)
            if (account, name) in plan.holds or self.hold(account, name) is not None:
                raise RegisterReason.HOLD_EXISTS.refusal(
                    asset=account.asset, holder=account.holder, hold=name
                )
            as_of = plan.before[account].as_of
            plan.place_hold(account, name, hold.model_copy(update={"as_of": as_of}))
        plan.carried = [
            taken(plan.before[account].lots, hold.quantity) for account, _, hold in placements
        ]
        return plan

    def renewed(self, account: Account, name: str, expires_at: Instant) -> Plan:
        """Plan to let a hold expire at another time.

        Raises:
            Refusal: HOLD_UNKNOWN.
        """
        plan = self.unchanged(())
        hold = self.require_hold(account, name)
        plan.holds[account, name] = hold.model_copy(update={"expires_at": expires_at})
        return plan

    def released(self, places: Iterable[Place]) -> Plan:
        """Plan to give up holds, each named by its account and name; the units stay where they are.

        Raises:
            Refusal: HOLD_UNKNOWN.
        """
        places = tuple(places)
        plan = self.unchanged(account for account, _ in places)
        for account, name in places:
            self._use_hold(plan, account, name)
        return plan

    def stopped(self, account: Account, reason: str | None) -> Plan:
        """Plan to stop a holder from sending and receiving, or, without a reason, no longer to."""
        plan = self.unchanged([account])
        plan.stop(account, reason)
        return plan

    def relabelled(self, account: Account, quantity: int, choice: LotChoice, label: Label) -> Plan:
        """Plan to say of units of a holder that they come from elsewhere.

        ``carried`` of the plan has the lots as they were, and then as they are.
        """
        plan = self.unchanged([account])
        plan.relabel_lots(account, quantity, choice, label)
        return plan

    def frozen(self, account: Account, quantity: int) -> Plan:
        """Plan to freeze units of a holder, or, with a negative quantity, to unfreeze them.

        Raises:
            Refusal: INSUFFICIENT_FROZEN.
        """
        plan = self.unchanged([account])
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
            if account in plan.touched or position != plan.before[account]:
                self._write_position(account, plan.before[account], position)
        for (account, name), row in plan.holds.items():
            key = hold_key(account, name)
            rows = self._rows(account.asset)
            if row is None:
                rows.delete(key)
            else:
                rows.save(key, row)
        for account, quantity in plan.created.items():
            turn = str(self.timeline(account.asset).turns)
            self._note_delta(account, quantity, "supply", account.asset, turn)

    # --- views ---

    def positions(self, asset: str) -> Iterator[tuple[str, Position]]:
        """Yield all holders of an asset with their positions, by holder."""
        timeline = self.timeline(asset)
        for key, value in self._rows(asset).partial("position", asset):
            yield holder_of(key), Position.model_validate_json(value).brought_up(timeline)

    def holds(self, account: Account) -> Iterator[tuple[str, Hold]]:
        """Yield the holds of a holder, by name."""
        for key, value in self._rows(account.asset).partial("hold", *account):
            hold = Hold.model_validate_json(value)
            yield split_composite_key(key)[1][2], hold.brought_up(self.timeline(account.asset))

    def supply(self, asset: str, turn: int | None = None) -> int:
        """Return all units of an asset in being, now or at a turn of its timeline."""
        deltas = ((int(parts[1]), delta) for parts, delta in self._deltas("supply", asset))
        return self.timeline(asset).summed(deltas, turn)

    def holder_count(self, asset: str) -> int:
        """Return how many hold units of an asset."""
        return sum(delta for _, delta in self._deltas("holders", asset))

    # --- how ---

    def _rows(self, asset: str) -> Rows:
        return self._state if self._confidential is None else self._confidential(asset)

    def _use_hold(self, plan: Plan, account: Account, name: str, move: Move | None = None) -> None:
        """Take a move, or the whole, out of a hold as it is in ``plan`` by now."""
        place = (account, name)
        hold = plan.holds[place] if place in plan.holds else self.hold(*place)
        if hold is None:
            raise _unknown(account, name)
        if move is not None:
            fits = hold.receiver in {None, move.receiver} and move.quantity <= hold.quantity
            if not fits:
                raise RegisterReason.HOLD_DIFFERS.refusal(
                    asset=account.asset,
                    hold=name,
                    quantity=hold.quantity,
                    receiver=hold.receiver or "anybody",
                )
        plan.use_hold(account, name, hold, move)

    def _write_position(self, account: Account, before: Position, after: Position) -> None:
        key = position_key(account)
        rows = self._rows(account.asset)
        outdated = self._outdated.pop(account, None)
        if outdated is not None:
            keep_recorded(self._state, account, outdated, self.timeline(account.asset))
        elif after == before:
            return
        if after.quantity or after.stop is not None:
            rows.save(key, after)
        else:
            rows.delete(key)
        holders = bool(after.quantity) - bool(before.quantity)
        if holders and self._confidential is None:
            self._note_delta(account, holders, "holders", account.asset)

    def _note_delta(self, account: Account, delta: int, *place: str) -> None:
        # The holder is part of the key: were a transaction to change an asset in two calls, neither
        # would hide the other's delta.
        key = composite_key(*place, self._transaction_id, account.holder)
        self._state.put(key, str(delta).encode())

    def _deltas(self, kind: str, asset: str) -> Iterator[tuple[tuple[str, ...], int]]:
        """Yield the parts of the keys of delta rows, and the deltas.

        They are read page by page, since they outgrow what one scan hands out.
        """
        bookmark = ""
        while True:
            page = self._state.partial_page(kind, asset, page_size=1000, bookmark=bookmark)
            for key, value in page.rows:
                yield split_composite_key(key)[1], int(value)
            bookmark = page.bookmark
            if not bookmark:
                return


def _unknown(account: Account, name: str) -> Refusal:
    return RegisterReason.HOLD_UNKNOWN.refusal(
        asset=account.asset, holder=account.holder, hold=name
    )


def position_key(account: Account) -> str:
    """Return the key of the row of a position."""
    return composite_key("position", *account)


def hold_key(account: Account, name: str) -> str:
    """Return the key of the row of a hold."""
    return composite_key("hold", *account, name)


def holder_of(position_key: str) -> str:
    """Return the holder that the key of a position row names."""
    return split_composite_key(position_key)[1][1]
