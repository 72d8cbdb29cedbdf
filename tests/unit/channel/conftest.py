"""A consortium: three organisations with peers, one without, and one with an orderer."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tallystick.node.channel.genesis import (
    ApplicationOrganization,
    ChannelProfile,
    Endpoint,
    OrdererOrganization,
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
from tallystick.node.policies.evaluate import SignedData
from tallystick.protos.msp.msp_config_pb2 import MSPConfig

NOW = datetime(2026, 1, 1, tzinfo=UTC)
WITH_PEERS = ("AtsMSP", "ClearingMSP", "TransferMSP")
APPLICATION = (*WITH_PEERS, "BrokerMSP")
ORDERER = "OrdererMSP"


@dataclass(frozen=True)
class Consortium:
    """The organisations' files."""

    directory: Path

    def msp(self, msp_id: str) -> MSPConfig:
        return msp_config_from_directory(self.directory / msp_id / "msp", msp_id)

    def signed(self, *members: str) -> list[SignedData]:
        """Return signatures of members given as ``AtsMSP/peers/peer0``."""
        signed = []
        for member in members:
            msp_id, place = member.split("/", 1)
            signer = SigningIdentity.from_directory(self.directory / msp_id / place / "msp", msp_id)
            signed.append(SignedData(signer.identity, b"message", signer.sign(b"message")))
        return signed

    @property
    def application(self) -> tuple[ApplicationOrganization, ...]:
        return tuple(
            ApplicationOrganization(
                msp_id,
                self.msp(msp_id),
                (Endpoint(f"peer0.{msp_id}", 7051),) if msp_id in WITH_PEERS else (),
            )
            for msp_id in APPLICATION
        )

    @property
    def orderer(self) -> OrdererOrganization:
        return OrdererOrganization(ORDERER, self.msp(ORDERER), (Endpoint("orderer0", 7050),))

    @property
    def profile(self) -> ChannelProfile:
        return ChannelProfile(
            channel_id="securities", application=self.application, orderers=(self.orderer,)
        )


@pytest.fixture(scope="session")
def consortium(tmp_path_factory: pytest.TempPathFactory) -> Consortium:
    directory = tmp_path_factory.mktemp("consortium")
    users = (UserSpec("Admin", NodeRole.ADMIN), UserSpec("User"))
    for msp_id in (*APPLICATION, ORDERER):
        spec = OrganizationSpec(
            msp_id,
            f"{msp_id.lower()}.example",
            peers=(NodeSpec("peer0"),) if msp_id in WITH_PEERS else (),
            orderers=(NodeSpec("orderer0"),) if msp_id == ORDERER else (),
            users=users,
        )
        generate_organization(spec, directory / msp_id, now=NOW)
    return Consortium(directory)
