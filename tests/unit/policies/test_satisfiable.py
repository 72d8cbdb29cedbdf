"""Which policies the organisations of a channel could satisfy, if all of them signed."""

import pytest

from tallystick.node.membership.registry import MspRegistry
from tallystick.node.policies.evaluate import Policy, SignaturePolicyEvaluator
from tallystick.node.policies.implicit_meta import ImplicitMetaEvaluator
from tallystick.node.policies.parser import parse_policy
from tallystick.node.policies.satisfiable import is_satisfiable
from tallystick.node.policies.tree import RejectingPolicy
from tallystick.protos.common.policies_pb2 import ImplicitMetaPolicy
from tallystick.protos.msp.identities_pb2 import SerializedIdentity
from tallystick.protos.msp.msp_principal_pb2 import MSPPrincipal, OrganizationUnit

THERE = ("A", "B")


def signatures(rule: str) -> SignaturePolicyEvaluator:
    return SignaturePolicyEvaluator(parse_policy(rule), MspRegistry(()))


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        pytest.param("OR('A.peer','C.peer')", True, id="one of them is there"),
        pytest.param("AND('A.peer','C.peer')", False, id="one of them is gone"),
        pytest.param("OutOf(2,'A.peer','B.admin','C.peer')", True, id="enough are there"),
        pytest.param("OutOf(3,'A.peer','B.admin','C.peer')", False, id="too few are there"),
        pytest.param("AND('A.peer',OR('C.peer','D.peer'))", False, id="a gate within a gate"),
    ],
)
def test_a_rule_of_signatures_needs_organisations_that_are_there(
    rule: str, *, expected: bool
) -> None:
    assert is_satisfiable(signatures(rule), THERE) is expected


@pytest.mark.parametrize(
    ("kind", "content", "expected"),
    [
        (MSPPrincipal.ORGANIZATION_UNIT, OrganizationUnit(msp_identifier="A"), True),
        (MSPPrincipal.ORGANIZATION_UNIT, OrganizationUnit(msp_identifier="C"), False),
        (MSPPrincipal.IDENTITY, SerializedIdentity(mspid="A"), True),
        (MSPPrincipal.IDENTITY, SerializedIdentity(mspid="C"), False),
        (MSPPrincipal.IDENTITY, b"\xff", False),
        (MSPPrincipal.ANONYMITY, b"", True),
    ],
    ids=str,
)
def test_whoever_a_principal_describes_must_be_there(
    kind: MSPPrincipal.Classification.ValueType,
    content: OrganizationUnit | SerializedIdentity | bytes,
    *,
    expected: bool,
) -> None:
    policy = parse_policy("OR('A.peer')")
    policy.identities[0].principal_classification = kind
    policy.identities[0].principal = (
        content if isinstance(content, bytes) else content.SerializeToString()
    )
    assert is_satisfiable(SignaturePolicyEvaluator(policy, MspRegistry(())), THERE) is expected


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (ImplicitMetaPolicy.ANY, True),
        (ImplicitMetaPolicy.MAJORITY, False),
        (ImplicitMetaPolicy.ALL, False),
    ],
)
def test_a_policy_that_counts_others_needs_enough_that_are_there_and_can_be_satisfied(
    rule: ImplicitMetaPolicy.Rule.ValueType, *, expected: bool
) -> None:
    children: dict[str, Policy] = {
        "/Channel/Application/A/Admins": signatures("OR('A.admin')"),
        "/Channel/Application/B/Admins": RejectingPolicy("/Channel/Application/B/Admins"),
        "/Channel/Application/C/Admins": signatures("OR('C.admin')"),
    }
    policy = ImplicitMetaEvaluator(ImplicitMetaPolicy(sub_policy="Admins", rule=rule), children)
    assert is_satisfiable(policy, THERE) is expected
