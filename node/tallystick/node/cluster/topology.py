"""What a network consists of: ``topology.toml``, read and checked once."""

import tomllib
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, ValidationError, model_validator
from pydantic.functional_validators import AfterValidator

from tallystick.node.channel.config import BatchParameters
from tallystick.node.cluster.collections import Collection
from tallystick.node.cluster.errors import TopologyError, UnknownMemberError
from tallystick.node.cluster.member_topology import (
    ADMIN,
    EtcdTopology,
    NodeTopology,
    OrganizationTopology,
    Part,
)
from tallystick.node.cluster.opening import OpeningCall
from tallystick.node.model_errors import problems_in
from tallystick.node.policies.errors import PolicySyntaxError
from tallystick.node.policies.parser import parse_policy, parse_rule

DEFAULT_TOPOLOGY = "default.toml"


def _check_rule(text: str) -> str:
    try:
        parse_rule(text)
    except PolicySyntaxError as error:
        raise ValueError(str(error)) from error
    return text


def _check_endorsement(text: str) -> str:
    if text.startswith("/"):
        return text
    try:
        parse_policy(text)
    except PolicySyntaxError as error:
        raise ValueError(f"{error}; or the path of a channel policy, from /Channel on") from error
    return text


Rule = Annotated[str, AfterValidator(_check_rule)]
"""``ANY|ALL|MAJORITY <name>``, or gates over principals such as ``AND('A.peer', 'B.peer')``."""

Endorsement = Annotated[str, AfterValidator(_check_endorsement)]
"""Gates over principals, or the path of a policy such as ``/Channel/Application/Endorsement``."""


class BatchTopology(Part):
    """``[channel.batch]``: when the orderer closes a block. A quiet channel has no blocks."""

    timeout_s: float = Field(default=0.1, gt=0)
    max_message_count: int = Field(default=500, ge=1)
    preferred_max_bytes: int = Field(default=2 * 1024 * 1024, ge=1)
    absolute_max_bytes: int = Field(default=10 * 1024 * 1024, ge=1)

    @property
    def parameters(self) -> BatchParameters:
        """The same, as a channel's configuration has it."""
        return BatchParameters(
            max_message_count=self.max_message_count,
            absolute_max_bytes=self.absolute_max_bytes,
            preferred_max_bytes=self.preferred_max_bytes,
            timeout_s=self.timeout_s,
        )


class ChaincodeTopology(Part):
    """One of ``[[chaincodes]]``, or of ``[[channels.chaincodes]]``.

    Attributes:
        name: What clients call it.
        version: Free text.
        entry: ``module:Class``.
        source: Folder that holds the module; without it, the module must be importable.
        endorsement: Who must endorse its transactions; the channel's rule unless it says so.
        collections: Its private data collections, or the file with them; in the words of Fabric's
            tools either way.
        opening: What is submitted once it is deployed.
    """

    name: str
    version: str = "1.0"
    entry: str
    source: Path | None = None
    endorsement: Endorsement = "/Channel/Application/Endorsement"
    collections: Path | tuple[Collection, ...] | None = None
    opening: tuple[OpeningCall, ...] = ()

    def located(self, directory: Path) -> Self:
        """Return the same chaincode, with paths that are relative to ``directory`` resolved."""
        paths = {"source": self.source, "collections": self.collections}
        found = {name: directory / path for name, path in paths.items() if isinstance(path, Path)}
        return self.model_copy(update=found)


class ChannelTopology(Part):
    """``[channel]``, or one of ``[[channels]]``.

    Attributes:
        id: The channel's name.
        members: MSP ids of the organisations on it; all of the network unless it says so. Those
            that run orderers are on every channel.
        endorsement: Who must endorse a chaincode that has no rule of its own.
        lifecycle_endorsement: Who must agree before a chaincode's definition is committed.
        batch: When the orderer closes a block.
        chaincodes: What is deployed there; of ``[channel]``, beside the network's ``chaincodes``.
    """

    id: str
    members: tuple[str, ...] = ()
    endorsement: Rule = "MAJORITY Endorsement"
    lifecycle_endorsement: Rule = "MAJORITY Endorsement"
    batch: BatchTopology = BatchTopology()
    chaincodes: tuple[ChaincodeTopology, ...] = ()

    def has(self, member: OrganizationTopology) -> bool:
        """Return whether an organisation is on the channel."""
        return bool(member.orderers) or not self.members or member.msp_id in self.members


