"""The private data collections of a chaincode, as one contract call sees them."""

from collections.abc import Iterator
from typing import TypeVar

from pydantic import BaseModel

from tallystick.chaincode.endorsement import (
    VALIDATION_PARAMETER,
    Rule,
    encode_rule,
    rule_in,
)
from tallystick.chaincode.errors import InvalidKeyError, WriteInQueryError
from tallystick.chaincode.keys import check_key, partial_range, plain_range
from tallystick.chaincode.stub import ChaincodeStub

ModelT = TypeVar("ModelT", bound=BaseModel)


class PrivateState:
    """The rows of one collection. ``get`` sees this call's own writes, as that of `State` does.

    Peers of members hold the values; all others hold hashes. Whoever calls a function that reads
    values must therefore have it run on a member's peer.
    """

    __slots__ = ("_collection", "_purged", "_read_only", "_rules", "_stub", "_writes")

    def __init__(self, stub: ChaincodeStub, collection: str, *, read_only: bool = False) -> None:
        self._stub = stub
        self._collection = collection
        self._read_only = read_only
        self._writes: dict[str, bytes | None] = {}  # None deletes
        self._purged: set[str] = set()
        self._rules: dict[str, bytes] = {}  # empty clears

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

    def set_endorsement(self, key: str, rule: Rule) -> None:
        """Let ``rule`` decide who must endorse later changes of ``key``, and of this rule.

        It takes the place of the rule of collection or chaincode for this key and stays until it is
        changed, cleared, or the key is deleted. This transaction still answers to what is in force
        now. Where there is no such key the ledger drops the rule in silence.

        Args:
            key: The key, which exists or is written by this call.
            rule: ``"AND('A.peer', 'B.peer')"``, or MSP ids of which a peer each must endorse.

        Raises:
            InvalidEndorsementRuleError: The rule cannot be read, or names nobody.
            InvalidKeyError: ``key`` cannot be stored.
        """
        self._check_writable("set_endorsement", key)
        self._rules[key] = encode_rule(rule)

    def clear_endorsement(self, key: str) -> None:
        """Give ``key`` back to the rule of collection or chaincode, as its present rule allows."""
        self._check_writable("clear_endorsement", key)
        self._rules[key] = b""

    def endorsement_of(self, key: str) -> str | None:
        """Return the rule that ``key`` has of its own, in the policy language, or None.

        It counts as a read of the key.

        Raises:
            InvalidEndorsementRuleError: Another chaincode library gave it a rule without a meaning.
        """
        if key in self._rules:
            return rule_in({VALIDATION_PARAMETER: self._rules[key]})
        check_key(key)
        return rule_in(self._stub.get_private_data_metadata(self._collection, key))

    def partial(self, kind: str, *parts: str) -> Iterator[tuple[str, bytes]]:
        """Yield the committed rows whose composite key begins so, in key order; for queries."""
        return self._stub.get_private_data_range(self._collection, *partial_range(kind, *parts))

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

    def _check_writable(self, operation: str, key: str) -> None:
        if self._read_only:
            raise WriteInQueryError(f"{operation}({key!r})")
        check_key(key)
