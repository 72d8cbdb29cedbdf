"""The fees of all who take any, as one transaction sees them."""

from tallystick.chaincode import State, composite_key
from tallystick.contracts.fees.models import FeeSchedule
from tallystick.contracts.fees.rules import Charge, FeeCase, charge_of
from tallystick.contracts.rows import load_row


class Schedules:
    """One row for each taker, which every settlement reads and few transactions change."""

    def __init__(self, state: State) -> None:
        self._state = state

    def find(self, taker: str) -> FeeSchedule | None:
        """Return what somebody takes; None when it never said so, and takes nothing."""
        return load_row(self._state, schedule_key(taker), FeeSchedule)

    def save(self, row: FeeSchedule) -> None:
        """Write what somebody takes."""
        self._state.save(schedule_key(row.taker), row)

    def charge(self, taker: str, case: FeeCase) -> Charge:
        """Return what is taken for something if it is settled now."""
        row = self.find(taker)
        return Charge() if row is None else charge_of(row.lines, case)


def schedule_key(taker: str) -> str:
    """Return the key of what somebody takes; rows ``fees`` of former releases are of other form."""
    return composite_key("fee-schedule", taker)
