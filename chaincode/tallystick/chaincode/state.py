"""The world state as one contract call sees it: committed state plus its own writes.

Below this class, reads never see writes of the same transaction. The overlay here adds them, and
hands the writes down only when the call has succeeded; a refused call therefore leaves nothing
behind.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import TypeVar

from pydantic import BaseModel

from tallystick.chaincode.endorsement import VALIDATION_PARAMETER
from tallystick.chaincode.errors import InvalidKeyError, InvalidPageError
from tallystick.chaincode.keys import (
    check_key,
    composite_key,
    partial_range,
    plain_range,
    split_composite_key,
)
from tallystick.chaincode.rows import OwnRows
from tallystick.chaincode.stub import ChaincodeStub, KeyModification, Page
from tallystick.chaincode.values import Value

ModelT = TypeVar("ModelT", bound=BaseModel)


class State(OwnRows):
    """The rows of this chaincode. Every read except ``history`` sees this call's own writes.

    A key is read from the stub at most once per call, and not at all once it was written.
    """

    __slots__ = ("_committed", "_loaded", "_writes")

    def __init__(self, stub: ChaincodeStub, *, read_only: bool = False) -> None:
        super().__init__(stub, read_only=read_only)
        self._committed: dict[str, bytes | None] = {}
        self._writes: dict[str, bytes | None] = {}  # None deletes
        self._loaded: dict[str, tuple[bytes, Value]] = {}  # by key, with what it was read from

    composite_key = staticmethod(composite_key)
    split_composite_key = staticmethod(split_composite_key)

    def get(self, key: str) -> bytes | None:
        """Return the value at ``key``, or None."""
        if key in self._writes:
            return self._writes[key]
        if key in self._committed:
            return self._committed[key]
        check_key(key)
        value = self._stub.get_state(key) or None
        self._committed[key] = value
        return value

    def read_ahead(self, keys: Iterable[str]) -> None:
        """Fetch rows that this call is about to read, all at once; ``get`` then has them.

        It saves a contract that runs apart from its peer a request for each row. Every key counts
        as read: name only those that will be.
        """
        ahead = [key for key in dict.fromkeys(keys) if key not in self._committed]
        for key in ahead:
            check_key(key)
        for key, value in zip(ahead, self._stub.get_states(ahead), strict=True):
            self._committed[key] = value or None

    def put(self, key: str, value: bytes) -> None:
        """Write ``value`` at ``key``.

        Raises:
            InvalidKeyError: ``key`` cannot be stored, or ``value`` is empty: the ledger takes an
                empty value for a deletion, so deleting must be said.
            TypeError: ``value`` is not bytes.
        """
        self._check_writable("put", key)
        if not isinstance(value, bytes):
            raise TypeError(f"the value at key {key!r} is {type(value).__name__}, not bytes")
        if not value:
            raise InvalidKeyError(key, "is given an empty value; call delete() to remove it")
        self._writes[key] = value

    def delete(self, key: str) -> None:
        """Remove ``key``; removing an absent key is allowed."""
        self._check_writable("delete", key)
        self._writes[key] = None

    def load(self, key: str, model: type[ModelT]) -> ModelT | None:
        """Return the ``model`` stored at ``key`` as JSON, or None.

        A ``Value``, which nobody can change, is the same one until the row is written.
        """
        value = self.get(key)
        if value is None:
            return None
        if (known := self._loaded.get(key)) is not None:
            source, row = known
            if source is value and type(row) is model:
                return row
        loaded = model.model_validate_json(value)
        if isinstance(loaded, Value):
            self._loaded[key] = (value, loaded)
        return loaded

    def save(self, key: str, model: BaseModel) -> None:
        """Write ``model`` at ``key`` as JSON, its fields in the order of their declaration."""
        self.put(key, model.__pydantic_serializer__.to_json(model))

    def range(self, start: str, end: str) -> Iterator[tuple[str, bytes]]:
        """Yield the rows with ``start <= key < end``, in key order.

        An empty start means the first simple key (composite keys stay out), an empty end no bound.
        The range becomes part of what the transaction read: another row that appears in it before
        commit invalidates the transaction. Peers hand out 100,000 committed rows at most and then
        end without a word, as Fabric's do: read what may grow so long page by page.
        """
        return self._scan(*plain_range(start, end))

    def partial(self, kind: str, *parts: str) -> Iterator[tuple[str, bytes]]:
        """Yield the rows whose composite key has this kind and begins with these parts.

        What ``range`` says of the rows read holds here too.
        """
        return self._scan(*partial_range(kind, *parts))

    def page(self, start: str, end: str, page_size: int, bookmark: str = "") -> Page:
        """Return at most ``page_size`` rows of a range, from ``bookmark`` on when it is given.

        A @query pages without recording the range. A @transaction may write, so there a page is
        read as the protected range that begins at the bookmark.

        Raises:
            InvalidPageError: The page has no size, or the bookmark is not one of this range.
        """
        return self._page(plain_range(start, end), page_size, bookmark)

    def partial_page(self, kind: str, *parts: str, page_size: int, bookmark: str = "") -> Page:
        """Return a page, as ``page`` does, of the rows that ``partial`` yields."""
        return self._page(partial_range(kind, *parts), page_size, bookmark)

    def history(self, key: str) -> Iterator[KeyModification]:
        """Yield the committed changes of ``key``, newest first.

        History is not part of what the transaction read: decide nothing on it in a @transaction.
        """
        check_key(key)
        return self._stub.get_history(key)

    def flush(self) -> None:
        """Hand the writes to the stub, in the order of first writing, once the call succeeded."""
        for key, value in self._writes.items():
            if value is None:
                self._stub.del_state(key)
            else:
                self._stub.put_state(key, value)
        for key, rule in self._rules.items():
            self._stub.put_state_metadata(key, VALIDATION_PARAMETER, rule)

    def _metadata_of(self, key: str) -> Mapping[str, bytes]:
        return self._stub.get_state_metadata(key)

    def _page(self, bounds: tuple[str, str], page_size: int, bookmark: str) -> Page:
        start, end = bounds
        if page_size < 1:
            raise InvalidPageError(f"a page of {page_size} rows cannot be read; ask for 1 or more")
        # Clients hand bookmarks back: one from elsewhere must not open rows outside the range.
        if bookmark and (bookmark < start or (end and bookmark >= end)):
            raise InvalidPageError(
                f"bookmark {bookmark!r} is not of this range; pass that of the page before"
            )
        if self._read_only:
            return self._stub.get_state_page(start, end, page_size, bookmark)
        rows = tuple(islice(self._scan(bookmark or start, end), page_size + 1))
        following = rows[page_size][0] if len(rows) > page_size else ""
        return Page(rows[:page_size], following)

    def _scan(self, start: str, end: str) -> Iterator[tuple[str, bytes]]:
        committed = self._stub.get_state_range(start, end)
        own = sorted(
            (key, value)
            for key, value in self._writes.items()
            if start <= key and (not end or key < end)
        )
        return _overlaid(committed, own) if own else committed


def _overlaid(
    committed: Iterator[tuple[str, bytes]], own: list[tuple[str, bytes | None]]
) -> Iterator[tuple[str, bytes]]:
    """Yield both in key order; at equal keys the own write replaces the committed row.

    ``own`` is what had been written when the scan began, so a loop may write rows as it goes.
    """
    row = next(committed, None)
    for key, value in own:
        while row is not None and row[0] < key:
            yield row
            row = next(committed, None)
        if row is not None and row[0] == key:
            row = next(committed, None)
        if value is not None:
            yield key, value
    if row is not None:
        yield row
        yield from committed
