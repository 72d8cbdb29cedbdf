"""Whether a history of concurrent reads and writes of one register is linearizable. Pure.

The search of Wing and Gong ("Testing and verifying concurrent objects", 1993) with the memory of
Lowe ("Testing for linearizability", 2017). ADR 26 says why it is our own.
"""

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Operation:
    """What one client did to one register.

    Attributes:
        kind: ``write`` or ``read``.
        value: What was written or read; empty before the first write.
        called_s: When it began, in seconds of one clock.
        returned_s: When the client knew that it was done; infinite if it never got to know, so
            that it may have happened at any time since, or never. A read is always known.
    """

    kind: str
    value: str
    called_s: float
    returned_s: float


def is_linearizable(history: Sequence[Operation]) -> bool:
    """Return whether all known operations can be put into one order that explains every read.

    In that order an operation comes before another one if it had returned when the other one was
    called, and every read returns what was written last.
    """
    operations = sorted(history, key=lambda each: each.called_s)
    known = sum(1 << n for n, each in enumerate(operations) if math.isfinite(each.returned_s))
    everything = (1 << len(operations)) - 1
    tried: set[tuple[int, str]] = set()
    paths: list[tuple[int, str]] = [(everything, "")]  # what is left to explain, and the value
    while paths:
        path = paths.pop()
        if path in tried:
            continue
        tried.add(path)
        left, value = path
        if not left & known:
            return True
        for number in _possible_next(operations, left):
            operation = operations[number]
            if operation.kind == "write" or operation.value == value:
                paths.append((left & ~(1 << number), operation.value))
    return False


def _possible_next(operations: Sequence[Operation], left: int) -> Iterable[int]:
    """Return which operations may come next: those called before any that is left returned."""
    first_return_s = math.inf
    found = []
    while left:
        lowest = left & -left
        number = lowest.bit_length() - 1
        if operations[number].called_s > first_return_s:
            break  # and so are all later ones
        found.append(number)
        first_return_s = min(first_return_s, operations[number].returned_s)
        left ^= lowest
    return [number for number in found if operations[number].called_s <= first_return_s]


def as_json_lines(history: Iterable[tuple[str, Operation]]) -> str:
    """Return a history of registers, by key, for other checkers: an object on each line."""
    lines = []
    for key, operation in history:
        fields = asdict(operation)
        if math.isinf(operation.returned_s):
            fields["returned_s"] = None
        lines.append(json.dumps({"key": key, **fields}) + "\n")
    return "".join(lines)
