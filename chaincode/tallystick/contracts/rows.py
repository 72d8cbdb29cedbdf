"""Rows that many transactions read and few change: each version of one is parsed once.

What a row says depends on its bytes alone, and models are immutable; so what was parsed can be kept
and shared, by whichever transaction meets the same bytes again.
"""

from functools import lru_cache
from typing import TypeVar

from tallystick.chaincode import State
from tallystick.contracts.models import Model

RowT = TypeVar("RowT", bound=Model)


def load_row(state: State, key: str, model: type[RowT]) -> RowT | None:
    """Return the row at a key, or None."""
    value = state.get(key)
    if value is None:
        return None
    row = _parsed(model, value)
    assert isinstance(row, model), "the cache tells models apart"
    return row


@lru_cache(maxsize=8192)
def _parsed(model: type[Model], value: bytes) -> Model:
    return model.model_validate_json(value)
