"""Who satisfies which principal of a policy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tallystick.node.membership.registry import MspRegistry
from tallystick.protos.msp.msp_principal_pb2 import (
    CombinedPrincipal,
    MSPIdentityAnonymity,
    MSPPrincipal,
    MSPRole,
    OrganizationUnit,
)

if TYPE_CHECKING:
    from tests.unit.membership.conftest import Party

MEMBER, ADMIN, CLIENT = MSPRole.MEMBER, MSPRole.ADMIN, MSPRole.CLIENT
PEER, ORDERER = MSPRole.PEER, MSPRole.ORDERER


def role(role: MSPRole.MSPRoleType.ValueType, msp_id: str = "ClearingMSP") -> MSPPrincipal:
    content = MSPRole(msp_identifier=msp_id, role=role).SerializeToString()
    return MSPPrincipal(principal_classification=MSPPrincipal.ROLE, principal=content)


def combined(*parts: MSPPrincipal) -> MSPPrincipal:
    content = CombinedPrincipal(principals=parts).SerializeToString()
    return MSPPrincipal(principal_classification=MSPPrincipal.COMBINED, principal=content)


def anonymity(kind: MSPIdentityAnonymity.MSPIdentityAnonymityType.ValueType) -> MSPPrincipal:
    content = MSPIdentityAnonymity(anonymity_type=kind).SerializeToString()
    return MSPPrincipal(principal_classification=MSPPrincipal.ANONYMITY, principal=content)


@pytest.mark.parametrize(
    ("principal", "satisfied"),
    [
        pytest.param(role(MEMBER), True, id="ROLE member"),
        pytest.param(role(PEER), True, id="ROLE with its OU"),
        pytest.param(role(CLIENT), False, id="ROLE with another OU"),
        pytest.param(role(ADMIN), False, id="ROLE admin"),
        pytest.param(role(ORDERER), False, id="ROLE orderer"),
        pytest.param(role(MEMBER, "OtherMSP"), False, id="ROLE in another MSP"),
        pytest.param(anonymity(MSPIdentityAnonymity.NOMINAL), True, id="ANONYMITY nominal"),
        pytest.param(anonymity(MSPIdentityAnonymity.ANONYMOUS), False, id="ANONYMITY anonymous"),
        pytest.param(combined(role(MEMBER), role(PEER)), True, id="COMBINED, all met"),
        pytest.param(combined(role(MEMBER), role(CLIENT)), False, id="COMBINED, one not met"),
        pytest.param(combined(combined(role(PEER))), True, id="COMBINED in COMBINED"),
        pytest.param(combined(), False, id="COMBINED of nothing"),
        pytest.param(MSPPrincipal(principal=b"\xff"), False, id="unreadable"),
        pytest.param(
            MSPPrincipal(
                principal_classification=MSPPrincipal.Classification.ValueType(9),
                principal=role(MEMBER).principal,
            ),
            False,
            id="unknown kind",
        ),
    ],
)
def test_a_peer_satisfies_what_describes_it(
    party: Party, *, principal: MSPPrincipal, satisfied: bool
) -> None:
    """§14.4."""
    registry = MspRegistry([party.msp])
    peer = registry.identity(party.member("peer").identity)
    assert registry.satisfies(peer, principal) is satisfied


def test_an_identity_principal_describes_one_certificate(party: Party) -> None:
    """§14.4, IDENTITY."""
    registry = MspRegistry([party.msp])
    one, other = party.member("peer"), party.member("peer")
    principal = MSPPrincipal(principal_classification=MSPPrincipal.IDENTITY, principal=one.identity)
    assert registry.satisfies(registry.identity(one.identity), principal)
    assert not registry.satisfies(registry.identity(other.identity), principal)


@pytest.mark.parametrize(
    ("name", "msp_id", "same_certifiers", "satisfied"),
    [
        pytest.param("desk", "ClearingMSP", True, True, id="name and certifiers"),
        pytest.param("desk", "ClearingMSP", False, False, id="other certifiers"),
        pytest.param("other", "ClearingMSP", True, False, id="other name"),
        pytest.param("desk", "OtherMSP", True, False, id="other MSP"),
    ],
)
def test_a_unit_principal_names_the_unit_and_who_certified_it(
    party: Party, *, name: str, msp_id: str, same_certifiers: bool, satisfied: bool
) -> None:
    """§14.4, ORGANIZATION_UNIT."""
    registry = MspRegistry([party.msp])
    identity = registry.identity(party.member("peer", "desk").identity)
    unit = OrganizationUnit(
        msp_identifier=msp_id,
        organizational_unit_identifier=name,
        certifiers_identifier=identity.organizational_units[0].certifiers
        if same_certifiers
        else b"other",
    )
    principal = MSPPrincipal(
        principal_classification=MSPPrincipal.ORGANIZATION_UNIT, principal=unit.SerializeToString()
    )
    assert registry.satisfies(identity, principal) is satisfied
