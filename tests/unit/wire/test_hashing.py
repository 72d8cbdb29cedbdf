"""Hashes beyond what the vectors show: wire.md §11."""

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from tallystick.wire import hashing

NUMBERS = st.integers(min_value=0, max_value=2**64 - 1)


@given(first=st.tuples(NUMBERS, NUMBERS), second=st.tuples(NUMBERS, NUMBERS))
def test_version_bytes_sort_like_versions(first: tuple[int, int], second: tuple[int, int]) -> None:
    encoded = hashing.version_bytes(*first), hashing.version_bytes(*second)
    assert (encoded[0] < encoded[1]) == (first < second)


def test_commit_hash_counts_flags_in_a_varint() -> None:
    """§11: 300 flags take a count of two bytes."""
    flags = bytes(300)
    assert hashing.commit_hash(flags, b"", b"") == hashlib.sha256(b"\xac\x02" + flags).digest()


@given(entries=st.lists(st.binary(max_size=20), max_size=5))
def test_data_hash_does_not_see_the_boundaries_of_entries(entries: list[bytes]) -> None:
    assert hashing.block_data_hash(iter(entries)) == hashing.sha256(b"".join(entries))


def test_header_hash_takes_a_hash_of_any_length() -> None:
    """A peer may send any bytes as hashes; hashing them must not fail."""
    encoded = hashing.block_header_bytes(1, bytes(200), b"")
    assert encoded.hex().startswith("3081d0" + "020101" + "0481c8")
