"""What is due of deliveries that were agreed before a split."""

from collections.abc import Sequence
from typing import TypeVar

from tallystick.chaincode import State
from tallystick.contracts.book import Delivery, timeline_of
from tallystick.contracts.reasons import RegisterReason

DeliveryT = TypeVar("DeliveryT", bound=Delivery)


def in_present_units(state: State, moves: Sequence[DeliveryT]) -> tuple[DeliveryT, ...]:
    """Return deliveries as they are due now, after the splits since they were agreed.

    Raises:
        Refusal: AGREED_FRACTION, when a split leaves a part of a unit.
    """
    return tuple(_in_present_units(state, move) for move in moves)


def _in_present_units(state: State, move: DeliveryT) -> DeliveryT:
    timeline = timeline_of(state, move.asset)
    if move.agreed_at is None or not timeline.splits:
        return move
    quantity = timeline.agreed(move.quantity, move.agreed_at)
    if quantity is None:
        raise RegisterReason.AGREED_FRACTION.refusal(
            security=move.asset, holder=move.sender, quantity=move.quantity
        )
    return move.model_copy(update={"quantity": quantity})
