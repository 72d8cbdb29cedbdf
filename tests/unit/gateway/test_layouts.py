"""Which organisations together satisfy a policy (wire.md §5.2, §14)."""

import pytest

from tallystick.node.gateway.layouts import (
    MAX_CHOICES,
    implicit_meta_layouts,
    merged,
    signature_policy_layouts,
)
from tallystick.node.policies.parser import parse_policy
from tallystick.protos.common import configtx_pb2, policies_pb2

ALL = {"A", "B", "C"}


@pytest.mark.parametrize(
    ("policy", "available", "expected"),
    [
        pytest.param("OR('A.peer','B.peer')", ALL, [{"A": 1}, {"B": 1}], id="either"),
        pytest.param("AND('A.peer','B.member')", ALL, [{"A": 1, "B": 1}], id="both"),
        pytest.param("AND('A.peer','A.peer')", ALL, [{"A": 2}], id="two peers of one"),
        pytest.param(
            "OutOf(2,'A.peer','B.peer','C.peer')",
            ALL,
            [{"A": 1, "B": 1}, {"A": 1, "C": 1}, {"B": 1, "C": 1}],
            id="two of three",
        ),
        pytest.param("OutOf(2,'A.peer','B.peer','C.peer')", {"A"}, [], id="too few are there"),
        pytest.param("OR('A.admin','B.client')", ALL, [], id="no peer is an admin or a client"),
        pytest.param(
            "AND('A.peer',OR('B.peer','C.peer'))",
            {"A", "C"},
            [{"A": 1, "C": 1}],
            id="only who is there",
        ),
        pytest.param(
            "OR(AND('A.peer','B.peer'),'C.peer')",
            ALL,
            [{"C": 1}, {"A": 1, "B": 1}],
            id="the smallest first",
        ),
    ],
)
def test_layouts_of_a_signature_policy(
    policy: str, available: set[str], expected: list[dict[str, int]]
) -> None:
    assert signature_policy_layouts(parse_policy(policy), available) == expected


def test_different_policies_share_signatures_but_rules_of_one_policy_do_not() -> None:
    both = [{"A": 1, "B": 1}]
    policies = [
        signature_policy_layouts(parse_policy(text), ALL)
        for text in ("'A.peer'".join(("OR(", ")")), "AND('A.peer','B.peer')")
    ]
    assert merged(policies) == both


def test_a_policy_with_too_many_layouts_keeps_some_without_each_organisation() -> None:
    everybody = [f"M{number}" for number in range(30)]
    principals = ",".join(f"'{msp_id}.peer'" for msp_id in everybody)
    layouts = signature_policy_layouts(parse_policy(f"OutOf(16,{principals})"), everybody)
    assert 0 < len(layouts) <= MAX_CHOICES
    assert all(layout.total() == len(layout) == 16 for layout in layouts)
    for msp_id in everybody:
        assert any(msp_id not in layout for layout in layouts)


def test_policies_that_are_merged_are_not_multiplied_without_bound() -> None:
    everybody = [f"M{number}" for number in range(300)]
    principals = ",".join(f"'{msp_id}.peer'" for msp_id in everybody)
    any_of_them = signature_policy_layouts(parse_policy(f"OR({principals})"), everybody)
    assert len(any_of_them) == 300
    layouts = merged([any_of_them] * 4)
    assert 0 < len(layouts) <= MAX_CHOICES


def test_no_policy_needs_nobody() -> None:
    assert merged([]) == [{}]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("ANY", [{"A": 1}, {"B": 1}, {"C": 1}]),
        ("MAJORITY", [{"A": 1, "B": 1}, {"A": 1, "C": 1}, {"B": 1, "C": 1}]),
        ("ALL", [{"A": 1, "B": 1, "C": 1}]),
    ],
)
def test_layouts_of_an_implicit_meta_policy(rule: str, expected: list[dict[str, int]]) -> None:
    root = _channel(rule)
    assert implicit_meta_layouts(root, "/Channel/Application/Endorsement", ALL) == expected


def test_a_policy_that_does_not_exist_can_be_satisfied_by_nobody() -> None:
    assert implicit_meta_layouts(_channel("ANY"), "/Channel/Application/Missing", ALL) == []
    assert implicit_meta_layouts(_channel("ANY"), "/Channel/Nowhere/Endorsement", ALL) == []


def _channel(rule: str) -> configtx_pb2.ConfigGroup:
    root = configtx_pb2.ConfigGroup()
    application = root.groups["Application"]
    meta = policies_pb2.ImplicitMetaPolicy(
        sub_policy="Endorsement", rule=policies_pb2.ImplicitMetaPolicy.Rule.Value(rule)
    )
    application.policies["Endorsement"].policy.CopyFrom(
        policies_pb2.Policy(type=policies_pb2.Policy.IMPLICIT_META, value=meta.SerializeToString())
    )
    for msp_id in ALL:
        policy = policies_pb2.Policy(
            type=policies_pb2.Policy.SIGNATURE,
            value=parse_policy(f"OR('{msp_id}.peer')").SerializeToString(),
        )
        application.groups[msp_id].policies["Endorsement"].policy.CopyFrom(policy)
    return root
