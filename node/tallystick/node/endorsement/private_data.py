"""Whether a transaction may write the private data collections that it wrote.

Source: wire.md §9.3 (refusals), §13 (collections).
"""

from collections.abc import Sequence

from tallystick.node.endorsement.interest import Collections
from tallystick.node.errors import LedgerError
from tallystick.node.ledger.simulator import TouchedNamespace
from tallystick.node.runtime.lifecycle_state import IMPLICIT_COLLECTION_PREFIX


class CollectionError(LedgerError):
    """A transaction used a private data collection in a way that could not be honoured.

    Attributes:
        chaincode: Whose collection it is.
        collection: Its name.
    """

    def __init__(self, chaincode: str, collection: str, problem: str) -> None:
        super().__init__(problem)
        self.chaincode = chaincode
        self.collection = collection


def check_collections(touched: Sequence[TouchedNamespace], collections: Collections) -> None:
    """Check that every explicit collection exists, and that its values can be kept safe.

    This peer hands private values to no other peer: members endorse, and so keep, their own copies.

    Raises:
        CollectionError: A collection is not defined, or asks for copies on other peers.
    """
    for one in touched:
        name, collection = one.namespace, one.collection
        if not collection or collection.startswith(IMPLICIT_COLLECTION_PREFIX):
            continue
        package = collections(name)
        entries = package.config if package is not None else ()
        configs = {entry.static_collection_config.name: entry for entry in entries}
        if collection not in configs:
            raise CollectionError(
                name,
                collection,
                f"collection [{collection}] not defined in the collection config for chaincode "
                f"[{name}]",
            )
        required = configs[collection].static_collection_config.required_peer_count
        if one.writes and required > 0:
            raise CollectionError(
                name,
                collection,
                f"collection [{collection}] of chaincode [{name}] requires copies on {required} "
                "other peers, but this peer hands out none: set its required_peer_count to 0",
            )
