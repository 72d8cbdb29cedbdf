"""How a peer reaches the other nodes of its channels."""

import asyncio
import logging
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Protocol

import grpc

from tallystick.node.channel.config import ChannelConfig
from tallystick.node.channel.orderer_addresses import orderer_addresses
from tallystick.node.gateway.endorsers import EndorsingPeer, PeerDirectory
from tallystick.node.privacy.connections import RemotePrivateData
from tallystick.node.privacy.node import MemberPeer
from tallystick.node.settings import PeerSettings
from tallystick.node.transport.channels import ChannelPool
from tallystick.node.transport.credentials import ClientTls
from tallystick.node.transport.ports import OrdererConnection
from tallystick.node.transport.proposals import StreamingEndorser
from tallystick.node.transport.remote import CONNECT_TIMEOUT_S, OTHERS_TIMEOUT_S, RemoteOrderer

_log = logging.getLogger(__name__)


class NodeConnector(Protocol):
    """How a peer reaches the other nodes of a channel."""

    @property
    def tls_certificate_hash(self) -> bytes:
        """What requests to nodes that ask for client certificates must name; else empty."""

    def orderers(self, config: ChannelConfig) -> Sequence[OrdererConnection]:
        """Return a connection to each orderer of the channel, the same ones every time."""

    def peers(self, config: ChannelConfig) -> Sequence[EndorsingPeer]:
        """Return the channel's other peers, as far as this peer's gateway may ask them."""

    def member_peers(self, config: ChannelConfig) -> Sequence[MemberPeer]:
        """Return the same peers as those who may belong to private data collections."""


class KnownMembers:
    """Finds the peers for private data: none as long as a file about one cannot be read."""

    def __init__(self, connector: NodeConnector) -> None:
        self._connector = connector
        self._problems: dict[str, str] = {}  # by channel

    def of(self, config: ChannelConfig) -> Sequence[MemberPeer]:
        """Return the peers of a channel that may belong to private data collections."""
        try:
            members = self._connector.member_peers(config)
        except OSError as error:
            self._tell(config.channel_id, str(error))
            return ()
        if self._problems.pop(config.channel_id, None) is not None:
            _log.info("channel %s: other peers are asked again", config.channel_id)
        return members

    def _tell(self, channel_id: str, problem: str) -> None:
        if self._problems.get(channel_id) == problem:  # each private set asks
            return
        self._problems[channel_id] = problem
        _log.error(
            "channel %s: no other peer is handed or asked for private values: %s; make the"
            " root_certificates of [[gateway.peers]] readable: they are read again each time",
            channel_id,
            problem,
        )


class GatewayLinks:
    """Whom a gateway asks: the peers and orderers that the newest configuration names.

    Attributes:
        peers: All of them, its own among them.
        orderers: A connection to each; replaced in place.
    """

    def __init__(
        self, connector: NodeConnector, own: EndorsingPeer, local_height: Callable[[], int]
    ) -> None:
        """Know ``own`` alone to begin with; ``local_height`` tells how many blocks it has."""
        self.peers = PeerDirectory([own], local_msp_id=own.msp_id, local_height=local_height)
        self.orderers: list[OrdererConnection] = []
        self._connector = connector
        self._own = own

    def follow(self, config: ChannelConfig) -> None:
        """Ask those whom ``config`` names from now on.

        If a file about one of them cannot be read, go on with the former ones.
        """
        try:
            peers, orderers = self._connector.peers(config), self._connector.orderers(config)
        except OSError as error:
            _log.error(
                "channel %s: the gateway does not learn of new peers and orderers: %s; make the"
                " root_certificates of [[orderers]] and [[gateway.peers]] readable, and restart",
                config.channel_id,
                error,
            )
            return
        self.peers.replace([self._own, *peers])
        self.orderers[:] = orderers


