"""The two decorators that make a method callable from outside."""

from collections.abc import Callable
from enum import StrEnum
from typing import TypeVar

FunctionT = TypeVar("FunctionT", bound=Callable[..., object])

_KIND_ATTRIBUTE = "__tallystick_kind__"


class FunctionKind(StrEnum):
    """What a client does with a function: submit it for ordering, or only evaluate it."""

    TRANSACTION = "submit"
    QUERY = "evaluate"


def transaction(function: FunctionT) -> FunctionT:
    """Let clients submit this method; it may read and write."""
    setattr(function, _KIND_ATTRIBUTE, FunctionKind.TRANSACTION)
    return function


def query(function: FunctionT) -> FunctionT:
    """Let clients evaluate this method; a write to the state of its chaincode fails."""
    setattr(function, _KIND_ATTRIBUTE, FunctionKind.QUERY)
    return function


def kind_of(member: object) -> FunctionKind | None:
    """Return how a class member was decorated, or None when it was not."""
    return getattr(member, _KIND_ATTRIBUTE, None) if callable(member) else None
