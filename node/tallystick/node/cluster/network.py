"""The directory of a network: keys, first block, settings of its nodes, profiles of its users.

::

    topology.json                      what the network consists of
    genesis.block                      the first block of its first channel
    genesis-<channel>.block            that of every further channel
    crypto/<MSP id>/…                  keys and certificates
    peers/<node>.toml                  settings of each peer, and likewise ``orderers``
    profiles/<MSP id>.json             how the organisation's ``client`` connects
    profiles/<MSP id>-<user>.json      how any other user connects
    data/<node>/  logs/<node>.log  run/<node>.pid
    run/checked-packages               what its peers need not check again
"""

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tallystick.node.cluster.errors import (
    DirectoryOccupiedError,
    NetworkExistsError,
    NoNetworkError,
    TopologyError,
    UnknownMemberError,
)
from tallystick.node.cluster.material import (
    Founding,
    check_material,
    generate_material,
    genesis_block,
)
from tallystick.node.cluster.member_topology import CLIENT
from tallystick.node.cluster.node import Node, nodes_of
from tallystick.node.cluster.node_settings import CHECKED_PACKAGES, ETCD_AUTHORITIES, settings_text
from tallystick.node.cluster.topology import ChannelTopology, Topology
from tallystick.node.membership.signing_identity import SigningIdentity
from tallystick.protos.common.common_pb2 import Block
from tallystick.wire.hashing import sha256
from tallystick.wire.txid import NONCE_SIZE

DEFAULT_DIRECTORY = Path(".tallystick")


_TOPOLOGY: Final = "topology.json"
_DRAFT: Final = "topology.json.unfinished"
"""Name of the topology while the network is being made, or removed."""
_GENESIS: Final = "genesis.block"
_OPENED: Final = "opened"
_FOLDERS: Final = ("crypto", "data", "logs", _OPENED, "orderers", "peers", "profiles", "run")


