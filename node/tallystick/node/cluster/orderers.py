"""Networks whose order several organisations keep together."""

from collections.abc import Sequence
from typing import Final

from tallystick.node.cluster.errors import TopologyError
from tallystick.node.cluster.member_topology import (
    EtcdTopology,
    NodeTopology,
    OrganizationTopology,
)
from tallystick.node.cluster.topology import Topology

MAX_ORDERERS: Final = 7
_PORTS_APART: Final = 1_000
_ETCD_PORTS: Final = (30, 31, 32)
"""Client, peer and operations port of a member of etcd, counted from its orderer's port."""


def with_orderers(topology: Topology, count: int) -> Topology:
    """Return the same network with ``count`` orderers, each of an organisation of its own.

    Beside each orderer runs a member of etcd. What the network's only orderer is called and where
    it listens says how the others are named and placed.

    Raises:
        TopologyError: There is not one orderer to begin with, or ``count`` is not between 1 and 7.
    """
    orderers = [node for member in topology.orderer_organizations for node in member.orderers]
    if len(orderers) != 1 or topology.etcd_organizations:
        raise TopologyError(
            "with --orderers",
            ["it must have one orderer: list all of them there instead"],
        )
    if not 1 <= count <= MAX_ORDERERS:
        raise TopologyError("with --orderers", [f"there can be 1 to {MAX_ORDERERS} orderers"])
    if count == 1:
        return topology
    (first,) = topology.orderer_organizations
    members: list[OrganizationTopology] = []
    for member in topology.organizations:
        members += _multiplied(member, count) if member == first else [member]
    document = topology.model_dump() | {"organizations": members}
    return Topology.model_validate(document)


def _multiplied(member: OrganizationTopology, count: int) -> Sequence[OrganizationTopology]:
    return [_numbered(member, index) for index in range(count)]


def _numbered(member: OrganizationTopology, index: int) -> OrganizationTopology:
    """Return the organisation that is like ``member``, which is number 0."""
    (orderer,) = member.orderers
    offset = index * _PORTS_APART
    client, peer, operations = (orderer.port + offset + distance for distance in _ETCD_PORTS)
    etcd = EtcdTopology(name="etcd0", port=client, peer_port=peer, operations_port=operations)
    update: dict[str, object] = {"etcd": (etcd,)}
    if index:
        stem = member.msp_id.removesuffix("MSP")
        label, _, rest = member.domain.partition(".")
        update |= {
            "msp_id": f"{stem}{index + 1}MSP",
            "domain": f"{label}{index + 1}.{rest}",
            "orderers": (_moved(orderer, offset),),
        }
    return member.model_copy(update=update)


def _moved(orderer: NodeTopology, offset: int) -> NodeTopology:
    admin_port = orderer.admin_port
    return orderer.model_copy(
        update={
            "port": orderer.port + offset,
            "operations_port": orderer.operations_port + offset,
            "admin_port": None if admin_port is None else admin_port + offset,
        }
    )
