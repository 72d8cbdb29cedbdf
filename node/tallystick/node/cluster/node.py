"""The nodes of a network, each with the organisation that runs it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from tallystick.node.cluster.member_topology import NodeTopology, OrganizationTopology
from tallystick.node.cluster.topology import Topology

NodeKind = Literal["peer", "orderer", "etcd"]


@dataclass(frozen=True, slots=True)
class Node:
    """One peer, orderer or member of etcd of the network.

    Attributes:
        kind: What it is.
        member: The organisation that runs it.
        topology: Its place in the network.
        host: Under which it listens.
    """

    kind: NodeKind
    member: OrganizationTopology
    topology: NodeTopology
    host: str

    @property
    def name(self) -> str:
        """Its full host name, by which people and files know it."""
        return f"{self.topology.name}.{self.member.domain}"

    @property
    def address(self) -> str:
        """Where clients and other nodes reach it."""
        return f"{self.host}:{self.topology.port}"

    @property
    def operations_address(self) -> str:
        """Where ``/healthz`` answers; of etcd, ``/health``."""
        return f"{self.host}:{self.topology.operations_port}"

    @property
    def health_path(self) -> str:
        """What to ask there."""
        return "/health" if self.kind == "etcd" else "/healthz"


def nodes_of(topology: Topology) -> Iterator[Node]:
    """Yield all nodes, each kind before the one that asks for it as soon as it starts."""
    for member in topology.organizations:
        for etcd in member.etcd:
            yield Node("etcd", member, etcd, topology.host_of(member))
    for member in topology.organizations:
        for orderer in member.orderers:
            yield Node("orderer", member, orderer, topology.host_of(member))
    for member in topology.organizations:
        for peer in member.peers:
            yield Node("peer", member, peer, topology.host_of(member))
