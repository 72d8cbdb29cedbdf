"""Simulation: running a transaction against the committed state without changing it.

Every read is of committed state, also after a write to the same key in the same transaction: what a
simulation writes goes into its read/write set and nowhere else. Source: wire.md §9.3, §10.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from tallystick.node.errors import LedgerError
from tallystick.node.ledger.collection_rules import UNGUARDED, CollectionRules
from tallystick.node.ledger.held_bytes import HeldBytes
from tallystick.node.ledger.history import HistoryView
from tallystick.node.ledger.range_query import Page, RangeQuery, RecordedRange, total_limit
from tallystick.node.ledger.rwset import VALIDATION_PARAMETER, Metadata, decode_metadata
from tallystick.node.ledger.rwset_builder import ReadWriteSetBuilder
from tallystick.node.ledger.state import StateView, VersionedValue
from tallystick.node.ledger.version import Version
from tallystick.protos.ledger.queryresult.kv_query_result_pb2 import KeyModification
from tallystick.wire.hashing import sha256


class UnsupportedMixError(LedgerError):
    """A transaction both writes and queries in a way that validation could not check again.

    Attributes:
        transaction_id: The transaction.
    """

    def __init__(self, transaction_id: str, rule: str) -> None:
        # The misspelling is Fabric's: callers match on the text.
        super().__init__(f"txid [{transaction_id}]: unsuppored transaction. {rule}")
        self.transaction_id = transaction_id


class PrivateDataUnavailableError(LedgerError):
    """This node does not hold the private value that the public hash stands for.

    Attributes:
        hash_version: Version of the hash; None if there is no such key.
        value_version: Version of the value that this node holds; None if it holds none.
    """

    def __init__(self, hash_version: Version | None, value_version: Version | None) -> None:
        super().__init__(
            "private data matching public hash version is not available. Public hash version = "
            f"{_version_text(hash_version)}, Private data version = {_version_text(value_version)}"
        )
        self.hash_version = hash_version
        self.value_version = value_version


@dataclass(frozen=True, slots=True)
class TouchedNamespace:
    """What a simulation did in a namespace, or in one collection of it, as endorsers must know it.

    Attributes:
        namespace: Name of the chaincode.
        collection: Name of the collection; "" for the public keys.
        reads_private_values: Whether plaintext was read, so that endorsers must be members.
        writes: Whether a value or metadata was written.
        key_policies: Distinct endorsement policies that written keys have of their own:
            ``SignaturePolicyEnvelope`` bytes.
        needs_own_policy: Whether a written key has no policy of its own, so that the one of the
            collection or chaincode counts.
    """

    namespace: str
    collection: str
    reads_private_values: bool
    writes: bool
    key_policies: tuple[bytes, ...]
    needs_own_policy: bool


@dataclass(frozen=True, slots=True)
class SimulationResult:
    """The outcome of a simulation.

    Attributes:
        public: ``TxReadWriteSet`` bytes, for the chaincode action; empty if nothing was touched.
        private: ``TxPvtReadWriteSet`` bytes, for members only; empty without private writes.
        touched: Namespaces in order, each followed by its collections.
    """

    public: bytes
    private: bytes
    touched: tuple[TouchedNamespace, ...]


class Simulator:
    """One transaction's view of the ledger, and the record of what it does.

    A key read twice gives the same answer twice. Values are bytes; None stands for a key that does
    not exist. Writing ``b""`` deletes.

    Attributes:
        transaction_id: The transaction.
        missed_private_value: Whether a private value was asked for that this node does not hold.
            The chaincode may hide the error, but what it answers then says nothing of the ledger.
    """

    __slots__ = (
        "_builder",
        "_held",
        "_history",
        "_private_values_read",
        "_queried_pages",
        "_queried_private_range",
        "_rules",
        "_values",
        "_view",
        "_wrote",
        "missed_private_value",
        "transaction_id",
    )

    def __init__(
        self,
        view: StateView,
        history: HistoryView,
        transaction_id: str,
        rules: CollectionRules = UNGUARDED,
    ) -> None:
        self._rules = rules
        self.transaction_id = transaction_id
        self._view = view
        self._history = history
        self._builder = ReadWriteSetBuilder()
        self._held = HeldBytes(transaction_id)
        self._values: dict[tuple[str, str], VersionedValue | None] = {}
        self._private_values_read: set[tuple[str, str]] = set()
        self._wrote = False
        self._queried_pages = False
        self._queried_private_range = False
        self.missed_private_value = False

    def get_state(self, namespace: str, key: str) -> bytes | None:
        """Return the value of a key."""
        found = self._read(namespace, key)
        return None if found is None else found.value

    def get_state_metadata(self, namespace: str, key: str) -> dict[str, bytes]:
        """Return the metadata of a key, by name. It counts as a read of the key."""
        found = self._read(namespace, key)
        return {} if found is None else decode_metadata(found.metadata)

    def put_state(self, namespace: str, key: str, value: bytes) -> None:
        """Set the value of a key.

        Raises:
            UnsupportedMixError: The transaction has made a query that excludes writes; so too for
                the other methods that write.
        """
        self._before_write(key, value)
        self._builder.add_write(namespace, key, value)

    def delete_state(self, namespace: str, key: str) -> None:
        """Delete a key. It need not exist."""
        self.put_state(namespace, key, b"")

    def put_state_metadata(self, namespace: str, key: str, metadata: Metadata) -> None:
        """Replace the metadata of a key; an empty mapping clears it."""
        self._before_write(key, *metadata.values())
        self._builder.add_metadata_write(namespace, key, metadata)

    def range(self, namespace: str, start: str, end: str) -> RangeQuery:
        """Return the keys from ``start`` up to ``end``, which is not included; "" has no bound.

        An empty ``start`` includes composite keys; keeping them out is up to the chaincode's side.
        """
        recorded = RecordedRange(start, end)
        self._held.add(start, end)
        self._builder.add_range(namespace, recorded)
        return RangeQuery(self._rows(namespace, start, end), recorded)

    def range_page(
        self, namespace: str, start: str, end: str, page_size: int, bookmark: str = ""
    ) -> Page:
        """Return the first keys of a range, from ``bookmark`` on if there is one.

        Args:
            namespace: Where to look.
            start: First key of the range.
            end: The key that ends the range, itself not included; "" has no bound.
            page_size: Most rows to return; 0 means as many as any query may return.
            bookmark: The bookmark of the page before.

        Raises:
            UnsupportedMixError: The transaction has written.
        """
        if self._wrote:
            raise UnsupportedMixError(
                self.transaction_id,
                "Paginated queries are supported only in a read-only transaction",
            )
        self._queried_pages = True
        first = bookmark or start
        recorded = RecordedRange(first, end)
        self._held.add(first, end)
        self._builder.add_range(namespace, recorded)
        rows = self._rows(namespace, first, end)
        query = RangeQuery(rows, recorded, total_limit(page_size))
        return Page(query.rest(), query.peek_key())

    def get_private(self, namespace: str, collection: str, key: str) -> bytes | None:
        """Return a private value.

        Raises:
            PrivateDataUnavailableError: This node's copy is missing or out of date.
        """
        self._rules.check_read(namespace, collection)
        found = self._view.get_private(namespace, collection, key)
        hashed = self._view.get_hash(namespace, collection, sha256(key.encode()))
        version = None if found is None else found.version
        hash_version = None if hashed is None else hashed.version
        if version != hash_version:
            self.missed_private_value = True
            raise PrivateDataUnavailableError(hash_version, version)
        self._held.add(key)
        self._builder.add_private_read(namespace, collection, key, version)
        self._private_values_read.add((namespace, collection))
        return None if found is None else found.value

    def get_private_hash(self, namespace: str, collection: str, key: str) -> bytes | None:
        """Return the SHA-256 of a private value, which every node knows."""
        self._rules.check_hash(namespace, collection)
        found = self._read_hash(namespace, collection, key)
        return None if found is None else found.value

    def get_private_metadata(self, namespace: str, collection: str, key: str) -> dict[str, bytes]:
        """Return the metadata of a private key, by name. It counts as a read of its hash."""
        self._rules.check_read(namespace, collection)
        found = self._read_hash(namespace, collection, key)
        return {} if found is None else decode_metadata(found.metadata)

    def put_private(self, namespace: str, collection: str, key: str, value: bytes) -> None:
        """Set a private value."""
        self._rules.check_write(namespace, collection)
        self._before_write(key, value)
        self._builder.add_private_write(namespace, collection, key, value)

    def delete_private(self, namespace: str, collection: str, key: str) -> None:
        """Delete a private key. It need not exist."""
        self.put_private(namespace, collection, key, b"")

    def purge_private(self, namespace: str, collection: str, key: str) -> None:
        """Delete a private key and every value that it has ever had."""
        self._rules.check_purge(namespace, collection)
        self._before_write(key)
        self._builder.add_private_purge(namespace, collection, key)

    def put_private_metadata(
        self, namespace: str, collection: str, key: str, metadata: Metadata
    ) -> None:
        """Replace the metadata of a private key; an empty mapping clears it."""
        self._rules.check_write(namespace, collection)
        self._before_write(key, *metadata.values())
        self._builder.add_private_metadata_write(namespace, collection, key, metadata)

    def range_private(self, namespace: str, collection: str, start: str, end: str) -> RangeQuery:
        """Return the private keys of a range. Nothing of it is recorded.

        Raises:
            PrivateDataUnavailableError: This node lacks private values of the collection that are
                current. Nobody can tell by their keys' hashes whether they belong in the range.
            UnsupportedMixError: The transaction has written.
        """
        self._rules.check_read(namespace, collection)
        if self._wrote:
            raise UnsupportedMixError(
                self.transaction_id,
                "Queries on pvt data is supported only in a read-only transaction",
            )
        missing = self._view.oldest_missing(namespace, collection)
        if missing is not None:
            self.missed_private_value = True
            raise PrivateDataUnavailableError(hash_version=missing, value_version=None)
        self._queried_private_range = True
        return RangeQuery(self._view.range_private(namespace, collection, start, end), None)

    def history(self, namespace: str, key: str) -> Iterator[KeyModification]:
        """Yield what the key has held, newest first. Nothing of it is recorded."""
        return self._history.modifications(namespace, key)

    def check(self) -> None:
        """Check that nothing was refused for its size, even if the chaincode took no notice.

        Raises:
            SimulationTooLargeError: Something was.
        """
        self._held.check()

    def done(self) -> SimulationResult:
        """Return the read/write sets. Call it once; the simulator is of no use afterwards.

        Raises:
            SimulationTooLargeError: Something was refused, so they are not what was to be done.
        """
        self.check()
        touched = tuple(
            self._touched(namespace, collection)
            for namespace, collections in self._builder.touched().items()
            for collection in ("", *collections)
        )
        public, private = self._builder.build()
        return SimulationResult(public, private, touched)

    def _read(self, namespace: str, key: str) -> VersionedValue | None:
        place = (namespace, key)
        try:
            return self._values[place]
        except KeyError:
            found = self._view.get(namespace, key)
        self._held.add(key, b"" if found is None else found.value)
        self._values[place] = found
        self._builder.add_read(namespace, key, None if found is None else found.version)
        return found

    def _read_hash(self, namespace: str, collection: str, key: str) -> VersionedValue | None:
        found = self._view.get_hash(namespace, collection, sha256(key.encode()))
        version = None if found is None else found.version
        self._held.add(key)
        self._builder.add_private_read(namespace, collection, key, version)
        return found

    def _rows(self, namespace: str, start: str, end: str) -> Iterator[tuple[str, VersionedValue]]:
        for row in self._view.range(namespace, start, end):
            self._held.add_row(row[0])
            yield row

    def _before_write(self, *contents: str | bytes) -> None:
        if self._queried_private_range:
            raise UnsupportedMixError(
                self.transaction_id,
                "Transaction has already performed queries on pvt data. Writes are not allowed",
            )
        if self._queried_pages:
            raise UnsupportedMixError(
                self.transaction_id,
                "Transaction has already performed a paginated query. Writes are not allowed",
            )
        self._held.add(*contents)
        self._wrote = True

    def _touched(self, namespace: str, collection: str) -> TouchedNamespace:
        keys = self._builder.written_keys(namespace, collection)
        policies: dict[bytes, None] = {}
        needs_own_policy = False
        for key in keys:
            policy = self._key_policy(namespace, collection, key)
            if policy:
                policies[policy] = None
            else:
                needs_own_policy = True
        return TouchedNamespace(
            namespace=namespace,
            collection=collection,
            reads_private_values=(namespace, collection) in self._private_values_read,
            writes=bool(keys),
            key_policies=tuple(sorted(policies)),
            needs_own_policy=needs_own_policy,
        )

    def _key_policy(self, namespace: str, collection: str, key: str) -> bytes:
        if collection:
            found = self._view.get_hash(namespace, collection, sha256(key.encode()))
        elif (namespace, key) in self._values:
            found = self._values[namespace, key]
        else:
            found = self._view.get(namespace, key)
        if found is None or not found.metadata:
            return b""
        return decode_metadata(found.metadata).get(VALIDATION_PARAMETER, b"")


def _version_text(version: Version | None) -> str:
    if version is None:
        return "<nil>"
    return f"{{BlockNum: {version.block_number}, TxNum: {version.transaction_index}}}"
