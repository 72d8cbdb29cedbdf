"""The fees of all venues, as one transaction sees them."""

from tallystick.chaincode import State, composite_key
from tallystick.contracts.fees.models import FeeSchedule
from tallystick.contracts.fees.rules import Charge, FeeCase, charge_of
from tallystick.contracts.rows import load_row


class Schedules:
    """One row for each venue, which every settlement reads and few transactions change."""

    def __init__(self, state: State) -> None:
        self._state = state

    def find(self, venue: str) -> FeeSchedule | None:
        """Return what a venue takes; None when it never said so, and takes nothing."""
        return load_row(self._state, schedule_key(venue), FeeSchedule)

    def save(self, row: FeeSchedule) -> None:
        """Write what a venue takes."""
        self._state.save(schedule_key(row.venue), row)

    def charge(self, venue: str, case: FeeCase) -> Charge:
        """Return what is taken for a trade or a subscription at a venue, if it is settled now."""
        row = self.find(venue)
        return Charge() if row is None else charge_of(row.lines, case)


def schedule_key(venue: str) -> str:
    """Return the key of what a venue takes."""
    return composite_key("fees", venue)
