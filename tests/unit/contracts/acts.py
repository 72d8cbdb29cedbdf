"""What tests of acts share."""

from collections.abc import Callable
from typing import ParamSpec

import pytest

from tallystick.chaincode import Refusal

P = ParamSpec("P")


def refused(act: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> str:
    """Return the code with which an act is refused."""
    with pytest.raises(Refusal) as refusal:
        act(*args, **kwargs)
    return refusal.value.code


def refusal_of(act: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> Refusal | None:
    """Return the refusal of an act, or None when it is done."""
    try:
        act(*args, **kwargs)
    except Refusal as refusal:
        return refusal
    return None
