"""The other orderers of a channel, for an orderer that shares the order with them."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Final, NamedTuple

from tallystick.node.channel.config import ChannelConfig
from tallystick.node.channel.orderer_addresses import all_orderer_roots, orderer_addresses
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
LAST_ANSWERS_S: Final = 0.5
"""How long what is under way may be answered by an orderer that the channel names no more."""


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


class _Place(NamedTuple):
    """What a connection is opened to: an address, where somebody of ``roots`` must listen."""

    address: str
    roots: bytes


class FellowOrderers:
    """The other orderers that the configuration of one channel names.

    Envelopes are forwarded to the leader, at an address which the channel may not name, and which
    only etcd tells. Invariant: at most one such place has a connection, the last one forwarded to;
    all others are named by the configuration that was in force at the last call.
    """

    def __init__(self, links: OrdererLinks, config: Callable[[], ChannelConfig]) -> None:
        """Use ``links`` to those that ``config``, asked again each time, names."""
        self._links = links
        self._config = config
        self._open: dict[tuple[str, _Place], RemoteOrderer] = {}
        self._known: ChannelConfig | None = None
        self._named: Mapping[str, bytes] = {}
        self._unnamed: _Place | None = None

    async def forward(self, address: str, envelope: bytes) -> BroadcastResponse:
        """Return the answer of the orderer at ``address``, which is believed to lead.

        Raises:
            UnreachableFellowError: It does not answer, or is of none of the organisations that
                order the channel.
        """
        try:
            return await self._leader(address).broadcast(envelope)
        except OrdererUnreachableError as error:
            raise UnreachableFellowError(str(error), reason=error.reason) from error

    async def reaches(self, address: str) -> bool:
        """Return whether there is a connection to the orderer at ``address``, to forward over."""
        return await self._leader(address).connected()

    def let_go(self, address: str) -> None:
        """Wait no longer for answers of the orderer at ``address`` to what was forwarded."""
        for (method, place), orderer in self._open.items():
            if (method, place.address) == (FORWARD, address):
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
            self._orderer(_Place(address, roots), BROADCAST)
            for address, roots in self._addresses().items()
            if address != self._links.own_address
        ]

    def _leader(self, address: str) -> RemoteOrderer:
        roots = self._addresses().get(address)
        if roots is not None:
            return self._orderer(_Place(address, roots), FORWARD)
        if self._unnamed is None or self._unnamed.address != address:
            if self._unnamed is not None:
                self._forget(self._unnamed, after_s=0.0)
            self._unnamed = _Place(address, all_orderer_roots(self._config()))
        return self._orderer(self._unnamed, FORWARD)

    def _addresses(self) -> Mapping[str, bytes]:
        """Return the TLS roots by each address that the channel names; let go of all others."""
        config = self._config()
        if config is not self._known:
            self._known, self._named = config, orderer_addresses(config)
            self._forget_former(config)
        return self._named

    def _forget_former(self, config: ChannelConfig) -> None:
        """Let go of the places that ``config`` names no more, or names with other roots."""
        leader, self._unnamed = self._unnamed, None
        for place in {place for _, place in self._open}:
            named = self._named.get(place.address)
            if named == place.roots:
                continue
            if place == leader and named is None and all_orderer_roots(config) == place.roots:
                self._unnamed = leader
            else:
                # What changed the configuration may be forwarded there, and not be answered yet.
                self._forget(place, after_s=LAST_ANSWERS_S)

    def _forget(self, place: _Place, *, after_s: float) -> None:
        for method in (BROADCAST, FORWARD):
            if (former := self._open.pop((method, place), None)) is not None:
                asyncio.get_running_loop().call_later(after_s, former.close)
        self._links.pool.forget(place.address, self._tls(place))

    def _orderer(self, place: _Place, method: str) -> RemoteOrderer:
        key = (method, place)
        if key not in self._open:
            links = self._links
            self._open[key] = RemoteOrderer(
                links.pool.channel(place.address, self._tls(place)),
                endpoint=place.address,
                tasks=links.tasks,
                connect_timeout_s=OTHERS_TIMEOUT_S,
                broadcast=method,
            )
        return self._open[key]

    def _tls(self, place: _Place) -> ClientTls | None:
        tls = self._links.tls
        return None if tls is None else tls.trusting(place.roots)
