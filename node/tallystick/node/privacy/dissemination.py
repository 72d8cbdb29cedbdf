"""Handing the private results of an endorsement to other members, before anybody sees it.

Source: wire.md §13, Collections; hyperledger/fabric gossip/privdata/distributor.go.
"""

import asyncio
import logging
import random
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from tallystick.node.ledger.private_data import private_sets
from tallystick.node.membership.errors import SigningFailedError
from tallystick.node.membership.identity import Identity
from tallystick.node.privacy.node import (
    MemberPeer,
    PrivacyNode,
    PrivateChannel,
    PrivateDataRefusedError,
)
from tallystick.node.privacy.requests import Recipient, acknowledging_peer, sign_request
from tallystick.node.runtime.collections import CollectionError, collection_config, members_of
from tallystick.protos.ledger.rwset.rwset_pb2 import TxPvtReadWriteSet
from tallystick.protos.peer.collection_pb2 import StaticCollectionConfig
from tallystick.protos.tallystick.private_data_pb2 import Push

_log = logging.getLogger(__name__)

MemberPeers = Callable[[PrivateChannel], Sequence[MemberPeer]]
"""Returns the other peers of a channel, of members and of others."""

PrivateSet = tuple[str, str, bytes]
"""Namespace, collection, and ``KVRWSet`` bytes."""


@dataclass(frozen=True, slots=True)
class _Plan:
    """To whom one private set goes."""

    private_set: PrivateSet
    config: StaticCollectionConfig
    peers: Sequence[MemberPeer]


class Dissemination:
    """Keeps the private results of what this peer endorses, here and at other members."""

    def __init__(
        self, node: PrivacyNode, peers: MemberPeers, rng: random.Random, *, timeout_s: float
    ) -> None:
        """Hand over to ``peers``, in an order drawn from ``rng``; each has ``timeout_s``."""
        self._node = node
        self._peers = peers
        self._rng = rng
        self._timeout_s = timeout_s

    async def keep(
        self, channel: PrivateChannel, transaction_id: str, private_results: bytes
    ) -> None:
        """Keep the results of a transaction until it commits; here too if this peer is a member.

        Raises:
            CollectionError: Fewer members than a collection requires keep a copy.
            NotKeptError: This peer is a member, and cannot keep its own.
        """
        sets = list(private_sets(private_results))
        plans = [self._plan(channel, transaction_id, each) for each in sets]
        own = [each for each in sets if self._node.belongs_to(channel, each[0], each[1])]
        if own:
            ledger = channel.ledger
            await ledger.transient.keep(transaction_id, _results(own), height=ledger.height)
        acknowledged = await self._hand_over(plans, channel, transaction_id)
        failed = [plan for plan in plans if not self._is_enough(plan, channel, acknowledged)]
        if failed:
            namespace, collection, _ = failed[0].private_set
            raise _failure(
                channel,
                transaction_id,
                failed[0].private_set,
                f"Failed disseminating {len(failed)} out of {len(plans)} private dissemination "
                f"plans: fewer than {failed[0].config.required_peer_count} members keep a copy of "
                f"collection {collection} of chaincode {namespace}",
            )

    def _plan(self, channel: PrivateChannel, transaction_id: str, private_set: PrivateSet) -> _Plan:
        namespace, collection, _ = private_set
        config = collection_config(channel.definitions.collections, namespace, collection)
        if config is None:
            raise CollectionError(
                namespace,
                collection,
                f"collection {channel.config.channel_id}/{namespace}/{collection} could not be "
                "found",
            )
        if not config.maximum_peer_count:
            return _Plan(private_set, config, ())
        members = members_of(config).msp_ids
        eligible = [peer for peer in self._peers(channel) if peer.msp_id in members]
        if len(eligible) < config.required_peer_count:
            raise _failure(
                channel,
                transaction_id,
                private_set,
                f"could not build private data dissemination plan for chaincode {namespace} and "
                f"collection {collection}: required to disseminate to at least "
                f"{config.required_peer_count} peers, but know of only {len(eligible)} eligible "
                "peers",
            )
        self._rng.shuffle(eligible)
        return _Plan(private_set, config, _spread(eligible)[: config.maximum_peer_count])

    async def _hand_over(
        self, plans: Sequence[_Plan], channel: PrivateChannel, transaction_id: str
    ) -> dict[MemberPeer, Identity]:
        """Return who acknowledged, by the peer that was asked. One request takes all of a peer."""
        shares: dict[MemberPeer, list[PrivateSet]] = {}
        for plan in plans:
            for peer in plan.peers:
                shares.setdefault(peer, []).append(plan.private_set)
        answers = await asyncio.gather(
            *(
                self._push(
                    peer,
                    Push(transaction_id=transaction_id, private_results=_results(share)),
                    channel,
                )
                for peer, share in shares.items()
            )
        )
        return {
            peer: identity
            for peer, identity in zip(shares, answers, strict=True)
            if identity is not None
        }

    async def _push(self, peer: MemberPeer, push: Push, channel: PrivateChannel) -> Identity | None:
        """Return who keeps a copy now; None if nobody of the peer's organisation says so."""
        recipient = Recipient(channel.config.channel_id, peer.msp_id)
        try:
            signed = sign_request(push, recipient, self._node)
            async with asyncio.timeout(self._timeout_s):
                answer = await peer.connection.push(signed)
            keeper = acknowledging_peer(answer, signed, channel, self._node)
        except SigningFailedError as error:
            _log.warning("%s of %s is handed nothing: %s", peer.address, peer.msp_id, error)
            return None
        except (PrivateDataRefusedError, TimeoutError) as error:
            _log.warning("%s of %s takes no private data: %s", peer.address, peer.msp_id, error)
            return None
        return keeper if keeper.msp_id == peer.msp_id else None

    def _is_enough(
        self, plan: _Plan, channel: PrivateChannel, acknowledged: Mapping[MemberPeer, Identity]
    ) -> bool:
        members, msps = members_of(plan.config), channel.config.msps
        keepers = [acknowledged[peer] for peer in plan.peers if peer in acknowledged]
        copies = sum(members.include(keeper, msps) for keeper in keepers)
        return copies >= plan.config.required_peer_count


def _spread(peers: Sequence[MemberPeer]) -> list[MemberPeer]:
    """Return the first peer of each organisation, then the second of each, and so on."""
    seen: Counter[str] = Counter()
    ranks: dict[MemberPeer, int] = {}
    for peer in peers:
        ranks[peer] = seen[peer.msp_id]
        seen[peer.msp_id] += 1
    return sorted(peers, key=ranks.__getitem__)


def _results(sets: Iterable[PrivateSet]) -> bytes:
    """Return private sets, sorted by namespace, as ``TxPvtReadWriteSet`` bytes."""
    results = TxPvtReadWriteSet()
    for namespace, collection, rwset in sets:
        if not results.ns_pvt_rwset or results.ns_pvt_rwset[-1].namespace != namespace:
            results.ns_pvt_rwset.add(namespace=namespace)
        results.ns_pvt_rwset[-1].collection_pvt_rwset.add(collection_name=collection, rwset=rwset)
    return results.SerializeToString()


def _failure(
    channel: PrivateChannel, transaction_id: str, private_set: PrivateSet, problem: str
) -> CollectionError:
    return CollectionError(
        private_set[0],
        private_set[1],
        f"failed to distribute private collection, txID {transaction_id}, channel "
        f"{channel.config.channel_id}: {problem}",
    )
