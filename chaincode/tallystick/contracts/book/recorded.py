"""Where timelines lie, and the rows that keep what was held at record dates."""

from pydantic import ConfigDict

from tallystick.chaincode import State, composite_key
from tallystick.contracts.book.models import Account, Position, Recorded
from tallystick.contracts.models import Model
from tallystick.contracts.rows import load_row
from tallystick.contracts.timelines import NO_TURNS, Timeline


class _Timed(Model):
    """As much of a security's row as the book must know."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    timeline: Timeline = NO_TURNS


def timeline_of(state: State, security: str) -> Timeline:
    """Return the turns of a security; none when there is no such security."""
    row = load_row(state, composite_key("security", security), _Timed)
    return NO_TURNS if row is None else row.timeline


def keep_recorded(state: State, account: Account, row: Position, timeline: Timeline) -> None:
    """Write what a position was at the record dates since its row was written, if there were any.

    Of who held nothing, no row is kept.
    """
    if row.quantity and row.as_of < timeline.last_record:
        kept = Recorded(quantity=row.quantity, as_of=row.as_of)
        state.save(recorded_key(account, timeline.turns), kept)


def recorded_key(account: Account, turn: int) -> str:
    """Return the key of the row of what somebody held up to a turn."""
    return composite_key("recorded", *account, f"{turn:06}")
