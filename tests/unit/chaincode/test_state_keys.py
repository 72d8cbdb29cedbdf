"""Keys of the world state: wire.md §9.3."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.chaincode import composite_key, split_composite_key
from tallystick.chaincode.errors import InvalidKeyError
from tallystick.chaincode.keys import check_key, partial_range, plain_range

part = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00\U0010ffff"))


@given(part.filter(bool), st.lists(part))
def test_splitting_gives_back_what_was_composed(kind: str, parts: list[str]) -> None:
    assert split_composite_key(composite_key(kind, *parts)) == (kind, tuple(parts))


@given(part.filter(bool), st.lists(part), st.lists(part))
def test_a_partial_range_holds_every_key_that_begins_with_its_parts(
    kind: str, parts: list[str], more: list[str]
) -> None:
    """W27: §9.3."""
    start, end = partial_range(kind, *parts)
    assert start <= composite_key(kind, *parts, *more) < end


@given(part.filter(bool), part, part)
def test_a_partial_range_from_a_part_on_leaves_out_what_sorts_before_it(
    kind: str, first: str, other: str
) -> None:
    start, end = partial_range(kind, "p", first=first)
    assert (start <= composite_key(kind, "p", other) < end) == (first <= other)


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]))))
def test_strings_order_as_their_utf8_bytes(keys: list[str]) -> None:
    """§9.3."""
    assert sorted(keys) == [key.decode() for key in sorted(key.encode() for key in keys)]


@pytest.mark.parametrize(
    ("start", "end", "bounds"),
    [
        pytest.param("", "", ("\x01", ""), id="an empty start skips composite keys"),
        pytest.param("a", "b", ("a", "b"), id="other bounds stay as they are"),
    ],
)
def test_a_plain_range(start: str, end: str, bounds: tuple[str, str]) -> None:
    """§9.3."""
    assert plain_range(start, end) == bounds


@pytest.mark.parametrize(
    ("key", "problem"),
    [
        pytest.param("", "is empty", id="empty"),
        pytest.param("\x00init", "begins with U\\+0000|not a composite key", id="leading U+0000"),
        pytest.param("a\ud800", "lone surrogate", id="not UTF-8"),
    ],
)
def test_a_key_that_cannot_be_stored_is_refused(key: str, problem: str) -> None:
    """§9.3."""
    with pytest.raises(InvalidKeyError, match=problem) as caught:
        check_key(key)
    assert (caught.value.status, caught.value.code) == (400, "INVALID_KEY")


@pytest.mark.parametrize("part", ["a\x00b", "a\U0010ffff", "\udfff"])
def test_delimiters_have_no_place_inside_parts(part: str) -> None:
    """§9.3."""
    with pytest.raises(InvalidKeyError):
        composite_key("kind", part)


def test_a_composite_key_needs_a_kind() -> None:
    with pytest.raises(InvalidKeyError, match="needs a kind"):
        composite_key("", "part")


def test_a_simple_key_cannot_be_split() -> None:
    with pytest.raises(InvalidKeyError, match="not a composite key"):
        split_composite_key("simple")


@pytest.mark.parametrize("bounds", [("\x00kind\x00", ""), ("", "\x00kind\x00")])
def test_a_plain_range_cannot_be_bounded_by_composite_keys(bounds: tuple[str, str]) -> None:
    with pytest.raises(InvalidKeyError, match="composite_key"):
        plain_range(*bounds)