class Topology(Part):
    """Organisations, the channels that connect them, and the nodes that run on one machine.

    Attributes:
        host: Name or address under which all nodes listen and are reached.
        mutual_tls: Whether nodes ask their clients for certificates.
        store: Where nodes keep their state; with memory a stopped network cannot be continued.
        joins: Whether the channel exists already, ordered elsewhere: the nodes here join it.
        channel: The first channel; a network with several may list it first in ``channels``.
        channels: Further channels, each with members and chaincodes of its own.
        organizations: Members, with and without nodes.
        chaincodes: What is deployed on the first channel.
    """

    host: str = "localhost"
    mutual_tls: bool = False
    store: Literal["leveldb", "sqlite", "memory"] = "leveldb"
    joins: bool = False
    channel: ChannelTopology
    channels: tuple[ChannelTopology, ...] = ()
    organizations: tuple[OrganizationTopology, ...]
    chaincodes: tuple[ChaincodeTopology, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _take_first_channel(cls, data: object) -> object:
        match data:
            case {"channels": [first, *others], **rest} if "channel" not in rest:
                return {**rest, "channel": first, "channels": others}
        return data

    @model_validator(mode="after")
    def _check_members(self) -> Self:
        _check_unique("organisation", [member.msp_id for member in self.organizations])
        _check_unique("domain", [member.domain for member in self.organizations])
        _check_unique("channel", [channel.id for channel in self.all_channels])
        for channel in self.all_channels:
            self._check_channel(channel)
        nodes = [node for member in self.organizations for node in member.nodes]
        ports = [port for node in nodes for port in node.ports if port]
        _check_unique("port", list(map(str, ports)))
        self._check_orderers()
        if not self.peer_organizations or not (self.joins or self.orderer_organizations):
            raise ValueError("a network needs an organisation with peers and one with orderers")
        for member in self.organizations:
            if member.gateway and not self.organization(member.gateway).peers:
                raise ValueError(f"{member.msp_id}: its gateway {member.gateway} has no peers")
            if not any(channel.has(member) for channel in self.all_channels):
                raise ValueError(f"{member.msp_id} is on no channel: add it to the members of one")
        return self

    def _check_orderers(self) -> None:
        orderers = [node for member in self.organizations for node in member.orderers]
        if len(orderers) > 1 and not self.etcd_organizations:
            raise ValueError(
                "several orderers share their order through etcd: give their organisations members"
                " of it, such as etcd = [{ name = 'etcd0', port = 7080, operations_port = 7082,"
                " peer_port = 7081 }]"
            )
        for member in self.etcd_organizations:
            if not member.orderers:
                raise ValueError(f"{member.msp_id}: a member of etcd belongs beside an orderer")

    def _check_channel(self, channel: ChannelTopology) -> None:
        names = [chaincode.name for chaincode in self.chaincodes_of(channel)]
        _check_unique(f"chaincode of {channel.id}", names)
        known = [member.msp_id for member in self.application_organizations]
        opening = [call.by for each in self.chaincodes_of(channel) for call in each.opening]
        if unknown := sorted({*channel.members, *opening}.difference(known)):
            raise ValueError(f"{channel.id}: {', '.join(unknown)} cannot be among its members")
        if not any(channel.has(member) for member in self.peer_organizations):
            raise ValueError(f"{channel.id}: none of its members runs a peer")

    @property
    def all_channels(self) -> tuple[ChannelTopology, ...]:
        """All channels, the first one first."""
        return (self.channel, *self.channels)

    def find_channel(self, channel_id: str) -> ChannelTopology:
        """Return a channel; without a name, the first one.

        Raises:
            UnknownMemberError: There is none of this name.
        """
        channels = {channel.id: channel for channel in self.all_channels}
        if not channel_id:
            return self.channel
        if channel_id not in channels:
            raise UnknownMemberError(channel_id, list(channels))
        return channels[channel_id]

    def chaincodes_of(self, channel: ChannelTopology) -> tuple[ChaincodeTopology, ...]:
        """Return what is deployed on a channel."""
        own = self.chaincodes if channel.id == self.channel.id else ()
        return own + channel.chaincodes

    def channels_of(self, member: OrganizationTopology) -> tuple[ChannelTopology, ...]:
        """Return the channels that an organisation is on: at least one."""
        return tuple(channel for channel in self.all_channels if channel.has(member))

    def on_channel(self, channel: ChannelTopology) -> Self:
        """Return the part of the network that takes part in one channel, as its only one."""
        members = tuple(member for member in self.organizations if channel.has(member))
        return self.model_copy(
            update={
                "channel": channel,
                "channels": (),
                "organizations": members,
                "chaincodes": self.chaincodes_of(channel),
            }
        )

    @property
    def application_organizations(self) -> tuple[OrganizationTopology, ...]:
        """Those that run peers or use the channel."""
        return tuple(member for member in self.organizations if not member.orderers)

    @property
    def peer_organizations(self) -> tuple[OrganizationTopology, ...]:
        """Those that run peers."""
        return tuple(member for member in self.organizations if member.peers)

    @property
    def orderer_organizations(self) -> tuple[OrganizationTopology, ...]:
        """Those that run orderers."""
        return tuple(member for member in self.organizations if member.orderers)

    @property
    def etcd_organizations(self) -> tuple[OrganizationTopology, ...]:
        """Those that run members of etcd."""
        return tuple(member for member in self.organizations if member.etcd)

    @property
    def ports(self) -> tuple[int, ...]:
        """All ports that nodes listen on, in the order in which ``on_ports`` takes them."""
        nodes = (node for member in self.organizations for node in member.nodes)
        return tuple(port for node in nodes for port in node.ports)

    def on_ports(self, ports: Iterator[int]) -> Self:
        """Return the same network on other ports, taken from ``ports`` in turn."""

        def moved(node: NodeTopology) -> dict[str, int | None]:
            return {
                "port": next(ports),
                "operations_port": next(ports),
                "admin_port": None if node.admin_port is None else next(ports),
            }

        def all_moved(nodes: tuple[NodeTopology, ...]) -> tuple[NodeTopology, ...]:
            return tuple(node.model_copy(update=moved(node)) for node in nodes)

        def etcd_moved(nodes: tuple[EtcdTopology, ...]) -> tuple[EtcdTopology, ...]:
            return tuple(
                node.model_copy(update={**moved(node), "peer_port": next(ports)}) for node in nodes
            )

        members = tuple(
            member.model_copy(
                update={
                    "etcd": etcd_moved(member.etcd),
                    "orderers": all_moved(member.orderers),
                    "peers": all_moved(member.peers),
                }
            )
            for member in self.organizations
        )
        return self.model_copy(update={"organizations": members})

    def organization(self, msp_id: str) -> OrganizationTopology:
        """Return a member.

        Raises:
            UnknownMemberError: There is none of this name.
        """
        for member in self.organizations:
            if member.msp_id == msp_id:
                return member
        raise UnknownMemberError(msp_id, [member.msp_id for member in self.organizations])

    def host_of(self, member: OrganizationTopology) -> str:
        """Return where the nodes of a member are."""
        return member.host or self.host

    def gateway_of(self, msp_id: str) -> OrganizationTopology:
        """Return the organisation through whose peer the users of ``msp_id`` connect.

        Raises:
            UnknownMemberError: There is none of this name.
        """
        member = self.organization(msp_id)
        if member.gateway:
            return self.organization(member.gateway)
        first = self.channels_of(member)[0]
        with_peers = (other for other in self.peer_organizations if first.has(other))
        return member if member.peers else next(with_peers)


def default_topology() -> Topology:
    """Return the network of three licensed organisations and those who use it."""
    content = files("tallystick.node.cluster").joinpath(DEFAULT_TOPOLOGY).read_text("utf-8")
    return parse_topology(content, DEFAULT_TOPOLOGY)


def load_topology(path: Path) -> Topology:
    """Return the topology in a TOML file; paths of chaincodes are relative to the file.

    Raises:
        TopologyError: The file cannot be read, is not TOML, or a key is missing, unknown or wrong.
    """
    try:
        content = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise TopologyError(str(path), [str(error)]) from error
    topology = parse_topology(content, str(path))

    def located(chaincodes: tuple[ChaincodeTopology, ...]) -> tuple[ChaincodeTopology, ...]:
        return tuple(chaincode.located(path.parent) for chaincode in chaincodes)

    def placed(channel: ChannelTopology) -> ChannelTopology:
        return channel.model_copy(update={"chaincodes": located(channel.chaincodes)})

    return topology.model_copy(
        update={
            "channel": placed(topology.channel),
            "channels": tuple(map(placed, topology.channels)),
            "chaincodes": located(topology.chaincodes),
        }
    )


def parse_topology(content: str, origin: str) -> Topology:
    """Return the topology that the TOML text ``content`` describes.

    Raises:
        TopologyError: It describes none; ``origin`` tells people where it came from.
    """
    try:
        topology = Topology.model_validate(tomllib.loads(content))
        _check_administrators(topology)
    except ValidationError as error:
        raise TopologyError(origin, problems_in(error, "the network")) from error
    except (ValueError, RecursionError) as error:  # no TOML, or numbers and nesting without end
        raise TopologyError(origin, [str(error)]) from error
    return topology


def _check_administrators(topology: Topology) -> None:
    """Raise unless those that run peers have whoever lets them join and approves chaincodes.

    Of a network that was made this is not asked: its peers were joined somehow.
    """
    for member in topology.peer_organizations:
        if not any(user.name == ADMIN and user.role == "admin" for user in member.users):
            raise ValueError(
                f"{member.msp_id} runs peers, and nobody can let them join: add"
                f' {{ name = "{ADMIN}", role = "admin" }} to its users'
            )


def _check_unique(what: str, names: list[str]) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"each {what} must be listed once, but twice there is {', '.join(twice)}")
