"""Fetching from other members what this peer missed, and committing it. Source: wire.md §13."""

import asyncio
import logging
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final, Protocol

from tallystick.node.channel.lifecycle_names import LIFECYCLE_NAMESPACE
from tallystick.node.ledger.state import PrivateSetId
from tallystick.node.ledger.version import Version
from tallystick.node.membership.errors import SigningFailedError
from tallystick.node.privacy.dissemination import MemberPeers
from tallystick.node.privacy.node import (
    MemberPeer,
    PrivacyNode,
    PrivateChannel,
    PrivateDataRefusedError,
)
from tallystick.node.privacy.requests import Recipient, sign_request
from tallystick.node.runtime.collections import collection_config, members_of
from tallystick.protos.tallystick import private_data_pb2 as wire
from tallystick.wire.errors import MalformedMessageError

_log = logging.getLogger(__name__)

BATCH: Final = 10
"""How many private sets are asked for at once."""

RETRY_DELAYS_S: Final = (0.1, 0.3, 1.0)
"""What nobody had of a new block is asked for after each of these again."""

MAX_COUNTED: Final = 100_000
"""Up to how many missing private sets of one collection are counted."""


class HeightSignal(Protocol):
    """Tells of blocks that were committed."""

    @property
    def height(self) -> int:
        """How many there are."""

    async def wait_for(self, height: int) -> None:
        """Return once there are ``height``."""


@dataclass(frozen=True, slots=True)
class ReconciliationPace:
    """How often, and how long.

    Attributes:
        interval_s: Between two attempts to fetch everything that is missing.
        timeout_s: How long one peer may take for one answer.
    """

    interval_s: float
    timeout_s: float


class Reconciler:
    """Completes the private values of one channel."""

    def __init__(
        self,
        channel: PrivateChannel,
        node: PrivacyNode,
        peers: MemberPeers,
        rng: random.Random,
        pace: ReconciliationPace,
    ) -> None:
        """Ask ``peers`` on behalf of ``node``, in an order drawn from ``rng``."""
        self._channel = channel
        self._node = node
        self._peers = peers
        self._rng = rng
        self._pace = pace

    async def run(self, signal: HeightSignal) -> None:
        """Fetch what is missing: of each new block at once, and of all blocks now and then."""
        while True:
            height = signal.height
            await self.reconcile()
            self.report_missing()
            try:
                async with asyncio.timeout(self._pace.interval_s):
                    await self._follow(signal, height)
            except TimeoutError:
                continue

    async def _follow(self, signal: HeightSignal, height: int) -> None:
        """Fetch what is missing of each new block; again soon, for others may commit it later."""
        while True:
            await signal.wait_for(height + 1)
            first, height = height, signal.height
            await self.reconcile(first)
            for delay_s in RETRY_DELAYS_S:
                if not self._lacks(first):
                    break
                await asyncio.sleep(delay_s)
                await self.reconcile(first)

    def _lacks(self, first_block: int) -> bool:
        channel = self._channel
        return any(
            any(True for _ in channel.ledger.private_sets.missing(*place, first_block))
            for place in channel.ledger.private_sets.missing_places()
            if self._node.belongs_to(channel, *place)
        )

    async def reconcile(self, first_block: int = 0) -> int:
        """Fetch what this peer, as a member, lacks of blocks from ``first_block`` on.

        Returns:
            How many private sets came.
        """
        channel, came = self._channel, 0
        for namespace, collection in list(channel.ledger.private_sets.missing_places()):
            if not self._node.belongs_to(channel, namespace, collection):
                continue
            missing = channel.ledger.private_sets.missing(namespace, collection, first_block)
            peers = self._members(namespace, collection)
            while batch := list(islice(missing, BATCH)):
                came += await self._fetch(batch, peers)
        if came:
            _log.info("channel %s: fetched %d private sets", channel.config.channel_id, came)
        return came

    def report_missing(self) -> dict[tuple[str, str], int]:
        """Log which private sets this peer still lacks of collections that it is a member of.

        Returns:
            How many, by chaincode and collection; `MAX_COUNTED` stands for that many or more.
        """
        channel, counts = self._channel, dict[tuple[str, str], int]()
        for place in channel.ledger.private_sets.missing_places():
            if self._node.belongs_to(channel, *place):
                missing = channel.ledger.private_sets.missing(*place)
                counts[place] = sum(1 for _ in islice(missing, MAX_COUNTED))
        for (namespace, collection), count in counts.items():
            _log.warning(
                "channel %s: %d private sets of collection %s of chaincode %s are missing here, and"
                " no member that answers has them; they are asked for again in %g s",
                channel.config.channel_id,
                count,
                collection,
                namespace,
                self._pace.interval_s,
            )
        return counts

    def _members(self, namespace: str, collection: str) -> Sequence[MemberPeer]:
        packages = self._channel.definitions.collections
        config = collection_config(packages, namespace, collection)
        msp_ids = frozenset[str]() if config is None else members_of(config).msp_ids
        peers = [peer for peer in self._peers(self._channel) if peer.msp_id in msp_ids]
        self._rng.shuffle(peers)
        return peers

    async def _fetch(self, wanted: Iterable[PrivateSetId], peers: Sequence[MemberPeer]) -> int:
        """Ask one peer after another until nothing is wanted any more; return how much came."""
        rest = set(wanted)
        count = len(rest)
        for peer in peers:
            if not rest:
                break
            for set_id, rwset in await self._ask(peer, rest):
                if set_id in rest and self._commit(set_id, rwset, peer):
                    rest.remove(set_id)
        return count - len(rest)

    async def _ask(
        self, peer: MemberPeer, wanted: Iterable[PrivateSetId]
    ) -> list[tuple[PrivateSetId, bytes]]:
        recipient = Recipient(self._channel.config.channel_id, peer.msp_id)
        try:
            request = sign_request(wire.Fetch(sets=map(_to_wire, wanted)), recipient, self._node)
            async with asyncio.timeout(self._pace.timeout_s):
                answer = await peer.connection.fetch(request)
        except SigningFailedError as error:
            _log.warning("%s of %s is asked for nothing: %s", peer.address, peer.msp_id, error)
            return []
        except (PrivateDataRefusedError, TimeoutError) as error:
            _log.info("%s of %s gives no private data: %s", peer.address, peer.msp_id, error)
            return []
        return [(_from_wire(each.id), each.private_set) for each in answer.sets]

    def _commit(self, set_id: PrivateSetId, rwset: bytes, peer: MemberPeer) -> bool:
        channel = self._channel
        try:
            is_good = channel.ledger.commit_missing(set_id, rwset)
        except MalformedMessageError:
            is_good = False
        if not is_good:
            _log.warning("%s of %s gave %s another content", peer.address, peer.msp_id, set_id)
        elif set_id.namespace == LIFECYCLE_NAMESPACE:
            channel.definitions.refresh()  # what this organisation approved may be known only now
        return is_good


def _to_wire(set_id: PrivateSetId) -> wire.PrivateSetId:
    return wire.PrivateSetId(
        block_number=set_id.version.block_number,
        transaction_index=set_id.version.transaction_index,
        namespace=set_id.namespace,
        collection=set_id.collection,
    )


def _from_wire(named: wire.PrivateSetId) -> PrivateSetId:
    version = Version(named.block_number, named.transaction_index)
    return PrivateSetId(version, named.namespace, named.collection)
