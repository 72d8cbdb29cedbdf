"""Why a policy is satisfied or not, as a tree and in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.node.membership.signature_checker import SignatureChecker
from tallystick.node.policies.evaluate import SignaturePolicyEvaluator, SignedData, valid_identities
from tallystick.node.policies.explain import explain, explain_signatures, name_of
from tallystick.node.policies.implicit_meta import ImplicitMetaEvaluator
from tallystick.node.policies.parser import parse_policy
from tallystick.node.policies.tree import RejectingPolicy
from tallystick.protos.common.policies_pb2 import ImplicitMetaPolicy
from tallystick.wire.identities import serialize_identity

if TYPE_CHECKING:
    from tests.unit.policies.conftest import Signers

    from tallystick.node.membership.identity import Identity
    from tallystick.node.policies.explain import Explanation

MEMBERS = ("A.peer", "A.peer2", "A.admin", "B.peer", "B.client", "C.peer")
PRINCIPALS = st.sampled_from(["'A.peer'", "'A.member'", "'B.peer'", "'C.member'"])
POLICIES = st.recursive(
    PRINCIPALS,
    lambda inner: st.lists(inner, min_size=1, max_size=3).flatmap(
        lambda members: st.integers(0, len(members) + 1).map(
            lambda needed: f"OutOf({needed}, {', '.join(members)})"
        )
    ),
    max_leaves=6,
).filter(lambda text: text.startswith("OutOf"))


def identities(signers: Signers, *names: str) -> list[Identity]:
    return valid_identities(signers.signed(*names), signers.registry, SignatureChecker())


def explained(signers: Signers, policy: str, *names: str) -> Explanation:
    evaluator = SignaturePolicyEvaluator(parse_policy(policy), signers.registry)
    return explain(evaluator, identities(signers, *names))


def test_the_tree_ticks_what_is_there_and_names_who_gave_it(signers: Signers) -> None:
    tree = explained(signers, "AND('A.peer', OR('B.peer', 'C.peer'))", "C.peer").tree()
    assert list(tree) == [
        "✗ 2 of 2",
        "  ✗ 'A.peer'",
        "  ✓ 1 of 2",
        "    ✗ 'B.peer'",
        "    ✓ 'C.peer', by C peer",
    ]


@pytest.mark.parametrize(
    ("policy", "names", "missing"),
    [
        pytest.param("AND('A.peer', 'B.peer')", ("A.peer", "B.peer"), "", id="nothing"),
        pytest.param("AND('A.peer', 'B.peer')", ("A.peer",), "'B.peer'", id="one"),
        pytest.param("AND('A.peer', 'B.peer')", (), "('A.peer' and 'B.peer')", id="all"),
        pytest.param("OR('A.peer', 'B.peer')", (), "('A.peer' or 'B.peer')", id="any"),
        pytest.param(
            "OutOf(2, 'A.peer', 'B.peer', 'C.peer')",
            (),
            "(2 of 'A.peer', 'B.peer', 'C.peer')",
            id="some",
        ),
        pytest.param(
            "OutOf(2, 'A.peer', 'B.peer', 'C.peer')",
            ("B.peer",),
            "('A.peer' or 'C.peer')",
            id="one more",
        ),
        pytest.param("OutOf(2, 'A.peer')", ("A.peer",), "2 of 1", id="never"),
        pytest.param("AND('A.peer', 'A.peer')", ("A.peer",), "'A.peer'", id="a second signature"),
    ],
)
def test_the_words_name_what_is_missing(
    signers: Signers, policy: str, names: tuple[str, ...], missing: str
) -> None:
    assert explained(signers, policy, *names).missing() == missing


@given(policy=POLICIES, names=st.lists(st.sampled_from(MEMBERS), unique=True, max_size=5))
def test_an_explanation_agrees_with_the_verdict(
    signers: Signers, policy: str, names: list[str]
) -> None:
    """§14.1: signatures are used up in the same order, without backtracking."""
    evaluator = SignaturePolicyEvaluator(parse_policy(policy), signers.registry)
    present = identities(signers, *names)
    assert explain(evaluator, present).satisfied == evaluator.evaluate(present).satisfied


def test_an_implicit_meta_policy_shows_every_group(signers: Signers) -> None:
    """§14.2: a child without the policy counts as one that rejects."""
    policy = ImplicitMetaEvaluator(
        ImplicitMetaPolicy(sub_policy="Endorsement", rule=ImplicitMetaPolicy.MAJORITY),
        {
            "/A/Endorsement": SignaturePolicyEvaluator(
                parse_policy("OR('A.peer')"), signers.registry
            ),
            "/B/Endorsement": RejectingPolicy("/B/Endorsement"),
        },
    )
    explanation = explain(policy, identities(signers, "A.peer"))

    assert list(explanation.tree()) == [
        "✗ 2 of the 2 policies 'Endorsement'",
        "  ✓ /A/Endorsement: 1 of 1",
        "    ✓ 'A.peer', by A peer",
        "  ✗ /B/Endorsement: no such policy: '/B/Endorsement'",
    ]
    assert explanation.missing() == "/B/Endorsement: no such policy: '/B/Endorsement'"


@pytest.mark.parametrize(
    ("identity", "claim"),
    [
        pytest.param(b"\xff", "somebody unreadable", id="no identity"),
        pytest.param(serialize_identity("A", b"no PEM"), "somebody of A", id="no certificate"),
    ],
)
def test_who_cannot_be_read_is_told_as_far_as_possible(
    signers: Signers, identity: bytes, claim: str
) -> None:
    unreadable = SignedData(identity, b"message", b"signature")
    (finding,) = explain_signatures([unreadable], signers.registry, SignatureChecker())
    assert finding.signer is None
    assert finding.line.startswith(f"✗ {claim}: ")


def test_each_signature_is_accounted_for(signers: Signers) -> None:
    """§14.1: what evaluation drops silently has its reason here."""
    good, bad, stranger = signers.signed("A.peer", "B.peer", "C.peer")
    bad = bad._replace(message=b"another message")
    stranger = stranger._replace(
        identity=serialize_identity("D", signers.members["C.peer"].certificate_pem)
    )
    findings = explain_signatures([good, bad, stranger, good], signers.registry, SignatureChecker())

    assert [one.signer and name_of(one.signer) for one in findings] == [
        "A peer",
        "B peer",
        None,
        "A peer",
    ]
    assert [one.problem.partition(":")[0] for one in findings][:2] == [
        "",
        "the signature is not good",
    ]
    assert "D" in findings[2].problem
    assert [one.line.partition(":")[0] for one in findings] == [
        "✓ A peer",
        "✗ B peer",
        "✗ D peer",
        "✗ A peer",
    ]
    assert findings[3].problem == "this identity has signed already and counts once"
