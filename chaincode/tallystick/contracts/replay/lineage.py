"""Where units of a holder come from: back through every movement to their issue. Pure."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from tallystick.contracts.events import UnitsTransferred


class Movement(NamedTuple):
    """A movement of units, and the transaction that made it."""

    block_number: int
    transaction_id: str
    event: UnitsTransferred


def lineage(movements: Sequence[Movement], holder: str) -> Iterator[Movement]:
    """Yield the movements by which units of a holder may have come to it, the newest first.

    Units of the same lot cannot be told apart, so what a sender had received before counts as what
    it gave. The walk ends at issues.

    Args:
        movements: All movements of one security, in ledger order.
        holder: Who holds the units at the end of them.
    """
    holders: set[str | None] = {holder}
    for movement in reversed(movements):
        if movement.event.receiver is not None and movement.event.receiver in holders:
            holders.add(movement.event.sender)
            yield movement