class GrpcConnector:
    """Reaches the other nodes of a channel over gRPC, at the addresses that the channel names.

    Settings may name other orderers and peers. TLS trusts what the channel's configuration says of
    an organisation, beside the roots in the settings.
    """

    def __init__(self, settings: PeerSettings, pool: ChannelPool, tasks: asyncio.TaskGroup) -> None:
        self._settings = settings
        # Once: what is renewed on disk meanwhile counts from the next start on, all of it together.
        self._tls = None if settings.tls is None else ClientTls.load(settings.tls)
        self._pool = pool
        self._tasks = tasks
        self._orderers: dict[tuple[str, bytes, bool], RemoteOrderer] = {}
        self._endorsers: dict[grpc.aio.Channel, StreamingEndorser] = {}

    @property
    def tls_certificate_hash(self) -> bytes:
        """What signed requests must name where the other side asks for client certificates."""
        return b"" if self._tls is None else self._tls.certificate_hash

    def orderers(self, config: ChannelConfig) -> Sequence[RemoteOrderer]:
        """Return a connection to each orderer of the channel.

        It is the same one every time, until the channel names other TLS authorities: calls that
        are under way then end on the old connection, and all others use a new one.
        """
        configured = {
            orderer.address: _read_roots(orderer.root_certificates)
            for orderer in self._settings.orderers
        }
        addresses = configured or orderer_addresses(config)
        return [
            self._orderer(address, roots, is_only=len(addresses) == 1)
            for address, roots in addresses.items()
        ]

    def peers(self, config: ChannelConfig) -> Sequence[EndorsingPeer]:
        """Return the peers that the settings name, and the anchor peers of the channel."""
        return [
            EndorsingPeer(msp_id, address, self._endorser(channel))
            for msp_id, address, channel in self._others(config)
        ]

    def member_peers(self, config: ChannelConfig) -> Sequence[MemberPeer]:
        """Return the same peers as those who may belong to private data collections."""
        return [
            MemberPeer(msp_id, address, RemotePrivateData(channel))
            for msp_id, address, channel in self._others(config)
        ]

    def close(self) -> None:
        """End the streams to orderers and to other peers."""
        for orderer in self._orderers.values():
            orderer.close()
        for endorser in self._endorsers.values():
            endorser.close()

    def _others(self, config: ChannelConfig) -> Iterator[tuple[str, str, grpc.aio.Channel]]:
        """Yield organisation, address and connection of each other peer."""
        others = {
            address: (organization.msp_id, config.tls_root_certificates(organization.msp_id))
            for organization in config.application
            for address in organization.endpoints
        }
        for peer in self._settings.gateway.peers:
            roots = b"".join(
                (config.tls_root_certificates(peer.msp_id), _read_roots(peer.root_certificates))
            )
            others[peer.address] = (peer.msp_id, roots)
        own = {self._settings.advertised_address, self._settings.listen_address}
        for address, (msp_id, roots) in others.items():
            if address not in own:
                yield msp_id, address, self._channel(address, roots)

    def _orderer(self, address: str, roots: bytes, *, is_only: bool) -> RemoteOrderer:
        key = (address, roots, is_only)
        if key not in self._orderers:
            self._orderers[key] = RemoteOrderer(
                self._channel(address, roots),
                endpoint=address,
                tasks=self._tasks,
                connect_timeout_s=CONNECT_TIMEOUT_S if is_only else OTHERS_TIMEOUT_S,
            )
        return self._orderers[key]

    def _endorser(self, channel: grpc.aio.Channel) -> StreamingEndorser:
        if channel not in self._endorsers:
            self._endorsers[channel] = StreamingEndorser(channel, self._tasks)
        return self._endorsers[channel]

    def _channel(self, address: str, roots: bytes) -> grpc.aio.Channel:
        tls = None if self._tls is None else self._tls.trusting(roots)
        return self._pool.channel(address, tls)


def _read_roots(path: Path | None) -> bytes:
    try:
        return b"" if path is None else path.read_bytes()
    except OSError as error:  # of a disk that fails, it does not name the file
        raise OSError(error.errno, error.strerror, str(path)) from error
