"""Two organisations with a peer each, an orderer, and the channel on which they meet."""

import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from tallystick.node.channel.config import BatchParameters
from tallystick.node.channel.genesis import (
    ApplicationOrganization,
    ChannelProfile,
    Consenter,
    Endpoint,
    OrdererOrganization,
    build_genesis_block,
)
from tallystick.node.cluster.ports import free_ports
from tallystick.node.membership.directory import msp_config_from_directory
from tallystick.node.membership.identity import NodeRole
from tallystick.node.membership.material import (
    NodeSpec,
    OrganizationSpec,
    UserSpec,
    generate_organization,
)
from tallystick.node.membership.signing_identity import SigningIdentity
from tallystick.protos.common.common_pb2 import Block

CHANNEL: Final = "meeting"
ORDERER: Final = "OrdererMSP"
ONE: Final = "OneMSP"
TWO: Final = "TwoMSP"
HOST: Final = "localhost"
_PEERS: Final = (NodeSpec("peer0", (HOST, "127.0.0.1")), NodeSpec("peer1", (HOST, "127.0.0.1")))
_USERS: Final = (UserSpec("admin", NodeRole.ADMIN), UserSpec("client"))


@dataclass(frozen=True, slots=True)
class Ports:
    """Where nodes listen, and a chaincode that is a service.

    Attributes:
        peers: By organisation and name.
    """

    orderer: int
    orderer_admin: int
    chaincode: int
    peers: Mapping[tuple[str, str], int]


@dataclass(frozen=True, slots=True)
class Foundation:
    """Keys and certificates below a directory, and the first block of the channel."""

    directory: Path
    genesis: Block

    @property
    def genesis_file(self) -> Path:
        """The first block, as a file."""
        return self.directory / "genesis.block"

    def node(self, msp_id: str, name: str) -> Path:
        """Return the directory of a node's ``msp`` and ``tls``."""
        return self.directory / msp_id / ("orderers" if msp_id == ORDERER else "peers") / name

    def user(self, msp_id: str, name: str) -> Path:
        """Return the directory of a user's ``msp`` and ``tls``."""
        return self.directory / msp_id / "users" / name

    def tls_root(self, msp_id: str) -> Path:
        """Return the certificates of the authorities that an organisation's TLS trusts."""
        return self.user(msp_id, "admin") / "tls" / "ca.crt"

    def signer(self, msp_id: str, name: str) -> SigningIdentity:
        """Return the identity of a node or a user."""
        place = self.user(msp_id, name) if name in ("admin", "client") else self.node(msp_id, name)
        return SigningIdentity.from_directory(place / "msp", msp_id)


def new_ports() -> Ports:
    """Return ports that are free, for two peers of each organisation and all else."""
    peers = [(msp_id, spec.name) for msp_id in (ONE, TWO) for spec in _PEERS]
    free = free_ports(3 + len(peers), HOST)
    return Ports(next(free), next(free), next(free), dict(zip(peers, free, strict=True)))


def generate_keys(directory: Path, orderers: Sequence[str] = ("orderer0",)) -> None:
    """Make the keys and certificates of all organisations."""
    now = datetime.now(UTC)
    for msp_id in (ONE, TWO):
        domain = f"{msp_id.removesuffix('MSP').lower()}.example"
        spec = OrganizationSpec(msp_id, domain, peers=_PEERS, users=_USERS)
        generate_organization(spec, directory / msp_id, now=now)
    nodes = tuple(NodeSpec(name, (HOST, "127.0.0.1")) for name in orderers)
    spec = OrganizationSpec(ORDERER, "orderer.example", orderers=nodes, users=_USERS)
    generate_organization(spec, directory / ORDERER, now=now)


def found(directory: Path, ports: Ports) -> Foundation:
    """Make all keys, and the channel; its consenter is the orderer, so raft can run it as well."""
    generate_keys(directory)
    endpoint = Endpoint(HOST, ports.orderer)
    certificate = (
        directory / ORDERER / "orderers" / "orderer0" / "tls" / "server.crt"
    ).read_bytes()
    profile = ChannelProfile(
        channel_id=CHANNEL,
        application=tuple(
            ApplicationOrganization(
                msp_id,
                msp_config_from_directory(directory / msp_id / "msp", msp_id),
                (Endpoint(HOST, ports.peers[msp_id, "peer0"]),),
            )
            for msp_id in (ONE, TWO)
        ),
        orderers=(
            OrdererOrganization(
                ORDERER,
                msp_config_from_directory(directory / ORDERER / "msp", ORDERER),
                (endpoint,),
            ),
        ),
        consenters=(Consenter(endpoint, certificate, certificate),),
        batch=BatchParameters(max_message_count=10, timeout_s=0.2),
    )
    now_ns = time.time_ns()  # noqa: TID251 - real nodes have real clocks
    nonce = secrets.token_bytes(24)
    genesis = build_genesis_block(profile, nonce=nonce, timestamp_ns=now_ns)
    foundation = Foundation(directory, genesis)
    foundation.genesis_file.write_bytes(genesis.SerializeToString())
    return foundation
