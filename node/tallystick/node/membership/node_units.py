"""Node OUs: the organizational units that say which role a certificate gives its owner."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from tallystick.node.membership import certificates
from tallystick.node.membership.authorities import CertificateAuthorities
from tallystick.node.membership.identity import NodeRole, OrganizationalUnit
from tallystick.protos.msp.msp_config_pb2 import FabricMSPConfig, FabricNodeOUs, FabricOUIdentifier

_ANY_CERTIFIER: Final = b""


@dataclass(frozen=True, slots=True)
class NodeUnits:
    """The node OUs of one MSP.

    Attributes:
        enabled: Whether each identity must carry exactly one of them. If not, nobody has a role.
        units: The OU of each role that has one. Empty ``certifiers`` admit any CA of the MSP.
    """

    enabled: bool
    units: Mapping[NodeRole, OrganizationalUnit]

    @classmethod
    def from_config(
        cls, config: FabricMSPConfig, authorities: CertificateAuthorities
    ) -> "NodeUnits":
        """Return the node OUs that an MSP's definition lists.

        Raises:
            CertificateError: An OU is tied to a certificate that is not an issuing CA of the MSP.
        """
        listed = config.fabric_node_ous
        units = {
            role: OrganizationalUnit(
                unit.organizational_unit_identifier,
                authorities.certifiers_of(certificates.load_certificate(unit.certificate))
                if unit.certificate
                else _ANY_CERTIFIER,
            )
            for role, unit in _listed_units(listed)
        }
        return cls(enabled=listed.enable and bool(units), units=units)

    def can_be(self, role: NodeRole) -> bool:
        """Return whether some identity could have ``role`` by its OU."""
        return self.enabled and role in self.units

    def roles(self, units: Iterable[OrganizationalUnit]) -> frozenset[NodeRole]:
        """Return the roles that an identity's ``units`` name; who certified them is not checked."""
        if not self.enabled:
            return frozenset()
        names = {unit.name for unit in units}
        return frozenset(role for role, unit in self.units.items() if unit.name in names)

    def problem(self, units: Iterable[OrganizationalUnit]) -> str:
        """Return why an identity with these ``units`` is not valid; empty if it is.

        It must carry exactly one node OU, certified by the CA to which the MSP ties that OU.

        Source: wire.md §14.5.
        """
        pinned = {unit.name: unit.certifiers for unit in self.units.values()}
        carried = [unit for unit in units if unit.name in pinned]
        # Fabric stops at the second node OU, so a wrong certifier of a third goes unseen.
        for unit in carried[:2]:
            if pinned[unit.name] not in (_ANY_CERTIFIER, unit.certifiers):
                return f"its OU {unit.name!r} was not certified by the CA that the MSP ties it to"
        if len(carried) != 1:
            wanted = ", ".join(sorted(pinned))
            found = ", ".join(repr(unit.name) for unit in carried) or "none"
            return f"it must carry exactly one of the OUs {wanted}; it carries {found}"
        return ""


def _listed_units(listed: FabricNodeOUs) -> Iterable[tuple[NodeRole, FabricOUIdentifier]]:
    # Later rows win where two roles share an OU, as they do in Fabric.
    if listed.HasField("client_ou_identifier"):
        yield NodeRole.CLIENT, listed.client_ou_identifier
    if listed.HasField("peer_ou_identifier"):
        yield NodeRole.PEER, listed.peer_ou_identifier
    if listed.HasField("admin_ou_identifier"):
        yield NodeRole.ADMIN, listed.admin_ou_identifier
    if listed.HasField("orderer_ou_identifier"):
        yield NodeRole.ORDERER, listed.orderer_ou_identifier