@dataclass(frozen=True, slots=True)
class Network:
    """A network laid out on disk.

    Attributes:
        directory: Where.
        topology: What it consists of.
    """

    directory: Path
    topology: Topology

    @property
    def channel_id(self) -> str:
        """The first channel, which commands mean that name none."""
        return self.topology.channel.id

    @property
    def topology_file(self) -> Path:
        """The file that says what the network consists of."""
        return self.directory / _TOPOLOGY

    @property
    def genesis_block(self) -> Path:
        """The file of the first channel's first block."""
        return self.directory / _GENESIS

    def genesis_of(self, channel: ChannelTopology) -> Path:
        """Return the file of a channel's first block."""
        return self.directory / _genesis_name(self.topology, channel)

    @property
    def material(self) -> Path:
        """Where the organisations' keys are, by MSP id."""
        return self.directory / "crypto"

    @property
    def nodes(self) -> tuple[Node, ...]:
        """All nodes: etcd, orderers, peers."""
        return tuple(nodes_of(self.topology))

    def node(self, name: str) -> Node:
        """Return the node with this full name, or whose name is unique and begins so.

        Raises:
            UnknownMemberError: There is none, or more than one.
        """
        found = [node for node in self.nodes if node.name == name]
        found = found or [
            node
            for node in self.nodes
            if node.name.startswith(f"{name}.") or node.member.msp_id == name
        ]
        if len(found) != 1:
            raise UnknownMemberError(name, [node.name for node in self.nodes])
        return found[0]

    def peer_of(self, msp_id: str) -> Node:
        """Return the peer through which the users of an organisation connect.

        Raises:
            UnknownMemberError: There is no such organisation.
        """
        member = self.topology.gateway_of(msp_id)
        return Node("peer", member, member.peers[0], self.topology.host_of(member))

    def nodes_of(self, msp_id: str) -> tuple[Node, ...]:
        """Return the nodes that an organisation runs."""
        return tuple(node for node in self.nodes if node.member.msp_id == msp_id)

    def settings_file(self, node: Node) -> Path:
        """Return the file of a node's settings."""
        return self.directory / f"{node.kind}s" / f"{node.name}.toml"

    def settings_text(self, node: Node) -> str:
        """Return what a peer's or an orderer's settings say."""
        channels = self.topology.channels_of(node.member)
        genesis_blocks = [_genesis_name(self.topology, channel) for channel in channels]
        return settings_text(self.topology, node, genesis_blocks)

    def data_directory(self, node: Node) -> Path:
        """Return where a node keeps its ledger."""
        return self.directory / "data" / node.name

    def log_file(self, node: Node) -> Path:
        """Return the file of a node's log."""
        return self.directory / "logs" / f"{node.name}.log"

    def pid_file(self, node: Node) -> Path:
        """Return the file that a node's process holds locked while it lives."""
        return self.directory / "run" / f"{node.name}.pid"

    def opening_note(self, channel: ChannelTopology, chaincode: str) -> Path:
        """Return the file whose presence says that a chaincode's opening calls were submitted."""
        return self.directory / _OPENED / channel.id / chaincode

    @property
    def checked_packages(self) -> Path:
        """The file that tells the peers which packages need no check of theirs."""
        return self.directory / CHECKED_PACKAGES

    def node_material(self, node: Node) -> Path:
        """Return where a node's keys are. A member of etcd has those of its orderer."""
        if node.kind == "etcd":
            return self.material / node.member.msp_id / "orderers" / node.member.orderers[0].name
        return self.material / node.member.msp_id / f"{node.kind}s" / node.topology.name

    @property
    def etcd_authorities(self) -> Path:
        """The file of the authorities whose certificates members of etcd trust."""
        return self.directory / "crypto" / ETCD_AUTHORITIES

    def user_material(self, msp_id: str, user: str) -> Path:
        """Return where a user's keys are.

        Raises:
            UnknownMemberError: There is no such organisation or user.
        """
        users = [known.name for known in self.topology.organization(msp_id).users]
        if user not in users:
            raise UnknownMemberError(f"{user} of {msp_id}", users)
        return self.material / msp_id / "users" / user

    def user(self, msp_id: str, user: str) -> SigningIdentity:
        """Return a user's identity, with its key.

        Raises:
            UnknownMemberError: There is no such organisation or user.
            MaterialError: The keys are not where they were written.
        """
        return SigningIdentity.from_directory(self.user_material(msp_id, user) / "msp", msp_id)

    def tls_roots(self, msp_id: str) -> bytes:
        """Return the PEM certificates from which the TLS certificates of an organisation come."""
        directory = self.material / msp_id / "msp" / "tlscacerts"
        return b"".join(path.read_bytes() for path in sorted(directory.glob("*.pem")))

    def profile(self, msp_id: str, user: str = CLIENT) -> Path:
        """Return the file that tells how a user connects."""
        name = msp_id if user == CLIENT else f"{msp_id}-{user}"
        return self.directory / "profiles" / f"{name}.json"


def exists(directory: Path) -> bool:
    """Return whether there is a network in ``directory``."""
    return (directory / _TOPOLOGY).is_file()


def open_network(directory: Path) -> Network:
    """Return the network in ``directory``.

    Raises:
        NoNetworkError: There is none.
        TopologyError: It was made by another version and cannot be read.
    """
    path = directory / _TOPOLOGY
    if not exists(directory):
        raise NoNetworkError(directory)
    try:
        topology = Topology.model_validate_json(path.read_bytes())
    except ValueError as error:
        raise TopologyError(str(path), [str(error)]) from error
    return Network(directory.resolve(), topology)


def create_network(
    topology: Topology, directory: Path, founding: Founding, *, block: bytes = b""
) -> Network:
    """Lay out a new network in ``directory`` and return it; nothing is started.

    Where ``topology`` joins a channel, ``block`` is the channel's first one.

    What an earlier attempt left there, interrupted halfway, is made anew.

    Raises:
        NetworkExistsError: There is one already.
        DirectoryOccupiedError: Something else is where the network would be.
        ChannelConfigError: A channel of the topology is one that no node could run.
        MaterialError: A name in the topology is not fit for a certificate or a directory.
    """
    if exists(directory):
        raise NetworkExistsError(directory)
    check_material(topology)  # before there is anything that would have to be removed again
    network = Network(directory.resolve(), topology)
    draft = network.directory / _DRAFT
    if draft.exists():
        _remove_folders(network)
    _check_unoccupied(network)
    network.directory.mkdir(parents=True, exist_ok=True)
    # First, because its presence says whose the folders are: before it there were none.
    draft.write_text(topology.model_dump_json(indent=2), encoding="utf-8")
    for name in _FOLDERS:
        (network.directory / name).mkdir()
    generate_material(topology, network.material, now_ns=founding.now_ns)
    if topology.joins:
        network.genesis_block.write_bytes(block)
    else:
        for channel in topology.all_channels:
            write_genesis(network, channel, channel_genesis(network, channel, founding))
    _write_settings(network)
    # Last, because its presence under this name says that the network is complete.
    draft.rename(network.directory / _TOPOLOGY)
    return network


