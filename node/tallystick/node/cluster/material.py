"""What a network is founded on: everybody's keys and the first block of its channel."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from tallystick.node.channel.genesis import (
    ApplicationOrganization,
    ChannelProfile,
    Consenter,
    Endpoint,
    OrdererOrganization,
    build_genesis_block,
)
from tallystick.node.cluster.member_topology import OrganizationTopology
from tallystick.node.cluster.topology import Topology
from tallystick.node.membership.ca import SYSTEM_KEYS, KeySource
from tallystick.node.membership.directory import msp_config_from_directory
from tallystick.node.membership.material import (
    NodeSpec,
    OrganizationSpec,
    UserSpec,
    check_names,
    generate_organization,
)
from tallystick.protos.common.common_pb2 import Block

_NANOSECONDS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Founding:
    """The moment at which a network is made.

    Attributes:
        now_ns: In nanoseconds since the epoch, UTC.
        nonce: 24 random bytes, drawn for this channel alone.
    """

    now_ns: int
    nonce: bytes


def generate_material(
    topology: Topology, directory: Path, *, now_ns: int, keys: KeySource = SYSTEM_KEYS
) -> None:
    """Write the keys and certificates of every organisation to ``directory``/<MSP id>.

    Raises:
        MaterialError: There are some already; or a name is not fit for a certificate or for a
            directory, and nothing is written.
    """
    check_material(topology)
    now = datetime.fromtimestamp(now_ns / _NANOSECONDS, UTC)
    for spec in _organization_specs(topology):
        generate_organization(spec, directory / spec.msp_id, now=now, keys=keys)


def check_material(topology: Topology) -> None:
    """Return if everybody in a topology can be certified; nothing is written.

    Raises:
        MaterialError: A name is not fit for a certificate or for a directory.
    """
    for spec in _organization_specs(topology):
        check_names(spec)


def genesis_block(topology: Topology, material: Path, founding: Founding) -> Block:
    """Return the first block of the first channel, with the MSPs found in ``material``.

    For another channel, give the part of the network that takes part in it: `on_channel`.

    Raises:
        ChannelConfigError: The topology asks for a channel that no node could run.
        MaterialError: The material of an organisation is missing or cannot be read.
    """
    topology = topology.on_channel(topology.channel)
    channel = topology.channel
    profile = ChannelProfile(
        channel_id=channel.id,
        application=tuple(
            ApplicationOrganization(
                member.msp_id,
                msp_config_from_directory(material / member.msp_id / "msp", member.msp_id),
                tuple(Endpoint(topology.host_of(member), peer.port) for peer in member.peers),
            )
            for member in topology.application_organizations
        ),
        orderers=tuple(
            OrdererOrganization(
                member.msp_id,
                msp_config_from_directory(material / member.msp_id / "msp", member.msp_id),
                tuple(
                    Endpoint(topology.host_of(member), orderer.port) for orderer in member.orderers
                ),
            )
            for member in topology.orderer_organizations
        ),
        consenters=_consenters(topology, material),
        batch=channel.batch.parameters,
        policies=_policies(topology),
    )
    return build_genesis_block(profile, nonce=founding.nonce, timestamp_ns=founding.now_ns)


def _policies(topology: Topology) -> Mapping[str, str]:
    return {
        "/Channel/Application/Endorsement": topology.channel.endorsement,
        "/Channel/Application/LifecycleEndorsement": topology.channel.lifecycle_endorsement,
    }


def _consenters(topology: Topology, material: Path) -> tuple[Consenter, ...]:
    found = []
    for member in topology.orderer_organizations:
        for orderer in member.orderers:
            tls = material / member.msp_id / "orderers" / orderer.name / "tls"
            certificate = (tls / "server.crt").read_bytes()
            endpoint = Endpoint(topology.host_of(member), orderer.port)
            found.append(Consenter(endpoint, certificate, certificate))
    return tuple(found)


def _organization_specs(topology: Topology) -> list[OrganizationSpec]:
    return [
        _organization_spec(member, topology.host_of(member)) for member in topology.organizations
    ]


def _organization_spec(member: OrganizationTopology, host: str) -> OrganizationSpec:
    hosts = tuple(dict.fromkeys((host, "localhost", "127.0.0.1")))
    return OrganizationSpec(
        msp_id=member.msp_id,
        domain=member.domain,
        peers=tuple(NodeSpec(peer.name, hosts) for peer in member.peers),
        orderers=tuple(NodeSpec(orderer.name, hosts) for orderer in member.orderers),
        users=tuple(UserSpec(user.name, user.node_role, user.attributes) for user in member.users),
    )
