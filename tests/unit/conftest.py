"""A channel with real certificates, for tests of what stands on signatures and policies."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tallystick.node.channel.config import BatchParameters, ChannelConfig
from tallystick.node.channel.genesis import (
    ApplicationOrganization,
    ChannelProfile,
    Endpoint,
    OrdererOrganization,
    build_genesis_block,
)
from tallystick.node.membership.directory import msp_config_from_directory
from tallystick.node.membership.identity import NodeRole
from tallystick.node.membership.material import (
    NodeSpec,
    OrganizationSpec,
    UserSpec,
    generate_organization,
)
from tallystick.node.membership.signing_identity import SigningIdentity
from tallystick.protos.common.common_pb2 import (
    DELIVER_SEEK_INFO,
    ENDORSER_TRANSACTION,
    Block,
    ChannelHeader,
)
from tallystick.protos.msp.msp_config_pb2 import MSPConfig
from tallystick.protos.orderer.ab_pb2 import (
    SeekInfo,
    SeekNewest,
    SeekNextCommit,
    SeekOldest,
    SeekPosition,
    SeekSpecified,
)
from tallystick.wire.envelope import build_payload, signed_envelope
from tallystick.wire.messages import timestamp_from_ns
from tallystick.wire.signing import Signer

NOW = datetime(2026, 8, 1, 12, tzinfo=UTC)
NOW_NS = int(NOW.timestamp()) * 1_000_000_000
CHANNEL_ID = "securities"

OLDEST = SeekPosition(oldest=SeekOldest())
NEWEST = SeekPosition(newest=SeekNewest())
NEXT_COMMIT = SeekPosition(next_commit=SeekNextCommit())


def at(number: int) -> SeekPosition:
    """Return the position of one block."""
    return SeekPosition(specified=SeekSpecified(number=number))


@dataclass(frozen=True, slots=True)
class ChannelMaterial:
    """A channel of one application and one orderer organisation, and the keys of both.

    Attributes:
        directory: What cryptogen would have written.
        client: May write and read.
        peer: May read.
        orderer: Signs blocks.
        administrator: Of the organisation that runs the orderer.
        stranger: From an organisation that is not on the channel.
    """

    directory: Path
    client: SigningIdentity
    peer: SigningIdentity
    orderer: SigningIdentity
    administrator: SigningIdentity
    stranger: SigningIdentity

    def genesis(
        self, batch: BatchParameters | None = None, orderer_ports: Sequence[int] = (7050,)
    ) -> Block:
        """Return the genesis block."""
        profile = ChannelProfile(
            channel_id=CHANNEL_ID,
            application=(ApplicationOrganization("ClearingMSP", self._msp("clearing")),),
            orderers=(
                OrdererOrganization(
                    "OrdererMSP",
                    self._msp("orderer"),
                    tuple(Endpoint("localhost", port) for port in orderer_ports),
                ),
            ),
            batch=batch or BatchParameters(),
        )
        return build_genesis_block(profile, nonce=bytes(24), timestamp_ns=NOW_NS)

    def config(
        self, batch: BatchParameters | None = None, orderer_ports: Sequence[int] = (7050,)
    ) -> ChannelConfig:
        """Return the configuration in the genesis block."""
        return ChannelConfig.from_block(self.genesis(batch, orderer_ports))

    def envelope(
        self,
        data: bytes = b"transaction",
        *,
        header_type: int = ENDORSER_TRANSACTION,
        channel_id: str = CHANNEL_ID,
        signer: Signer | None = None,
        transaction_id: str = "",
    ) -> bytes:
        """Return a signed envelope for broadcast."""
        creator = signer or self.client
        header = ChannelHeader(type=header_type, channel_id=channel_id, tx_id=transaction_id)
        payload = build_payload(header, data, creator=creator.identity, nonce=b"nonce")
        return signed_envelope(payload, creator).SerializeToString()

    def seek(
        self, seek: SeekInfo, header: ChannelHeader | None = None, signer: Signer | None = None
    ) -> bytes:
        """Return a signed deliver request."""
        creator = signer or self.peer
        channel_header = header or ChannelHeader(
            type=DELIVER_SEEK_INFO, channel_id=CHANNEL_ID, timestamp=timestamp_from_ns(NOW_NS)
        )
        payload = build_payload(channel_header, seek.SerializeToString(), creator=creator.identity)
        return signed_envelope(payload, creator).SerializeToString()

    def _msp(self, organization: str) -> MSPConfig:
        return msp_config_from_directory(
            self.directory / organization / "msp", f"{organization.capitalize()}MSP"
        )


@pytest.fixture(scope="session")
def channel_material(tmp_path_factory: pytest.TempPathFactory) -> ChannelMaterial:
    """Certificates and keys, made once: nothing in them changes."""
    directory = tmp_path_factory.mktemp("crypto")
    clearing = _organization("clearing", peers=[NodeSpec("peer0", ("localhost", "127.0.0.1"))])
    orderer = _organization("orderer", orderers=[NodeSpec("orderer0", ("localhost", "127.0.0.1"))])
    for spec in (clearing, orderer, _organization("stranger")):
        name = spec.domain.removesuffix(".example")
        generate_organization(spec, directory / name, now=NOW)

    def identity(organization: str, member: str) -> SigningIdentity:
        return SigningIdentity.from_directory(
            directory / organization / member / "msp", f"{organization.capitalize()}MSP"
        )

    return ChannelMaterial(
        directory=directory,
        client=identity("clearing", "users/User1"),
        peer=identity("clearing", "peers/peer0"),
        orderer=identity("orderer", "orderers/orderer0"),
        administrator=identity("orderer", "users/Admin"),
        stranger=identity("stranger", "users/User1"),
    )


def _organization(
    name: str, peers: Sequence[NodeSpec] = (), orderers: Sequence[NodeSpec] = ()
) -> OrganizationSpec:
    return OrganizationSpec(
        msp_id=f"{name.capitalize()}MSP",
        domain=f"{name}.example",
        peers=tuple(peers),
        orderers=tuple(orderers),
        users=(UserSpec("User1"), UserSpec("Admin", NodeRole.ADMIN)),
    )
