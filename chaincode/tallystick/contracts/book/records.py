"""What was held at record dates, from rows that are kept or current.

A position that did not change since a record date is its own record; see ``recorded`` for others.
"""

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import NamedTuple

from tallystick.chaincode import State, composite_key, split_composite_key
from tallystick.contracts.book.book import position_key
from tallystick.contracts.book.models import Account, Position, Recorded
from tallystick.contracts.book.recorded import timeline_of

_PAGE_SIZE = 1000


class Line(NamedTuple):
    """What a holder held."""

    holder: str
    quantity: int


class Records:
    """What was held of a security at one turn of its timeline, as one transaction sees it."""

    def __init__(self, state: State, security: str, turn: int) -> None:
        self._state = state
        self._security = security
        self._turn = turn
        self._timeline = timeline_of(state, security)

    def of(self, holder: str) -> int:
        """Return what somebody held, in the units of then."""
        account = Account(self._security, holder)
        kept = self._state.partial("recorded", *account)
        current = self._state.load(position_key(account), Position)
        return self._held(_rows_of(kept), current)

    def page(self, page_size: int, first: str) -> tuple[list[Line], str]:
        """Return so many holders at most who held something, from one on, and the next one.

        Only queries may ask: a transaction that read so much would conflict with every other.
        """
        lines: list[Line] = []
        for holder, kept, current in self._holders(first):
            quantity = self._held(kept, current)
            if quantity and len(lines) == page_size:
                return lines, holder
            if quantity:
                lines.append(Line(holder, quantity))
        return lines, ""

    def _held(self, kept: Iterable[tuple[int, Recorded]], current: Position | None) -> int:
        row: Recorded | Position | None = next(
            (row for turn, row in kept if turn >= self._turn), current
        )
        # Who came after the turn held nothing at it, however often it has changed since.
        if row is None or row.as_of >= self._turn:
            return 0
        return self._timeline.scaled(row.quantity, row.as_of, self._turn)

    def _holders(
        self, first: str
    ) -> Iterator[tuple[str, list[tuple[int, Recorded]], Position | None]]:
        """Yield all who hold or held something since, by name, with the rows about them."""
        kept = groupby(self._pages("recorded", first), key=lambda row: _holder(row[0]))
        positions = ((_holder(key), value) for key, value in self._pages("position", first))
        past, present = next(kept, None), next(positions, None)
        while past is not None or present is not None:
            holder = min(each[0] for each in (past, present) if each is not None)
            rows: list[tuple[int, Recorded]] = []
            current = None
            if past is not None and past[0] == holder:
                rows = list(_rows_of(past[1]))
                past = next(kept, None)
            if present is not None and present[0] == holder:
                current = Position.model_validate_json(present[1])
                present = next(positions, None)
            yield holder, rows, current

    def _pages(self, kind: str, first: str) -> Iterator[tuple[str, bytes]]:
        bookmark = composite_key(kind, self._security, first) if first else ""
        while True:
            page = self._state.partial_page(
                kind, self._security, page_size=_PAGE_SIZE, bookmark=bookmark
            )
            yield from page.rows
            bookmark = page.bookmark
            if not bookmark:
                return


def _holder(key: str) -> str:
    return split_composite_key(key)[1][1]


def _rows_of(rows: Iterable[tuple[str, bytes]]) -> Iterator[tuple[int, Recorded]]:
    for key, value in rows:
        yield int(split_composite_key(key)[1][2]), Recorded.model_validate_json(value)
