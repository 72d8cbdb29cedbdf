"""The other orderers of a channel, for an orderer that shares the order with them."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Final

from tallystick.node.channel.config import ChannelConfig
from tallystick.node.channel.orderer_addresses import orderer_addresses, orderer_roots
from tallystick.node.deliver.newest import stated_heights
from tallystick.node.deliver.puller import BlockPuller, PullerEnvironment
from tallystick.node.deliver.requests import SeekRequests
from tallystick.node.ordering.etcd.fellows import UnreachableFellowError
from tallystick.node.transport.backoff import Backoff
from tallystick.node.transport.channels import ChannelPool
from tallystick.node.transport.credentials import ClientTls
from tallystick.node.transport.ports import OrdererUnreachableError
from tallystick.node.transport.remote import BROADCAST, OTHERS_TIMEOUT_S, RemoteOrderer
from tallystick.protos.common.common_pb2 import Block, BlockHeader
from tallystick.protos.orderer.ab_pb2 import BroadcastResponse
from tallystick.wire.signing import Signer

FORWARD: Final = "/tallystick.Ordering/Forward"
"""Takes envelopes as Broadcast does; only the leader does so, and a refusal ends nothing."""


@dataclass(frozen=True, slots=True)
class OrdererLinks:
    """How an orderer reaches others, on whatever channel.

    Attributes:
        own_address: Where they reach it.
        tls: What it shows and trusts; None connects in the clear, which only tests should.
        pool: Its connections.
        tasks: Live as long as these links.
        signer: Who asks for blocks.
        clock: Now, in nanoseconds since the epoch.
        random: Spreads attempts to reconnect.
    """

    own_address: str
    tls: ClientTls | None
    pool: ChannelPool
    tasks: asyncio.TaskGroup
    signer: Signer
    clock: Callable[[], int]
    random: Random


class FellowOrderers:
    """The other orderers that the configuration of one channel names."""

    def __init__(self, links: OrdererLinks, config: Callable[[], ChannelConfig]) -> None:
        """Use ``links`` to those that ``config``, asked again each time, names."""
        self._links = links
        self._config = config
        self._open: dict[tuple[str, str, bytes], RemoteOrderer] = {}

    async def forward(self, address: str, envelope: bytes) -> BroadcastResponse:
        """Return the answer of the orderer at ``address``, which is believed to lead.

        Raises:
            UnreachableFellowError: It does not answer, or is of none of the organisations that
                order the channel.
        """
        roots = orderer_roots(self._config(), address)
        try:
            return await self._orderer(address, roots, FORWARD).broadcast(envelope)
        except OrdererUnreachableError as error:
            raise UnreachableFellowError(str(error), reason=error.reason) from error

    async def reaches(self, address: str) -> bool:
        """Return whether there is a connection to the orderer at ``address``, to forward over."""
        roots = orderer_roots(self._config(), address)
        return await self._orderer(address, roots, FORWARD).connected()

    def let_go(self, address: str) -> None:
        """Wait no longer for answers of the orderer at ``address`` to what was forwarded."""
        for (method, place, _), orderer in self._open.items():
            if (method, place) == (FORWARD, address):
                orderer.close()

    async def heights(self) -> Mapping[str, int | None]:
        """Return how many blocks each of them says it has, by address; None if it says nothing."""
        links = self._links
        requests = SeekRequests(
            self._config().channel_id,
            links.signer,
            links.clock,
            b"" if links.tls is None else links.tls.certificate_hash,
        )
        return await stated_heights(self._others(), requests)

    def blocks(self, last: BlockHeader) -> AsyncGenerator[Block, None]:
        """Yield the blocks after ``last``, each verified, as soon as one of the orderers has it."""
        links = self._links
        puller = BlockPuller(
            self._others,
            signer=links.signer,
            config=self._config,
            environment=PullerEnvironment(
                clock=links.clock, backoff=Backoff(links.random), sleep=asyncio.sleep
            ),
            tls_certificate_hash=b"" if links.tls is None else links.tls.certificate_hash,
        )
        return puller.blocks(last)

    def close(self) -> None:
        """End the streams to the others."""
        for orderer in self._open.values():
            orderer.close()

    def _others(self) -> Sequence[RemoteOrderer]:
        return [
            self._orderer(address, roots, BROADCAST)
            for address, roots in orderer_addresses(self._config()).items()
            if address != self._links.own_address
        ]

    def _orderer(self, address: str, roots: bytes, method: str) -> RemoteOrderer:
        key = (method, address, roots)
        if key not in self._open:
            links = self._links
            tls = None if links.tls is None else links.tls.trusting(roots)
            self._open[key] = RemoteOrderer(
                links.pool.channel(address, tls),
                endpoint=address,
                tasks=links.tasks,
                connect_timeout_s=OTHERS_TIMEOUT_S,
                broadcast=method,
            )
        return self._open[key]
