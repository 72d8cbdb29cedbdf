"""Calls that name nothing that exists: the same ones, with other names in place of the known."""

import re
from collections.abc import Collection
from typing import TypeVar

from pydantic import JsonValue
from pydantic_core import to_jsonable_python

from tallystick.chaincode import split_composite_key
from tallystick.contracts.models import Model
from tallystick.contracts.powers import Power
from tallystick.contracts.testing import Market
from tallystick.contracts.trades.rules import SIDES

NOTHING, NO_HASH = "NIL", "f" * 64
"""A name of nothing, and a hash of nothing."""

_NAME = re.compile(r"[A-Za-z][\w.@-]*")
_HASH = re.compile(r"[0-9a-f]{64}")
_WORDS = frozenset({*SIDES, *Power})
"""Parts of keys that are words of the contracts, and are nothing's name."""

M = TypeVar("M", bound=Model)


def names_in(market: Market) -> frozenset[str]:
    """Return the names and hashes by which anything is found in a market."""
    return frozenset(
        part
        for rows in market.ledger.world.rows.values()
        for key in (*rows.values, *(key for _, key in rows.private))
        for part in split_composite_key(key)[1]
        if (_NAME.fullmatch(part) or _HASH.fullmatch(part)) and part not in _WORDS
    )


def without(names: Collection[str], argument: object) -> JsonValue:
    """Return an argument as it is sent, with nothing's name in place of each of the names."""
    return _replaced(names, to_jsonable_python(argument))


def secret_without(names: Collection[str], secret: M) -> M:
    """Return transient data of the same kind, in which nothing has each of the names."""
    return type(secret).model_validate(without(names, secret))


def _replaced(names: Collection[str], value: JsonValue) -> JsonValue:
    match value:
        case dict():
            return {key: _replaced(names, each) for key, each in value.items()}
        case list():
            return [_replaced(names, each) for each in value]
        case str() if value in names:
            return NO_HASH if _HASH.fullmatch(value) else NOTHING
        case _:
            return value
