"""The policies of a configuration, by their paths."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tallystick.node.membership.signature_checker import SignatureChecker
from tallystick.node.policies.errors import MalformedPolicyError
from tallystick.node.policies.parser import parse_rule
from tallystick.node.policies.tree import PolicyTree
from tallystick.protos.common.configtx_pb2 import ConfigGroup, ConfigPolicy
from tallystick.protos.common.policies_pb2 import ImplicitMetaPolicy, Policy

if TYPE_CHECKING:
    from tests.unit.policies.conftest import Signers


def group(policies: dict[str, str], groups: dict[str, ConfigGroup] | None = None) -> ConfigGroup:
    return ConfigGroup(
        policies={name: ConfigPolicy(policy=parse_rule(text)) for name, text in policies.items()},
        groups=groups or {},
    )


def organizations(*msp_ids: str) -> dict[str, ConfigGroup]:
    return {
        msp_id: group({"Endorsement": f"OR('{msp_id}.peer')", "Admins": f"OR('{msp_id}.admin')"})
        for msp_id in msp_ids
    }


def tree(root: ConfigGroup, signers: Signers) -> PolicyTree:
    return PolicyTree(root, signers.registry, SignatureChecker())


@pytest.mark.parametrize(
    ("rule", "names", "satisfied"),
    [
        pytest.param("ANY Endorsement", ["B.peer"], True, id="ANY: one"),
        pytest.param("ANY Endorsement", ["B.client"], False, id="ANY: none"),
        pytest.param("MAJORITY Endorsement", ["A.peer", "C.peer"], True, id="MAJORITY: 2 of 3"),
        pytest.param("MAJORITY Endorsement", ["A.peer", "A.peer2"], False, id="MAJORITY: 1 of 3"),
        pytest.param("ALL Endorsement", ["A.peer", "B.peer", "C.peer"], True, id="ALL: 3"),
        pytest.param("ALL Endorsement", ["A.peer", "B.peer"], False, id="ALL: 2"),
        pytest.param("ANY Missing", ["A.peer"], False, id="no child has the policy"),
    ],
)
def test_an_implicit_meta_policy_counts_the_groups_below(
    signers: Signers, *, rule: str, names: list[str], satisfied: bool
) -> None:
    """§14.2."""
    root = group({"Endorsement": rule}, organizations("A", "B", "C"))
    verdict = tree(root, signers).evaluate_signed("/Channel/Endorsement", signers.signed(*names))
    assert verdict.satisfied is satisfied
    assert bool(verdict.reason) is not satisfied


@pytest.mark.parametrize(("count", "needed"), [(1, 1), (2, 2), (3, 2), (4, 3)])
def test_a_majority_is_more_than_half(signers: Signers, count: int, needed: int) -> None:
    """§14.2: MAJORITY ⌊n/2⌋+1."""
    groups = {f"G{index}": organizations("A")["A"] for index in range(count - 1)}
    root = group({"Endorsement": "MAJORITY Endorsement"}, {**groups, "B": organizations("B")["B"]})
    verdict = tree(root, signers).evaluate_signed("/Channel/Endorsement", [])
    assert f"requires {needed} of the 'Endorsement' sub-policies" in verdict.reason


@pytest.mark.parametrize("rule", ["ANY", "ALL", "MAJORITY"])
def test_without_child_groups_nothing_is_needed(signers: Signers, rule: str) -> None:
    """§14.2: with zero children 0."""
    verdict = tree(group({"Admins": f"{rule} Admins"}), signers).get("/Channel/Admins").evaluate([])
    assert verdict.satisfied


def test_a_child_without_the_policy_counts_as_one_that_rejects(signers: Signers) -> None:
    """§14.2."""
    groups = organizations("A", "B")
    del groups["B"].policies["Endorsement"]
    policies = tree(group({"Endorsement": "ALL Endorsement"}, groups), signers)
    signed = signers.signed("A.peer", "B.peer")
    assert not policies.evaluate_signed("/Channel/Endorsement", signed).satisfied


def test_a_failure_reads_as_fabric_words_it(signers: Signers) -> None:
    """§14.2: failure text."""
    root = group({"Admins": "MAJORITY Admins"}, organizations("A", "B", "C"))
    verdict = tree(root, signers).evaluate_signed("/Channel/Admins", signers.signed("B.admin"))
    assert verdict.reason == (
        "implicit policy evaluation failed - 1 sub-policies were satisfied, but this policy "
        "requires 2 of the 'Admins' sub-policies to be satisfied"
    )


def test_meta_policies_stand_on_meta_policies(signers: Signers) -> None:
    application = group({"Admins": "ALL Admins"}, organizations("A", "B"))
    orderer = group({"Admins": "ANY Admins"}, organizations("C"))
    groups = {"Application": application, "Orderer": orderer}
    policies = tree(group({"Admins": "ALL Admins"}, groups), signers)
    everybody = signers.signed("A.admin", "B.admin", "C.admin")
    assert policies.evaluate_signed("/Channel/Admins", everybody).satisfied
    assert not policies.evaluate_signed("/Channel/Admins", everybody[1:]).satisfied
    assert policies.evaluate_signed("/Channel/Orderer/Admins", everybody[2:]).satisfied
    assert policies.paths == (
        "/Channel/Admins",
        "/Channel/Application/A/Admins",
        "/Channel/Application/A/Endorsement",
        "/Channel/Application/Admins",
        "/Channel/Application/B/Admins",
        "/Channel/Application/B/Endorsement",
        "/Channel/Orderer/Admins",
        "/Channel/Orderer/C/Admins",
        "/Channel/Orderer/C/Endorsement",
    )


def test_a_policy_that_is_not_there_rejects_and_says_so(signers: Signers) -> None:
    verdict = tree(group({}), signers).evaluate_signed(
        "/Channel/Application/Writers", signers.signed("A.admin")
    )
    assert not verdict.satisfied
    assert verdict.reason == "no such policy: '/Channel/Application/Writers'"


@pytest.mark.parametrize("path", ["/Channel/Application/Admins", "Application/Admins"])
def test_a_path_may_count_from_the_channel_group(signers: Signers, path: str) -> None:
    """§14.3: a definition may refer to its policy in either way."""
    application = group({"Admins": "ANY Admins"}, organizations("A"))
    policies = tree(group({}, {"Application": application}), signers)
    assert policies.evaluate_signed(path, signers.signed("A.admin")).satisfied
    assert not policies.evaluate_signed(path, signers.signed("A.peer")).satisfied


META = ImplicitMetaPolicy(
    sub_policy="X", rule=ImplicitMetaPolicy.Rule.ValueType(7)
).SerializeToString()


@pytest.mark.parametrize(
    ("policy", "problem"),
    [
        pytest.param(Policy(), "type 0 is neither", id="no policy"),
        pytest.param(Policy(type=Policy.MSP), "type 2 is neither", id="MSP policy"),
        pytest.param(Policy(type=Policy.SIGNATURE, value=b"\xff"), "malformed", id="not protobuf"),
        pytest.param(Policy(type=Policy.SIGNATURE), "neither a principal", id="empty rule"),
        pytest.param(Policy(type=Policy.IMPLICIT_META, value=META), "rule 7", id="meta rule"),
    ],
)
def test_a_bad_policy_is_named_with_its_path(
    signers: Signers, policy: Policy, problem: str
) -> None:
    child = ConfigGroup(policies={"Writers": ConfigPolicy(policy=policy)})
    child.groups["Org"].mod_policy = "Admins"
    with pytest.raises(MalformedPolicyError, match=f"/Channel/Application/Writers: .*{problem}"):
        tree(ConfigGroup(groups={"Application": child}), signers)
