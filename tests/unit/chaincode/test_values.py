"""Values made without validation are the same as those that were validated."""

from functools import cached_property
from typing import Any

import pytest
from pydantic import Field, ValidationError

from tallystick.chaincode import Value


class Holding(Value):
    """What somebody holds."""

    holder: str
    quantity: int = Field(ge=0)
    note: str = "none"

    @cached_property
    def doubled(self) -> int:
        return 2 * self.quantity


def test_a_value_constructed_equals_the_one_that_was_validated() -> None:
    made = Holding.model_construct(quantity=3, holder="alice")
    checked = Holding(holder="alice", quantity=3)
    assert made == checked
    assert hash(made) == hash(checked)
    assert made.model_dump_json() == checked.model_dump_json()


def test_a_copy_has_the_changes_and_nothing_that_was_computed_before() -> None:
    before = Holding(holder="alice", quantity=3)
    assert before.doubled == 6
    after = before.model_copy(update={"quantity": 4})
    assert (after.doubled, before.doubled) == (8, 6)
    assert after == Holding(holder="alice", quantity=4)


@pytest.mark.parametrize("values", [{"holder": "a"}, {"holder": "a", "quantity": 1, "x": 1}])
def test_a_value_cannot_be_constructed_with_other_fields(values: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match="Holding has other fields"):
        Holding.model_construct(**values)


def test_a_copy_cannot_get_a_field_that_there_is_not() -> None:
    with pytest.raises(TypeError, match="Holding has other fields"):
        Holding(holder="a", quantity=1).model_copy(update={"owner": "b"})


def test_a_value_cannot_be_changed() -> None:
    made = Holding.model_construct(holder="a", quantity=1)
    with pytest.raises(ValidationError):
        made.quantity = 2  # type: ignore[misc]


def test_a_value_with_an_alias_is_refused_when_it_is_first_constructed() -> None:
    class Aliased(Value):
        holder: str = Field(alias="owner")

    with pytest.raises(TypeError, match="holder may have no alias"):
        Aliased.model_construct(holder="a")
