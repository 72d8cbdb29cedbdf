"""Every package of collections that definitions of chaincodes have had, as snapshots list them.

Fabric keeps such a list beside each ledger, under keys of its own. Here the blocks have it: each
definition is a transaction that wrote its sequence, and its collections if they changed. What
blocks that are not here defined lies in the store, put there by a snapshot or by pruning.
Source: hyperledger/fabric core/ledger/confighistory.
"""

from collections.abc import Iterator
from typing import Final

from tallystick.node.channel.lifecycle_names import LIFECYCLE_NAMESPACE
from tallystick.node.ledger import keyspace
from tallystick.node.ledger.key_value_store import KeyValueReader
from tallystick.node.ledger.ledger import Ledger
from tallystick.node.runtime.lifecycle_state import COLLECTIONS, DEFINITIONS, SEQUENCE, field_key
from tallystick.protos.peer.collection_pb2 import CollectionConfigPackage
from tallystick.protos.peer.lifecycle.db_pb2 import StateData
from tallystick.wire.messages import decode

_HIGHEST_NUMBER: Final = 2**64 - 1


def collection_history(ledger: Ledger, store: KeyValueReader) -> dict[bytes, bytes]:
    """Return ``CollectionConfigPackage`` bytes by Fabric's keys; newer ones sort first.

    It reads every block that has a definition.
    """
    prefix = keyspace.COLLECTION_HISTORY
    rows = store.range(prefix, keyspace.end_of_prefix(prefix))
    kept = {key[len(prefix) :]: package for key, package in rows}
    found: dict[bytes, bytes] = {}
    for chaincode in _defined(ledger):
        packages = list(_changes(ledger, field_key(DEFINITIONS, chaincode, COLLECTIONS)))
        for number, _ in _changes(ledger, field_key(DEFINITIONS, chaincode, SEQUENCE)):
            package = next((value for at, value in packages if at <= number), None)
            if package is None:
                package = _latest_kept(kept, chaincode)
            if package:
                found[fabric_key(chaincode, number)] = package
    return kept | found


def fabric_key(chaincode: str, number: int) -> bytes:
    """Return the key of what a definition in block ``number`` said."""
    inverted = (_HIGHEST_NUMBER - number).to_bytes(8, "big")
    return b"slscc\x00" + chaincode.encode() + b"~collection" + inverted


def _defined(ledger: Ledger) -> Iterator[str]:
    start = f"{DEFINITIONS}/fields/"
    for key, _ in ledger.state.range(LIFECYCLE_NAMESPACE, start, f"{DEFINITIONS}/fields0"):
        chaincode, _, field = key[len(start) :].partition("/")
        if field == SEQUENCE:
            yield chaincode


def _changes(ledger: Ledger, key: str) -> Iterator[tuple[int, bytes]]:
    """Yield the block and the content of each write of a field that is in a block here."""
    for change in ledger.history.modifications(LIFECYCLE_NAMESPACE, key):
        location = ledger.location(change.tx_id)
        assert location is not None, "history names transactions of blocks that are here"
        content = decode(StateData, change.value).Bytes
        is_empty = not decode(CollectionConfigPackage, content).config if content else True
        yield location.block_number, b"" if is_empty else content


def _latest_kept(kept: dict[bytes, bytes], chaincode: str) -> bytes | None:
    prefix = fabric_key(chaincode, _HIGHEST_NUMBER)[:-8]
    newest = min((key for key in kept if key[:-8] == prefix), default=None)
    return None if newest is None else kept[newest]
