"""Three organisations with members in every role, to sign what policies are evaluated over."""

from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from tallystick.node.membership.ca import CertificateAuthority, CertificateRequest
from tallystick.node.membership.msp import Msp
from tallystick.node.membership.registry import MspRegistry
from tallystick.node.membership.signing_identity import SigningIdentity
from tallystick.node.policies.evaluate import SignedData
from tallystick.protos.msp.msp_config_pb2 import FabricMSPConfig, FabricNodeOUs, FabricOUIdentifier

NOW = datetime(2026, 1, 1, tzinfo=UTC)
MSP_IDS = ("A", "B", "C")
ROLES = ("client", "peer", "admin", "orderer")


@dataclass(frozen=True)
class Signers:
    """Members by name: ``A.peer``, ``A.peer2``, ``B.admin`` and so on."""

    registry: MspRegistry
    members: dict[str, SigningIdentity]

    def signed(self, *names: str, message: bytes = b"message") -> list[SignedData]:
        """Return the signatures of these members, in this order."""
        return [
            SignedData(member.identity, message, member.sign(message))
            for member in map(self.members.__getitem__, names)
        ]

    def names_of(self, serialized: list[bytes]) -> list[str]:
        by_identity = {member.identity: name for name, member in self.members.items()}
        return [by_identity[one] for one in serialized]


@pytest.fixture(scope="session")
def signers() -> Signers:
    msps: list[Msp] = []
    members: dict[str, SigningIdentity] = {}
    for msp_id in MSP_IDS:
        authority = CertificateAuthority.create(f"ca.{msp_id}", msp_id, now=NOW)
        units = [FabricOUIdentifier(organizational_unit_identifier=role) for role in ROLES]
        client, peer, admin, orderer = units
        node_units = FabricNodeOUs(
            enable=True,
            client_ou_identifier=client,
            peer_ou_identifier=peer,
            admin_ou_identifier=admin,
            orderer_ou_identifier=orderer,
        )
        root = authority.to_pem().certificate_pem
        msps.append(
            Msp(FabricMSPConfig(name=msp_id, root_certs=[root], fabric_node_ous=node_units))
        )
        for role in ROLES:
            for name in (role, f"{role}2"):
                pair = authority.issue(CertificateRequest(name, (role,)), now=NOW)
                members[f"{msp_id}.{name}"] = SigningIdentity.from_pem(
                    msp_id, pair.certificate_pem, pair.key_pem
                )
    return Signers(MspRegistry(msps), members)
