"""What events tell against what the state holds. Pure."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from tallystick.chaincode import split_composite_key
from tallystick.contracts.models import Model
from tallystick.contracts.replay.positions import Positions

LEFT_OUT = frozenset({"nonce", "decision", "persons", "entry"})
"""Kinds of rows that are not rebuilt: notes that a signature was used, which no event tells since
only the signature does; records, which ``Decisions`` examines; changes that ``miscounted`` adds
up; and entries of cash, told to their readers only."""

CHANGES = frozenset({"supply", "holders"})
"""Kinds of rows that are changes of a sum: the sum is compared."""


class Difference(NamedTuple):
    """A row, or a sum of rows, about which events and state disagree; None stands for no row.

    Attributes:
        place: Kind and parts of the key.
    """

    place: tuple[str, ...]
    told: bytes | None
    held: bytes | None


def differences(
    told: Mapping[str, Model | str], held: Iterable[tuple[str, bytes]]
) -> list[Difference]:
    """Return where the rows that events tell are not, byte for byte, those of the state.

    Args:
        told: Rows by key, as replay has them.
        held: All rows of the chaincode's public state, in any order.
    """
    state = {key: value for key, value in held if _kind(key) not in LEFT_OUT | CHANGES}
    both = {key: _bytes_of(row) for key, row in told.items()}
    return [
        Difference(_place(key), both.get(key), state.get(key))
        for key in sorted(both.keys() | state.keys())
        if both.get(key) != state.get(key)
    ]


def count_differences(
    positions: Positions, held: Iterable[tuple[str, bytes]]
) -> Iterator[Difference]:
    """Yield where supplies and holder counts are not what the positions add up to.

    Args:
        positions: As replay has them.
        held: All rows of the chaincode's public state, in any order.
    """
    counted: Counter[tuple[str, str]] = Counter()
    for account in positions.by_account:
        position = positions.position(account)
        counted["supply", account.asset] += position.quantity
        counted["holders", account.asset] += bool(position.quantity)
    summed: Counter[tuple[str, str]] = Counter()
    issued: dict[str, list[tuple[int, int]]] = {}
    for key, value in held:
        kind, parts = split_composite_key(key)
        if kind == "supply":
            issued.setdefault(parts[0], []).append((int(parts[1]), int(value)))
        elif kind in CHANGES:
            summed[kind, parts[0]] += int(value)
    for asset, changes in issued.items():
        summed["supply", asset] = positions.timeline(asset).summed(changes)
    for place in sorted(counted.keys() | summed.keys()):
        if counted[place] != summed[place]:
            yield Difference(place, str(counted[place]).encode(), str(summed[place]).encode())


def _bytes_of(row: Model | str) -> bytes:
    """Return a row as the ledger writes it."""
    return row.encode() if isinstance(row, str) else row.__pydantic_serializer__.to_json(row)


def _kind(key: str) -> str:
    return split_composite_key(key)[0]


def _place(key: str) -> tuple[str, ...]:
    kind, parts = split_composite_key(key)
    return kind, *parts
