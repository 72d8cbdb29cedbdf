"""The private data collections of a chaincode, as one contract call sees them."""

from collections.abc import Iterator, Mapping
from typing import TypeVar

from pydantic import BaseModel

from tallystick.chaincode.endorsement import VALIDATION_PARAMETER
from tallystick.chaincode.errors import InvalidKeyError
from tallystick.chaincode.keys import check_key, partial_range, plain_range
from tallystick.chaincode.rows import OwnRows
from tallystick.chaincode.stub import ChaincodeStub

ModelT = TypeVar("ModelT", bound=BaseModel)


class PrivateState(OwnRows):
    """The rows of one collection. ``get`` sees this call's own writes, as that of `State` does.

    Peers of members hold the values; all others hold hashes. A function that reads values fails
    where they are not; gateways then have it run on a member's peer, if they may.
    """

    __slots__ = ("_collection", "_purged", "_writes")

    def __init__(self, stub: ChaincodeStub, collection: str, *, read_only: bool = False) -> None:
        super().__init__(stub, read_only=read_only)
        self._collection = collection
        self._writes: dict[str, bytes | None] = {}  # None deletes
        self._purged: set[str] = set()

    def get(self, key: str) -> bytes | None:
        """Return the value at ``key``, or None."""
        if key in self._writes:
            return self._writes[key]
        check_key(key)
        return self._stub.get_private_data(self._collection, key) or None

    def put(self, key: str, value: bytes) -> None:
        """Write ``value`` at ``key``. It must not come from the arguments: those are public.

        Raises:
            InvalidKeyError: ``key`` cannot be stored, or ``value`` is empty.
            TypeError: ``value`` is not bytes.
        """
        self._check_writable("put", key)
        if not isinstance(value, bytes):
            raise TypeError(f"the value at key {key!r} is {type(value).__name__}, not bytes")
        if not value:
            raise InvalidKeyError(key, "is given an empty value; call delete() to remove it")
        self._write(key, value)

    def delete(self, key: str) -> None:
        """Remove ``key``; members keep what it has held in the past."""
        self._check_writable("delete", key)
        self._write(key, None)

    def purge(self, key: str) -> None:
        """Remove ``key`` and all that it has ever held, from every member's peer."""
        self._check_writable("purge", key)
        self._write(key, None)
        self._purged.add(key)

    def load(self, key: str, model: type[ModelT]) -> ModelT | None:
        """Return the ``model`` stored at ``key`` as JSON, or None."""
        value = self.get(key)
        return None if value is None else model.model_validate_json(value)

    def save(self, key: str, model: BaseModel) -> None:
        """Write ``model`` at ``key`` as JSON, its fields in the order of their declaration."""
        self.put(key, model.__pydantic_serializer__.to_json(model))

    def hash(self, key: str) -> bytes | None:
        """Return the SHA-256 of the committed value, which peers of non-members know too."""
        check_key(key)
        return self._stub.get_private_data_hash(self._collection, key) or None

    def range(self, start: str, end: str) -> Iterator[tuple[str, bytes]]:
        """Yield the committed rows with ``start <= key < end``, in key order; for queries.

        As in Fabric, a transaction that reads a private range cannot write, for nothing would tell
        at its commit whether the range has changed.
        """
        return self._stub.get_private_data_range(self._collection, *plain_range(start, end))

    def partial(self, kind: str, *parts: str, first: str = "") -> Iterator[tuple[str, bytes]]:
        """Yield the committed rows whose composite key begins so, in key order; for queries.

        With ``first`` only those whose next part is that or a later one.
        """
        start, end = partial_range(kind, *parts, first=first)
        return self._stub.get_private_data_range(self._collection, start, end)

    def flush(self) -> None:
        """Hand the writes to the stub, in the order of first writing, once the call succeeded."""
        for key, value in self._writes.items():
            if value is not None:
                self._stub.put_private_data(self._collection, key, value)
            elif key in self._purged:
                self._stub.purge_private_data(self._collection, key)
            else:
                self._stub.del_private_data(self._collection, key)
        for key, rule in self._rules.items():
            self._stub.put_private_data_metadata(self._collection, key, VALIDATION_PARAMETER, rule)

    def _write(self, key: str, value: bytes | None) -> None:
        self._writes[key] = value
        self._purged.discard(key)

    def _metadata_of(self, key: str) -> Mapping[str, bytes]:
        return self._stub.get_private_data_metadata(self._collection, key)