def _write_settings(network: Network) -> None:
    for node in network.nodes:
        if node.kind != "etcd":  # which is told all on its command line
            network.settings_file(node).write_text(network.settings_text(node), encoding="utf-8")
    orderers = network.topology.orderer_organizations
    if network.topology.etcd_organizations:
        roots = b"".join(network.tls_roots(member.msp_id) for member in orderers)
        network.etcd_authorities.write_bytes(roots)
    for member in network.topology.application_organizations:
        for user in member.users:
            content = json.dumps(_profile(network, member.msp_id, user.name), indent=2)
            network.profile(member.msp_id, user.name).write_text(f"{content}\n", encoding="utf-8")


def channel_genesis(network: Network, channel: ChannelTopology, founding: Founding) -> Block:
    """Return the first block of a channel, begun at this moment.

    Raises:
        ChannelConfigError: No node could run the channel.
        MaterialError: The material of a member is missing or cannot be read.
    """
    if channel.id != network.channel_id:  # a nonce is for one channel alone
        nonce = sha256(founding.nonce + channel.id.encode())[:NONCE_SIZE]
        founding = Founding(founding.now_ns, nonce)
    return genesis_block(network.topology.on_channel(channel), network.material, founding)


def write_genesis(network: Network, channel: ChannelTopology, block: Block) -> None:
    """Write the first block of a channel: all of it, or nothing."""
    path = network.genesis_of(channel)
    draft = path.with_suffix(".draft")
    draft.write_bytes(block.SerializeToString())
    draft.replace(path)


def remove_network(network: Network) -> None:
    """Delete everything that ``create_network`` and the nodes wrote, and nothing else."""
    (network.directory / _TOPOLOGY).rename(network.directory / _DRAFT)
    _remove_folders(network)
    (network.directory / _DRAFT).unlink()
    if not any(network.directory.iterdir()):
        network.directory.rmdir()


def _check_unoccupied(network: Network) -> None:
    for path in (*_genesis_files(network), *(network.directory / name for name in _FOLDERS)):
        if path.exists():
            raise DirectoryOccupiedError(path)


def _genesis_files(network: Network) -> list[Path]:
    return [network.genesis_of(channel) for channel in network.topology.all_channels]


def _genesis_name(topology: Topology, channel: ChannelTopology) -> str:
    return _GENESIS if channel.id == topology.channel.id else f"genesis-{channel.id}.block"


def _remove_folders(network: Network) -> None:
    for path in _genesis_files(network):
        path.unlink(missing_ok=True)
    for name in _FOLDERS:
        shutil.rmtree(network.directory / name, ignore_errors=True)


def _profile(network: Network, msp_id: str, user: str) -> Mapping[str, str]:
    """Return a client profile; paths in it are relative to the folder of profiles."""
    peer = network.peer_of(msp_id)
    member = network.topology.organization(msp_id)
    keys = f"../crypto/{msp_id}/users/{user}"
    profile = {
        "channel": network.topology.channels_of(member)[0].id,
        "msp_id": msp_id,
        "gateway": peer.address,
        "tls_ca": f"../crypto/{peer.member.msp_id}/peers/{peer.topology.name}/tls/ca.crt",
        "certificate": f"{keys}/msp/signcerts/{user}@{member.domain}-cert.pem",
        "key": f"{keys}/msp/keystore/priv_sk",
    }
    if network.topology.mutual_tls:
        profile["tls_certificate"] = f"{keys}/tls/client.crt"
        profile["tls_key"] = f"{keys}/tls/client.key"
    return profile
