"""DER elements, as block headers and signatures need them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.wire import der
from tallystick.wire.errors import WireError


@pytest.mark.parametrize(
    ("length", "header"),
    [
        (0, "0400"),
        (127, "047f"),
        (128, "048180"),
        (255, "0481ff"),
        (256, "04820100"),
        (70_000, "0483011170"),
    ],
)
def test_lengths_take_the_shortest_form(length: int, header: str) -> None:
    encoded = der.element(der.OCTET_STRING, bytes(length))
    assert encoded[: -length or None].hex() == header


@given(content=st.binary(max_size=400), before=st.binary(max_size=4), after=st.binary(max_size=4))
def test_an_element_is_found_again_among_other_bytes(
    content: bytes, before: bytes, after: bytes
) -> None:
    data = before + der.element(der.SEQUENCE, content) + after
    start, end = der.element_span(data, len(before), der.SEQUENCE)
    assert data[start:end] == content


@given(value=st.integers(min_value=0, max_value=2**64 - 1))
def test_integers_read_back_as_positive_numbers(value: int) -> None:
    encoded = der.unsigned_integer(value)
    start, end = der.element_span(encoded, 0, der.INTEGER)
    assert int.from_bytes(encoded[start:end], "big", signed=True) == value


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        ("", "no DER element"),
        ("04", "no DER element"),
        ("0200", "no DER element"),
        ("040200", "cut short"),
        ("048101ff", "not minimal"),
        ("04820080", "not minimal"),
        ("0480", "not minimal"),
        ("0482", "not minimal"),
    ],
)
def test_broken_elements_are_refused(data: str, problem: str) -> None:
    with pytest.raises(WireError, match=problem):
        der.element_span(bytes.fromhex(data), 0, der.OCTET_STRING)
