"""Rows that many transactions read and few change: each version of one is parsed once.

What a row says depends on its bytes alone, and models are immutable; so what was parsed can be kept
and shared, by whichever transaction meets the same bytes again.
"""

from functools import lru_cache
from typing import Final, TypeVar

from tallystick.chaincode import State
from tallystick.contracts.models import Model

RowT = TypeVar("RowT", bound=Model)

_MIB: Final = 1024 * 1024
_SHORT_BYTES: Final = 1024
_LONG_BYTES: Final = 16 * 1024
"""Of either kind 8 MiB are remembered, as they are written; longer rows are parsed each time."""


def load_row(state: State, key: str, model: type[RowT]) -> RowT | None:
    """Return the row at a key, or None."""
    value = state.get(key)
    if value is None:
        return None
    row = _parsed(model, value)
    assert isinstance(row, model), "the cache tells models apart"
    return row


def _parsed(model: type[Model], value: bytes) -> Model:
    size = len(value)
    if size <= _SHORT_BYTES:
        return _remembered(model, value)
    return _remembered_long(model, value) if size <= _LONG_BYTES else _read(model, value)


def _read(model: type[Model], value: bytes) -> Model:
    return model.model_validate_json(value)


_remembered = lru_cache(8 * _MIB // _SHORT_BYTES)(_read)
_remembered_long = lru_cache(8 * _MIB // _LONG_BYTES)(_read)
