"""Who takes part in a network, and with which nodes: the parts of a topology."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from tallystick.node.membership.identity import NodeRole

ADMIN = "admin"
CLIENT = "client"

Port = Annotated[int, Field(ge=0, le=65_535)]


class Part(BaseModel):
    """A table of a topology: a key that does not exist is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class NodeTopology(Part):
    """A peer or an orderer.

    Attributes:
        name: First label of its host name.
        port: Where clients and other nodes reach it.
        operations_port: Where ``/healthz`` answers.
        admin_port: Where an orderer's channels are joined and removed; nowhere unless it is given.
    """

    name: str = Field(min_length=1)
    port: Port
    operations_port: Port
    admin_port: Port | None = None

    @property
    def ports(self) -> tuple[int, ...]:
        """All ports that it listens on; 0 stands for one that is free."""
        listening = (self.port, self.operations_port, self.admin_port)
        return tuple(port for port in listening if port is not None)


class EtcdTopology(NodeTopology):
    """A member of the etcd cluster that orderers share: ``port`` is for them.

    Attributes:
        peer_port: Where the other members reach it.
    """

    peer_port: Port

    @property
    def ports(self) -> tuple[int, ...]:
        """All ports that it listens on; 0 stands for one that is free."""
        return (*super().ports, self.peer_port)


class UserTopology(Part):
    """A person or program with a certificate.

    Attributes:
        name: Unique in its organisation.
        role: What its certificate says it is.
        attributes: What the organisation's CA certifies for chaincode to read.
    """

    name: str = Field(min_length=1)
    role: Literal["client", "admin"] = "client"
    attributes: dict[str, str] = Field(default_factory=dict)

    @property
    def node_role(self) -> NodeRole:
        """The role as certificates state it."""
        return NodeRole.ADMIN if self.role == "admin" else NodeRole.CLIENT


class OrganizationTopology(Part):
    """A member of the network.

    Attributes:
        msp_id: Name of its MSP.
        domain: Its DNS domain.
        host: Under which its nodes listen and are reached; that of the network unless given.
        peers: Its peers. One without peers uses the gateway of another.
        orderers: Its orderers. An organisation has either peers and users, or orderers.
        etcd: Its members of the etcd cluster, which several orderers need. They show the TLS
            certificate of its first orderer.
        users: Those who call chaincode or administer it.
        gateway: MSP id of the organisation through whose first peer its users connect; its own, or
            the first of the channel, unless it says so.
    """

    msp_id: str
    domain: str
    host: str = ""
    peers: tuple[NodeTopology, ...] = ()
    orderers: tuple[NodeTopology, ...] = ()
    etcd: tuple[EtcdTopology, ...] = ()
    users: tuple[UserTopology, ...] = (UserTopology(name=ADMIN, role="admin"),)
    gateway: str = ""

    @property
    def nodes(self) -> tuple[NodeTopology, ...]:
        """Everything of it that listens."""
        return (*self.etcd, *self.orderers, *self.peers)
