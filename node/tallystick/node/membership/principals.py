"""Whether an identity is one of those that a principal of a policy describes.

Source: wire.md §14.4.
"""

from typing import Final

from tallystick.node.membership.errors import IdentityError
from tallystick.node.membership.identity import Identity, NodeRole, OrganizationalUnit
from tallystick.node.membership.msp import Msp
from tallystick.protos.msp.identities_pb2 import SerializedIdentity
from tallystick.protos.msp.msp_principal_pb2 import (
    CombinedPrincipal,
    MSPIdentityAnonymity,
    MSPPrincipal,
    MSPRole,
    OrganizationUnit,
)
from tallystick.wire.errors import MalformedMessageError
from tallystick.wire.messages import decode

_ROLES: Final = {int(role): role for role in NodeRole}


def satisfies(  # noqa: PLR0911 - one return for each kind of principal
    msp: Msp, identity: Identity, principal: MSPPrincipal
) -> bool:
    """Return whether ``identity``, valid in ``msp``, is one that ``principal`` describes.

    A principal that cannot be read, or is of a kind that does not exist, describes nobody.
    """
    content = principal.principal
    try:
        match principal.principal_classification:
            case MSPPrincipal.ROLE:
                return _has_role(msp, identity, decode(MSPRole, content))
            case MSPPrincipal.ORGANIZATION_UNIT:
                return _belongs_to(identity, decode(OrganizationUnit, content))
            case MSPPrincipal.IDENTITY:
                return msp.deserialize(content).fingerprint == identity.fingerprint
            case MSPPrincipal.ANONYMITY:
                anonymity = decode(MSPIdentityAnonymity, content).anonymity_type
                return anonymity == MSPIdentityAnonymity.NOMINAL
            case MSPPrincipal.COMBINED:
                parts = decode(CombinedPrincipal, content).principals
                return bool(parts) and all(satisfies(msp, identity, part) for part in parts)
            case _:
                return False
    except (MalformedMessageError, IdentityError):
        return False


def organization_of(principal: MSPPrincipal) -> str:
    """Return the MSP id of the one organisation whose members can be described; "" for none.

    Raises:
        MalformedMessageError: It cannot be read.
    """
    match principal.principal_classification:
        case MSPPrincipal.ROLE:
            return decode(MSPRole, principal.principal).msp_identifier
        case MSPPrincipal.ORGANIZATION_UNIT:
            return decode(OrganizationUnit, principal.principal).msp_identifier
        case MSPPrincipal.IDENTITY:
            return decode(SerializedIdentity, principal.principal).mspid
        case _:
            return ""


def _has_role(msp: Msp, identity: Identity, wanted: MSPRole) -> bool:
    if wanted.msp_identifier != identity.msp_id:
        return False
    if wanted.role == MSPRole.MEMBER:
        return True
    role = _ROLES.get(wanted.role)
    return role is not None and msp.has_role(identity, role)


def _belongs_to(identity: Identity, wanted: OrganizationUnit) -> bool:
    if wanted.msp_identifier != identity.msp_id:
        return False
    unit = OrganizationalUnit(wanted.organizational_unit_identifier, wanted.certifiers_identifier)
    return unit in identity.organizational_units
