import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.node.policies.errors import MalformedPolicyError, PolicySyntaxError
from tallystick.node.policies.parser import describe, parse_policy, parse_rule
from tallystick.protos.common.policies_pb2 import (
    ImplicitMetaPolicy,
    Policy,
    SignaturePolicy,
    SignaturePolicyEnvelope,
)
from tallystick.protos.msp.msp_principal_pb2 import MSPPrincipal, MSPRole


@pytest.mark.parametrize(
    ("text", "same_as"),
    [
        pytest.param("and('A.peer')", "AND('A.peer')", id="lower case"),
        pytest.param("Or('A.peer','B.peer')", "OR('A.peer', 'B.peer')", id="capitalised"),
        pytest.param("OUTOF(1,'A.peer')", "OutOf(1, 'A.peer')", id="upper case"),
        pytest.param("outof('2','A.peer','B.peer')", "OutOf(2,'A.peer','B.peer')", id="'2'"),
        pytest.param(' OR ( "A.peer" ) ', "OR('A.peer')", id="double quotes and spaces"),
        pytest.param("AND('A.peer')", "OR('A.peer')", id="one member: AND is OR"),
        pytest.param("AND('A.peer','B.peer')", "OutOf(2,'A.peer','B.peer')", id="AND is OutOf"),
    ],
)
def test_spellings_that_mean_the_same(text: str, same_as: str) -> None:
    """§14.1: the policy language."""
    assert parse_policy(text) == parse_policy(same_as)


@pytest.mark.parametrize(
    ("word", "role"),
    [
        ("member", MSPRole.MEMBER),
        ("admin", MSPRole.ADMIN),
        ("client", MSPRole.CLIENT),
        ("peer", MSPRole.PEER),
        ("orderer", MSPRole.ORDERER),
    ],
)
def test_each_role_has_its_word(word: str, role: MSPRole.MSPRoleType.ValueType) -> None:
    (principal,) = parse_policy(f"OR('a.b-C.9.{word}')").identities
    assert MSPRole.FromString(principal.principal) == MSPRole(msp_identifier="a.b-C.9", role=role)


@pytest.mark.parametrize(
    ("text", "position", "problem"),
    [
        pytest.param("", 0, "the policy ends early", id="nothing"),
        pytest.param("'A.peer'", 0, "expected a gate", id="a principal alone"),
        pytest.param("XOR('A.peer')", 0, "unknown gate", id="unknown gate"),
        pytest.param("OR()", 3, "expected a gate", id="no member"),
        pytest.param("OR('A.peer'", 11, "the policy ends early", id="not closed"),
        pytest.param("OR('A.peer',)", 12, "expected a gate", id="comma too many"),
        pytest.param("OR('A.peer') x", 13, "expected the end", id="more behind it"),
        pytest.param("OR('A.peer' 'B.peer')", 12, "expected ',' or ')'", id="no comma"),
        pytest.param("OR('A.boss')", 3, "'A.boss' is no principal", id="unknown role"),
        pytest.param("OR('peer')", 3, "'peer' is no principal", id="no MSP"),
        pytest.param("OR('My_MSP.peer')", 3, "is no principal", id="underscore"),
        pytest.param("OR(A.peer)", 3, "unknown gate", id="no quotes"),
        pytest.param("OR('A.peer', #)", 13, "unexpected character", id="strange character"),
        pytest.param("OutOf('A.peer')", 6, "how many members", id="OutOf without a number"),
        pytest.param("OutOf(2)", 7, "expected ','", id="OutOf without members"),
        pytest.param("OutOf(3,'A.peer')", 6, "3 out of 1 can never", id="too many needed"),
        pytest.param(f"OutOf({'9' * 5_000},'A.peer')", 6, "how many members", id="endless number"),
        pytest.param("OutOf(99999999999,'A.peer')", 6, "how many members", id="huge number"),
        pytest.param("OutOf('\u0661','A.peer')", 6, "how many members", id="foreign digits"),
        pytest.param("OR(" * 41, 120, "deeper than 40", id="too deep"),
    ],
)
def test_a_mistake_is_pointed_at(text: str, position: int, problem: str) -> None:
    with pytest.raises(PolicySyntaxError) as caught:
        parse_policy(text)
    assert (caught.value.position, problem in caught.value.problem) == (position, True)


ROLES = st.sampled_from(["member", "admin", "client", "peer", "orderer"])
PRINCIPALS = st.builds("'{}.{}'".format, st.sampled_from(["A", "Org1MSP", "b.c-d"]), ROLES)


def gates(members: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    several = st.lists(members, min_size=1, max_size=4)
    return several.flatmap(
        lambda some: st.builds(
            lambda gate: f"{gate}{', '.join(some)})",
            st.sampled_from(["AND(", "OR(", *(f"OutOf({n}, " for n in range(len(some) + 2))]),
        )
    )


@given(gates(st.recursive(PRINCIPALS, gates, max_leaves=12)))
def test_a_description_parses_to_the_same_policy(text: str) -> None:
    policy = parse_policy(text)
    assert parse_policy(describe(policy)) == policy


def test_principals_beyond_the_language_are_shown_in_brackets() -> None:
    kinds = MSPPrincipal.Classification
    policy = SignaturePolicyEnvelope(
        rule=SignaturePolicy(
            n_out_of=SignaturePolicy.NOutOf(
                n=2, rules=[SignaturePolicy(signed_by=index) for index in range(4)]
            )
        ),
        identities=[
            MSPPrincipal(principal_classification=MSPPrincipal.IDENTITY, principal=b"\xab"),
            MSPPrincipal(principal_classification=kinds.ValueType(9)),
            MSPPrincipal(principal=b"\xff"),
            MSPPrincipal(principal=b"\x0a\x01A\x10\x09"),
        ],
    )
    assert describe(policy) == (
        "OutOf(2, <identity ab>, <principal of kind 9>, <unreadable role>, <A, role 9>)"
    )


@pytest.mark.parametrize(
    "rule", [SignaturePolicy(), SignaturePolicy(signed_by=1), SignaturePolicy(signed_by=-1)]
)
def test_a_rule_without_its_principal_cannot_be_described(rule: SignaturePolicy) -> None:
    with pytest.raises(MalformedPolicyError):
        describe(SignaturePolicyEnvelope(rule=rule, identities=[MSPPrincipal()]))


def test_a_configuration_states_both_kinds_of_policy() -> None:
    """§14.2."""
    meta = parse_rule("MAJORITY Endorsement")
    assert meta.type == Policy.IMPLICIT_META
    assert ImplicitMetaPolicy.FromString(meta.value) == ImplicitMetaPolicy(
        sub_policy="Endorsement", rule=ImplicitMetaPolicy.MAJORITY
    )
    signature = parse_rule("OR('A.peer')")
    assert signature.type == Policy.SIGNATURE
    assert SignaturePolicyEnvelope.FromString(signature.value) == parse_policy("OR('A.peer')")
    with pytest.raises(PolicySyntaxError):
        parse_rule("MOST Endorsement")
