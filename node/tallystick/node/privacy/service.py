"""Answers other peers: keeps what they hand over, gives what they may know."""

from collections.abc import Callable

from tallystick.node.ledger.private_data import NotKeptError, private_sets
from tallystick.node.ledger.state import PrivateSetId
from tallystick.node.ledger.version import Version
from tallystick.node.membership.identity import Identity
from tallystick.node.privacy.node import PrivacyNode, PrivateChannel, PrivateDataRefusedError
from tallystick.node.privacy.requests import acknowledge, sender_of
from tallystick.node.runtime.collections import collection_config, members_of
from tallystick.protos.tallystick import private_data_pb2 as wire
from tallystick.wire.errors import MalformedMessageError
from tallystick.wire.messages import decode


class PrivateDataService:
    """What one peer serves as ``tallystick.PrivateData``."""

    def __init__(self, channels: Callable[[str], PrivateChannel | None], node: PrivacyNode) -> None:
        """Serve the channels that ``channels`` finds by their ids."""
        self._channels = channels
        self._node = node

    async def push(self, signed: wire.SignedRequest) -> wire.Acknowledgement:
        """Keep private results until their transaction commits.

        Raises:
            PrivateDataRefusedError: The request is not good, or this peer is no member of one of
                the collections; so for ``fetch``. Or they cannot be kept.
        """
        channel, _, request = self._accept(signed)
        transaction_id, results = request.push.transaction_id, request.push.private_results
        try:
            sets = list(private_sets(results))
        except MalformedMessageError as error:
            raise PrivateDataRefusedError(str(error)) from error
        for namespace, collection, _rwset in sets:
            if not self._node.belongs_to(channel, namespace, collection):
                raise PrivateDataRefusedError(
                    f"this peer is no member of collection {collection} of chaincode {namespace}"
                )
        ledger = channel.ledger
        try:
            await ledger.transient.keep(transaction_id, results, height=ledger.height)
        except NotKeptError as error:
            raise PrivateDataRefusedError(str(error)) from error
        return acknowledge(signed, self._node)

    async def fetch(self, signed: wire.SignedRequest) -> wire.PrivateSets:
        """Return those of the wanted sets that are here and that the sender may know."""
        channel, sender, request = self._accept(signed)
        answer = wire.PrivateSets()
        for wanted in request.fetch.sets:
            if not _may_know(channel, sender, wanted):
                continue
            version = Version(wanted.block_number, wanted.transaction_index)
            place = PrivateSetId(version, wanted.namespace, wanted.collection)
            held = channel.ledger.private_sets.get(place)
            if held is not None:
                answer.sets.add(id=wanted, private_set=held)
        return answer

    def _accept(self, signed: wire.SignedRequest) -> tuple[PrivateChannel, Identity, wire.Request]:
        try:
            request = decode(wire.Request, signed.request)
        except MalformedMessageError as error:
            raise PrivateDataRefusedError(str(error)) from error
        channel = self._channels(request.channel_id)
        if channel is None:
            raise PrivateDataRefusedError(f"channel '{request.channel_id}' not found")
        return channel, sender_of(signed, request, channel, self._node), request


def _may_know(channel: PrivateChannel, sender: Identity, wanted: wire.PrivateSetId) -> bool:
    config = collection_config(channel.definitions.collections, wanted.namespace, wanted.collection)
    return config is not None and members_of(config).include(sender, channel.config.msps)
