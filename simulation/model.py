"""The ledger as it must be, worked out again from the blocks alone.

It shares no code with the nodes' validation: versions are looked up in a dictionary, and ranges are
read from it.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from simulation.bank import KEPT, LIFE_BLOCKS, SHARED
from simulation.checks import Check
from tallystick.protos.common.common_pb2 import (
    ENDORSER_TRANSACTION,
    Block,
    BlockMetadataIndex,
    ChannelHeader,
    Envelope,
    Payload,
)
from tallystick.protos.ledger.rwset.kvrwset.kv_rwset_pb2 import (
    HashedRWSet,
    KVRead,
    KVReadHash,
    KVRWSet,
    RangeQueryInfo,
)
from tallystick.protos.ledger.rwset.rwset_pb2 import NsReadWriteSet, TxReadWriteSet
from tallystick.protos.peer.proposal_pb2 import ChaincodeAction
from tallystick.protos.peer.proposal_response_pb2 import ProposalResponsePayload
from tallystick.protos.peer.transaction_pb2 import (
    MVCC_READ_CONFLICT,
    PHANTOM_READ_CONFLICT,
    VALID,
    ChaincodeActionPayload,
    Transaction,
)

Place = tuple[str, str | bytes]
At = tuple[int, int]

_SOUND: Final = (VALID, MVCC_READ_CONFLICT, PHANTOM_READ_CONFLICT)
"""Codes of transactions that use up their id in their own block already."""

_PASSING: Final = {f"bank$$h{collection}": collection for collection in (SHARED, KEPT)}
"""Where the hashes of private values are, all of which expire."""

_POSITION: Final = "\x00position\x00"


@dataclass(slots=True)
class Outcome:
    """Where a transaction is: its block and its code."""

    block_number: int
    code: int


@dataclass(slots=True)
class LedgerModel:
    """What the blocks so far say.

    Attributes:
        versions: Where each live key was last written.
        values: Public values, by namespace and key.
        outcomes: The first occurrence of each transaction id.
        changed: What the block under way has written so far.
    """

    versions: dict[Place, At] = field(default_factory=dict)
    values: dict[Place, bytes] = field(default_factory=dict)
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    changed: set[Place] = field(default_factory=set)

    def copied(self) -> "LedgerModel":
        """Return the same, which goes on by itself."""
        return LedgerModel(dict(self.versions), dict(self.values), dict(self.outcomes))

    def apply(self, block: Block) -> Iterator[tuple[Check, str]]:
        """Take in the next block; yield what is wrong with its verdicts."""
        self.changed.clear()
        codes = block.metadata.metadata[BlockMetadataIndex.TRANSACTIONS_FILTER]
        number = block.header.number
        sound: set[str] = set()
        for index, (code, entry) in enumerate(zip(codes, block.data.data, strict=True)):
            header, transaction = _opened(entry)
            if header is None:
                if code == VALID:
                    yield Check.IDS, f"transaction {index} cannot be read and is valid"
                continue
            earlier = self.outcomes.get(header.tx_id)
            # As in Fabric, a forgery that is refused takes the id from nobody in its own block.
            used = header.tx_id in sound or (earlier is not None and earlier.block_number < number)
            if used and code == VALID:
                yield Check.IDS, f"{header.tx_id} is valid although its id was used before"
            if code in _SOUND:
                sound.add(header.tx_id)
            if header.tx_id and earlier is None:
                self.outcomes[header.tx_id] = Outcome(number, code)
            if code in _SOUND and header.type == ENDORSER_TRANSACTION and transaction is not None:
                yield from self._take(transaction, (number, index), code)
        self._expire(number)

    def _take(self, transaction: bytes, at: At, code: int) -> Iterator[tuple[Check, str]]:
        sets = list(_sets_of(transaction))
        stale = [problem for results in sets for problem in self._stale(results)]
        if code != VALID:
            if not stale and not any(map(_has_summary, sets)):
                yield Check.CONFLICTS, f"transaction {at[1]} is refused, and has read what is there"
            return
        for problem in stale:
            yield Check.READS, f"valid transaction {at[1]} {problem}"
        for results in sets:
            self._write(results, at)

    def _stale(self, results: NsReadWriteSet) -> Iterator[str]:
        namespace = results.namespace
        public = KVRWSet.FromString(results.rwset)
        for read in public.reads:
            yield from self._differs((namespace, read.key), _at(read))
        for query in public.range_queries_info:
            yield from self._phantom(namespace, query)
        for collection in results.collection_hashed_rwset:
            place = f"{namespace}$$h{collection.collection_name}"
            for hashed in HashedRWSet.FromString(collection.hashed_rwset).hashed_reads:
                yield from self._differs((place, hashed.key_hash), _at(hashed))

    def _differs(self, place: Place, seen: At | None) -> Iterator[str]:
        if self.versions.get(place) != seen or place in self.changed:
            yield f"read {place} at {seen}, which is at {self.versions.get(place)}"

    def _phantom(self, namespace: str, query: RangeQueryInfo) -> Iterator[str]:
        if query.WhichOneof("reads_info") != "raw_reads":
            return  # a summary of many keys, which this model does not work out
        seen = [(read.key, _at(read)) for read in query.raw_reads.kv_reads]
        end = query.end_key if query.itr_exhausted or not seen else seen[-1][0] + "\x00"
        found = sorted(
            ((key, at) for (space, key), at in self.versions.items() if space == namespace),
            key=lambda pair: str(pair[0]).encode(),
        )
        held = [
            (key, at)
            for key, at in found
            if isinstance(key, str) and query.start_key <= key and (not end or key < end)
        ]
        if seen != held:
            yield f"read a range of {namespace} that has changed"

    def _write(self, results: NsReadWriteSet, at: At) -> None:
        namespace = results.namespace
        public = KVRWSet.FromString(results.rwset)
        for write in public.writes:
            self._put((namespace, write.key), write.value, at, gone=write.is_delete)
        for metadata in public.metadata_writes:
            if (namespace, metadata.key) in self.versions:
                self.versions[namespace, metadata.key] = at
                self.changed.add((namespace, metadata.key))
        for collection in results.collection_hashed_rwset:
            place = f"{namespace}$$h{collection.collection_name}"
            for hashed in HashedRWSet.FromString(collection.hashed_rwset).hashed_writes:
                self._put((place, hashed.key_hash), hashed.value_hash, at, gone=hashed.is_delete)

    def _put(self, place: Place, value: bytes, at: At, *, gone: bool) -> None:
        self.changed.add(place)
        if gone or not value:
            self.versions.pop(place, None)
            self.values.pop(place, None)
        else:
            self.versions[place] = at
            self.values[place] = value

    def _expire(self, number: int) -> None:
        """Forget the private values whose time ends with a block, unless it writes them anew."""
        last = number - LIFE_BLOCKS - 1
        over = [
            place
            for place, at in self.versions.items()
            if place[0] in _PASSING and at[0] <= last and place not in self.changed
        ]
        for place in over:
            del self.versions[place], self.values[place]

    def secrets(self) -> Iterator[tuple[tuple[str, bytes], tuple[int, int, bytes]]]:
        """Yield collection and hash of the key of every private value, then as ``rows`` does."""
        for (namespace, key), row in self.rows():
            if namespace in _PASSING:
                yield (_PASSING[namespace], key), row

    def rows(self) -> Iterator[tuple[tuple[str, bytes], tuple[int, int, bytes]]]:
        """Yield what a state holds: namespace and key, then version and value."""
        for (namespace, key), value in self.values.items():
            name = key.encode() if isinstance(key, str) else key
            yield (namespace, name), (*self.versions[namespace, key], value)

    def money(self) -> int:
        """Return what all accounts of the small contract hold together."""
        return sum(
            int(value)
            for (namespace, key), value in self.values.items()
            if namespace == "bank" and str(key).startswith("account-")
        )

    def units(self) -> int:
        """Return what all holders of the token register hold together."""
        return sum(
            int(json.loads(value)["quantity"])
            for (namespace, key), value in self.values.items()
            if namespace == "token" and str(key).startswith(_POSITION)
        )


def _opened(entry: bytes) -> tuple[ChannelHeader | None, bytes | None]:
    """Return an entry's channel header and ``Transaction`` bytes, as far as it has them."""
    try:
        payload = Payload.FromString(Envelope.FromString(entry).payload)
        return ChannelHeader.FromString(payload.header.channel_header), payload.data
    except ValueError:
        return None, None


def _sets_of(transaction: bytes) -> Iterator[NsReadWriteSet]:
    for action in Transaction.FromString(transaction).actions:
        endorsed = ChaincodeActionPayload.FromString(action.payload).action
        payload = ProposalResponsePayload.FromString(endorsed.proposal_response_payload)
        yield from TxReadWriteSet.FromString(
            ChaincodeAction.FromString(payload.extension).results
        ).ns_rwset


def _has_summary(results: NsReadWriteSet) -> bool:
    """Return whether a range is known by hashes of what was read only."""
    queries = KVRWSet.FromString(results.rwset).range_queries_info
    return any(query.WhichOneof("reads_info") == "reads_merkle_hashes" for query in queries)


def _at(read: KVRead | KVReadHash) -> At | None:
    if not read.HasField("version"):
        return None
    return read.version.block_num, read.version.tx_num
