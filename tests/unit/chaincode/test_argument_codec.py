"""How arguments and results travel: text raw, the rest as JSON."""

from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Literal, NewType

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import AfterValidator, BaseModel, Field, TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError

from tallystick.chaincode.codec import decoder, encode, encoder


class Side(StrEnum):
    BUY = "buy"


class Order(BaseModel):
    side: Side
    quantity: int
    price: Decimal
    at: datetime


ORDER = Order(
    side=Side.BUY, quantity=2**70, price=Decimal("1.20"), at=datetime(2024, 1, 2, tzinfo=UTC)
)
SecurityId = NewType("SecurityId", str)

FORMS = [
    pytest.param(TypeAdapter(str), "naïve", "naïve".encode(), id="text is raw"),
    pytest.param(TypeAdapter(SecurityId), "ACME", b"ACME", id="renamed text is raw"),
    pytest.param(
        TypeAdapter(Annotated[str, Field(max_length=4)]), "ACME", b"ACME", id="constrained text"
    ),
    pytest.param(
        TypeAdapter(Annotated[str, AfterValidator(str)]), "ACME", b"ACME", id="validated text"
    ),
    pytest.param(TypeAdapter(Side), Side.BUY, b"buy", id="an enumeration of strings is text"),
    pytest.param(
        TypeAdapter(Literal["buy", "sell"]), "buy", b"buy", id="a literal of strings is text"
    ),
    pytest.param(TypeAdapter(str | None), None, b"", id="None is empty"),
    pytest.param(TypeAdapter(str | None), "x", b"x", id="optional text is raw"),
    pytest.param(TypeAdapter(bytes), b"\xff\x00", b"\xff\x00", id="bytes are raw"),
    pytest.param(
        TypeAdapter(int), -(2**70), b"-1180591620717411303424", id="an integer of any size"
    ),
    pytest.param(TypeAdapter(int | None), None, b"", id="None of a JSON type is empty too"),
    pytest.param(TypeAdapter(bool), True, b"true", id="a boolean"),
    pytest.param(TypeAdapter(list[str]), ["a", "b"], b'["a","b"]', id="a list of text is JSON"),
    pytest.param(TypeAdapter(Decimal), Decimal("1.20"), b'"1.20"', id="a decimal keeps its digits"),
    pytest.param(
        TypeAdapter(Order),
        ORDER,
        b'{"side":"buy","quantity":1180591620717411303424,"price":"1.20","at":"2024-01-02T00:00:00Z"}',
        id="a model keeps the order of its fields",
    ),
]


@pytest.mark.parametrize(("adapter", "value", "data"), FORMS)
def test_an_argument_is_read_as_it_was_written(
    adapter: TypeAdapter[object], value: object, data: bytes
) -> None:
    assert encode(value) == data
    assert decoder(adapter)(data) == value


@pytest.mark.parametrize(("adapter", "value", "data"), FORMS)
def test_a_result_is_written_like_an_argument(
    adapter: TypeAdapter[object], value: object, data: bytes
) -> None:
    assert encoder(adapter)(value) == data


@pytest.mark.parametrize(
    ("adapter", "data"),
    [
        pytest.param(TypeAdapter(int), b"true", id="a boolean is no integer"),
        pytest.param(TypeAdapter(int), b'"1"', id="text is no integer"),
        pytest.param(TypeAdapter(int), b"1.0", id="a float is no integer"),
        pytest.param(TypeAdapter(int), b"", id="nothing is no integer"),
        pytest.param(TypeAdapter(int), b"1 2", id="not JSON"),
        pytest.param(TypeAdapter(Side), b"lend", id="not a member"),
        pytest.param(
            TypeAdapter(Annotated[str, Field(max_length=3)]), b"long", id="breaks a constraint"
        ),
    ],
)
def test_an_argument_that_does_not_fit_is_refused(
    adapter: TypeAdapter[object], data: bytes
) -> None:
    with pytest.raises(ValidationError):
        decoder(adapter)(data)


@pytest.mark.parametrize(
    ("adapter", "value"),
    [
        pytest.param(TypeAdapter(int), "five", id="text for an integer"),
        pytest.param(TypeAdapter(int), None, id="nothing for an integer"),
        pytest.param(TypeAdapter(str), 5, id="an integer for text"),
        pytest.param(TypeAdapter(str), None, id="nothing for text"),
        pytest.param(TypeAdapter(bytes), "text", id="text for bytes"),
        pytest.param(TypeAdapter(None), {"a": 1}, id="something for nothing"),
    ],
)
def test_a_result_of_another_type_is_a_fault(adapter: TypeAdapter[object], value: object) -> None:
    with pytest.raises((PydanticSerializationError, ValidationError)):
        encoder(adapter)(value)


@given(st.text(st.characters(exclude_categories=["Cs"])) | st.binary())
def test_text_and_bytes_travel_unchanged(value: str | bytes) -> None:
    assert decoder(TypeAdapter(type(value)))(encode(value)) == value
