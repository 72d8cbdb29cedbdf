"""Rows of changes, folded into fewer: what they add up to stays.

Supply, holders and persons are sums over a row for each change, so that changes share no row. The
rows grow with every issue and every holder who comes or goes. Folding takes named rows away and
writes their sum under the folding transaction's own name: it reads nothing but these rows, so no
change that arrives meanwhile conflicts with it, and of two foldings of a row only one counts.
"""

from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from tallystick.chaincode import Context, composite_key, split_composite_key
from tallystick.contracts.compliance.counts import CountDelta, HolderCounts
from tallystick.contracts.models import Model
from tallystick.contracts.reasons import RegisterReason

MAX_ROWS = 1000
"""Rows that one transaction folds."""

_FOLDED = "-"
"""In place of a holder or a person, whose ids begin with a letter or a digit."""


class Count(StrEnum):
    """What is counted by rows of changes: the kind of the rows."""

    SUPPLY = "supply"
    HOLDERS = "holders"
    PERSONS = "persons"


class ChangeRow(Model):
    """Name of a row of one change, within a count of a security.

    Attributes:
        transaction: Id of the transaction that wrote it.
        whose: By whom the count changed; ``-`` for a sum.
        turn: Of the supply: the turn of the security's timeline in whose units it counts, for a
            split changes what a unit is; else empty.
    """

    transaction: Annotated[str, Field(min_length=1, max_length=64)]
    whose: Annotated[str, Field(min_length=1, max_length=64)]
    turn: Annotated[str, Field(pattern=r"^\d{0,9}$")] = ""


ChangeRows = Annotated[tuple[ChangeRow, ...], Field(min_length=2, max_length=MAX_ROWS)]


class Folding:
    """Folds the rows of one count of one security."""

    def __init__(self, ctx: Context, security: str, count: Count) -> None:
        self._ctx = ctx
        self._place = (str(count), security)
        self._count = count

    def rows(self, page_size: int) -> Iterator[ChangeRow]:
        """Yield the names of so many rows at most, by transaction; for queries."""
        page = self._ctx.state.partial_page(*self._place, page_size=page_size)
        for key, _ in page.rows:
            _, (_, *turn, transaction, whose) = split_composite_key(key)
            yield ChangeRow(transaction=transaction, whose=whose, turn="".join(turn))

    def fold(self, rows: ChangeRows) -> None:
        """Write the sum of rows in place of them; of the supply, the sum of each turn.

        Raises:
            Refusal: CHANGE_UNKNOWN, when one is not there, or not there any more.
        """
        values: dict[str, list[bytes]] = {}
        for row in rows:
            values.setdefault(row.turn, []).append(self._taken(row))
        add = _sum_of_counts if self._count is Count.PERSONS else _sum_of_units
        for turn, each in values.items():
            total = add(each)
            if total is not None:
                transaction = self._ctx.transaction_id
                name = ChangeRow(transaction=transaction, whose=_FOLDED, turn=turn)
                self._ctx.state.put(self._key(name), total)

    def _taken(self, row: ChangeRow) -> bytes:
        key = self._key(row)
        value = self._ctx.state.get(key)
        if value is None:
            count, security = self._place
            raise RegisterReason.CHANGE_UNKNOWN.refusal(
                security=security, count=count, transaction=row.transaction, whose=row.whose
            )
        self._ctx.state.delete(key)
        return value

    def _key(self, row: ChangeRow) -> str:
        turn = (row.turn,) if self._count is Count.SUPPLY else ()
        return composite_key(*self._place, *turn, row.transaction, row.whose)


def _sum_of_units(values: list[bytes]) -> bytes | None:
    total = sum(map(int, values))
    return str(total).encode() if total else None


def _sum_of_counts(values: list[bytes]) -> bytes | None:
    total = HolderCounts()
    for value in values:
        total = total.plus(CountDelta.model_validate_json(value))
    if total == HolderCounts():
        return None
    delta = CountDelta(persons=total.persons, owners=total.owners, classes=total.by_class)
    return delta.model_dump_json().encode()
