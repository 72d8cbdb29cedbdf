"""The two decorators that make a method callable from outside."""

from collections.abc import Callable
from enum import StrEnum
from typing import TypeVar

from tallystick.chaincode.errors import ContractDefinitionError

FunctionT = TypeVar("FunctionT", bound=Callable[..., object])

_KIND_ATTRIBUTE = "__tallystick_kind__"


class FunctionKind(StrEnum):
    """What a client does with a function: submit it for ordering, or only evaluate it."""

    TRANSACTION = "submit"
    QUERY = "evaluate"


def transaction(*method: FunctionT) -> FunctionT:
    """Let clients submit this method; it may read and write.

    Raises:
        ContractDefinitionError: It was written with parentheses.
    """
    return _marked(method, "transaction", FunctionKind.TRANSACTION)


def query(*method: FunctionT) -> FunctionT:
    """Let clients evaluate this method; a write to the state of its chaincode fails.

    Raises:
        ContractDefinitionError: It was written with parentheses.
    """
    return _marked(method, "query", FunctionKind.QUERY)


def _marked(methods: tuple[FunctionT, ...], name: str, kind: FunctionKind) -> FunctionT:
    if len(methods) != 1 or not callable(methods[0]):
        raise ContractDefinitionError(
            f"@{name} takes no parentheses: write it without them on the line above the method"
        )
    setattr(methods[0], _KIND_ATTRIBUTE, kind)
    return methods[0]


def kind_of(member: object) -> FunctionKind | None:
    """Return how a class member was decorated, or None when it was not."""
    return getattr(member, _KIND_ATTRIBUTE, None) if callable(member) else None
