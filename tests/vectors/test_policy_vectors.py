"""The policy language against bytes that Fabric's own parser produced."""

import json
from pathlib import Path

import pytest

from tallystick.node.policies.parser import describe, parse_policy
from tallystick.protos.common.policies_pb2 import ApplicationPolicy, SignaturePolicyEnvelope

GROUPS = json.loads(Path(__file__).with_name("policies.json").read_text(encoding="utf-8"))
POLICIES, APPLICATION_POLICIES = (group["cases"] for group in GROUPS)


@pytest.mark.parametrize("case", POLICIES, ids=lambda case: case["expression"])
def test_an_expression_becomes_the_bytes_that_fabric_makes_of_it(case: dict[str, str]) -> None:
    """§14.1, §19 item 13, B7: principals are numbered inside-out and not merged."""
    policy = bytes.fromhex(case["policy"])
    assert parse_policy(case["expression"]).SerializeToString() == policy
    assert describe(SignaturePolicyEnvelope.FromString(policy)) == case["expression"]


@pytest.mark.parametrize("case", APPLICATION_POLICIES)
def test_an_application_policy_wraps_an_expression_or_a_path(case: dict[str, str]) -> None:
    """§14.3, B7."""
    if "reference" in case:
        policy = ApplicationPolicy(channel_config_policy_reference=case["reference"])
    else:
        policy = ApplicationPolicy(signature_policy=parse_policy(case["expression"]))
    assert policy.SerializeToString() == bytes.fromhex(case["application_policy"])
