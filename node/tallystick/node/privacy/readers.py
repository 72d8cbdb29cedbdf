"""Which private values a reader of blocks gets. Source: wire.md §6, BlockAndPrivateData."""

from collections.abc import Callable, Mapping

from tallystick.node.membership.identity import Identity
from tallystick.node.privacy.node import PrivateChannel
from tallystick.node.runtime.collections import collection_config, members_of
from tallystick.protos.ledger.rwset.rwset_pb2 import TxPvtReadWriteSet, TxReadWriteSet


class PrivateDataReaders:
    """Opens blocks' private values to members of their collections."""

    def __init__(self, channels: Callable[[str], PrivateChannel | None]) -> None:
        """Read the channels that ``channels`` finds by their ids."""
        self._channels = channels

    def readable(
        self, channel_id: str, number: int, reader: Identity
    ) -> Mapping[int, TxPvtReadWriteSet]:
        """Return what ``reader`` may know of a block, by the index of the transaction.

        What this peer lacks, and what has expired or was purged, is not there.
        """
        found: dict[int, TxPvtReadWriteSet] = {}
        channel = self._channels(channel_id)
        if channel is None:
            return found
        for set_id, rwset in channel.ledger.private_sets.of_block(number):
            if not _may_read(channel, reader, set_id.namespace, set_id.collection):
                continue
            results = found.setdefault(
                set_id.version.transaction_index,
                TxPvtReadWriteSet(data_model=TxReadWriteSet.KV),
            )
            namespaces = results.ns_pvt_rwset
            if not namespaces or namespaces[-1].namespace != set_id.namespace:
                namespaces.add(namespace=set_id.namespace)
            namespaces[-1].collection_pvt_rwset.add(collection_name=set_id.collection, rwset=rwset)
        return found


def _may_read(channel: PrivateChannel, reader: Identity, chaincode: str, collection: str) -> bool:
    config = collection_config(channel.definitions.collections, chaincode, collection)
    return config is not None and members_of(config).include(reader, channel.config.msps)
