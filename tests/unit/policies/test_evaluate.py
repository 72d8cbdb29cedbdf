"""Which signatures count, and whether they are enough."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tallystick.node.membership.signature_checker import SignatureChecker
from tallystick.node.policies.errors import MalformedPolicyError
from tallystick.node.policies.evaluate import signature_policy_satisfied, valid_identities
from tallystick.node.policies.parser import parse_policy
from tallystick.protos.common.policies_pb2 import SignaturePolicy, SignaturePolicyEnvelope
from tallystick.wire.identities import serialize_identity

if TYPE_CHECKING:
    from tests.unit.policies.conftest import Signers

    from tallystick.node.membership.identity import Identity
    from tallystick.node.policies.evaluate import SignedData


def counted(signers: Signers, signed: list[SignedData]) -> list[str]:
    """Return who counts among ``signed``, by name."""
    identities = valid_identities(signed, signers.registry, SignatureChecker())
    return signers.names_of([identity.serialized for identity in identities])


def test_valid_signers_count_in_the_order_of_their_signatures(signers: Signers) -> None:
    """§14.1: reduction to valid identities."""
    signed = signers.signed("B.peer", "A.peer", "C.client")
    assert counted(signers, signed) == ["B.peer", "A.peer", "C.client"]


def test_a_signer_counts_once(signers: Signers) -> None:
    """§14.1: skip repeats of the same (mspid, certificate)."""
    assert counted(signers, signers.signed("A.peer", "B.peer", "A.peer")) == ["A.peer", "B.peer"]


def test_a_signer_does_not_count_twice_by_padding_the_certificate(signers: Signers) -> None:
    """§14.1: the certificate decides, not the bytes around it."""
    member = signers.members["A.peer"]
    (plain,) = signers.signed("A.peer")
    padded = serialize_identity("A", member.certificate_pem + b"\n")
    signed = [plain, plain._replace(identity=padded)]
    assert len(valid_identities(signed, signers.registry, SignatureChecker())) == 1


def test_what_does_not_verify_drops_out_silently(signers: Signers) -> None:
    """§14.1."""
    good, bad, stranger, junk = signers.signed("A.peer", "B.peer", "C.peer", "C.admin")
    bad = bad._replace(message=b"another message")
    stranger = stranger._replace(
        identity=serialize_identity("D", signers.members["C.peer"].certificate_pem)
    )
    junk = junk._replace(identity=b"\xff")
    assert counted(signers, [bad, stranger, junk, good]) == ["A.peer"]


def test_a_bad_signature_does_not_spoil_a_good_one_of_the_same_signer(signers: Signers) -> None:
    (good,) = signers.signed("A.peer")
    assert counted(signers, [good._replace(signature=b""), good]) == ["A.peer"]


def test_a_certificate_that_counts_is_not_verified_again(signers: Signers) -> None:
    """§14.1: nobody can make a node verify the same signer a thousand times."""

    class CountingChecker(SignatureChecker):
        calls = 0

        def good(self, identity: Identity, message: bytes, signature: bytes) -> bool:
            self.calls += 1
            return super().good(identity, message, signature)

    checker = CountingChecker()
    valid_identities(signers.signed(*["A.peer"] * 50), signers.registry, checker)
    assert checker.calls == 1


@pytest.mark.parametrize(
    ("policy", "names", "satisfied"),
    [
        pytest.param("OR('A.peer')", ["A.peer"], True, id="one of one"),
        pytest.param("OR('A.peer')", ["A.client"], False, id="other role"),
        pytest.param("OR('A.peer')", ["B.peer"], False, id="other organisation"),
        pytest.param("OR('A.peer')", [], False, id="nobody"),
        pytest.param("OR('A.peer')", ["C.client", "A.peer"], True, id="others do no harm"),
        pytest.param("OR('A.member')", ["A.orderer"], True, id="member is any role"),
        pytest.param("AND('A.peer','B.peer')", ["B.peer", "A.peer"], True, id="any order"),
        pytest.param("AND('A.peer','B.peer')", ["A.peer", "A.peer2"], False, id="two of A"),
        pytest.param("AND('A.peer','A.peer')", ["A.peer", "A.peer2"], True, id="two peers of A"),
        pytest.param("AND('A.peer','A.peer')", ["A.peer"], False, id="one peer is not two"),
        pytest.param("AND('A.member','A.peer')", ["A.peer", "A.client"], False, id="greedy"),
        pytest.param("AND('A.peer','A.member')", ["A.peer", "A.client"], True, id="other order"),
        pytest.param(
            "OutOf(2,'A.peer','B.peer','C.peer')", ["C.peer", "A.peer"], True, id="two of three"
        ),
        pytest.param("OutOf(0,'A.peer')", [], True, id="none needed"),
        pytest.param("OutOf(2,'A.peer')", ["A.peer", "A.peer2"], False, id="cannot be satisfied"),
        pytest.param(
            "AND('C.admin', OR('A.peer','B.peer'))", ["B.peer", "C.admin"], True, id="nested"
        ),
    ],
)
def test_a_signature_policy(
    signers: Signers, *, policy: str, names: list[str], satisfied: bool
) -> None:
    """§14.1: evaluation without backtracking."""
    identities = valid_identities(signers.signed(*names), signers.registry, SignatureChecker())
    envelope = parse_policy(policy)
    assert signature_policy_satisfied(envelope, identities, signers.registry) is satisfied


GATE_OF_NOTHING = SignaturePolicy(n_out_of=SignaturePolicy.NOutOf(n=1, rules=[SignaturePolicy()]))


@pytest.mark.parametrize(
    ("envelope", "problem"),
    [
        pytest.param(SignaturePolicyEnvelope(), "neither a principal nor a gate", id="empty"),
        pytest.param(
            SignaturePolicyEnvelope(rule=GATE_OF_NOTHING), "neither a principal", id="empty branch"
        ),
        pytest.param(SignaturePolicyEnvelope(version=1), "version 1 is unknown", id="version"),
        pytest.param(
            SignaturePolicyEnvelope(rule=SignaturePolicy(signed_by=0)),
            "asks for principal 0 of 0",
            id="missing principal",
        ),
    ],
)
def test_a_policy_that_contradicts_itself_is_an_error(
    signers: Signers, envelope: SignaturePolicyEnvelope, problem: str
) -> None:
    with pytest.raises(MalformedPolicyError, match=problem):
        signature_policy_satisfied(envelope, [], signers.registry)
