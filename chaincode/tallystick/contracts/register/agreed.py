"""What is due of deliveries that were agreed before a split."""

from collections.abc import Sequence
from typing import TypeVar

from tallystick.chaincode import State
from tallystick.contracts.book import Account, Book, Delivery, timeline_of
from tallystick.contracts.reasons import RegisterReason

DeliveryT = TypeVar("DeliveryT", bound=Delivery)


def in_present_units(state: State, moves: Sequence[DeliveryT]) -> tuple[DeliveryT, ...]:
    """Return deliveries as they are due now, after the splits since they were agreed.

    Raises:
        Refusal: AGREED_FRACTION, when a split leaves a part of a unit.
    """
    present = []
    for move in moves:
        quantity = due_now(state, move)
        if quantity is None:
            raise RegisterReason.AGREED_FRACTION.refusal(
                security=move.asset, holder=move.sender, quantity=move.quantity
            )
        is_same = quantity == move.quantity
        present.append(move if is_same else move.model_copy(update={"quantity": quantity}))
    return tuple(present)


def as_held(state: State, book: Book, moves: Sequence[DeliveryT]) -> tuple[DeliveryT, ...]:
    """Return deliveries as they are due now; what is on hold for one is what is due.

    Splits change holds exactly, and there is nothing to work out.

    Raises:
        Refusal: HOLD_UNKNOWN or AGREED_FRACTION.
    """
    present: list[DeliveryT] = []
    for move in moves:
        if (
            move.hold is None
            or move.splits_seen is None
            or not timeline_of(state, move.asset).splits
        ):
            present += in_present_units(state, (move,))
        else:
            hold = book.require_hold(Account(move.asset, move.sender), move.hold)
            present.append(move.model_copy(update={"quantity": hold.quantity}))
    return tuple(present)


def due_now(state: State, move: Delivery) -> int | None:
    """Return how many units of now a delivery is due of; None when a part of one would be left."""
    timeline = timeline_of(state, move.asset)
    if move.splits_seen is None or not timeline.splits:
        return move.quantity
    return timeline.agreed(move.quantity, move.splits_seen)
