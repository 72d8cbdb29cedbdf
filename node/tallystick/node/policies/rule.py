"""The rule of a signature policy: gates over principals, checked once and then cheap to walk."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import assert_never

from tallystick.node.policies.errors import MalformedPolicyError
from tallystick.protos.common.policies_pb2 import SignaturePolicy, SignaturePolicyEnvelope

Qualifies = Callable[[int, int], bool]
"""Whether the identity at a position meets the principal at an index."""


@dataclass(frozen=True, slots=True)
class SignedBy:
    """Satisfied by one signature of somebody who meets the principal at ``principal_index``."""

    principal_index: int


@dataclass(frozen=True, slots=True)
class OutOf:
    """Satisfied when at least ``needed`` of ``rules`` are, each by signatures of its own."""

    needed: int
    rules: tuple["Rule", ...]


Rule = SignedBy | OutOf


def rule_of(envelope: SignaturePolicyEnvelope) -> Rule:
    """Return the rule in ``envelope``.

    Raises:
        MalformedPolicyError: The version is unknown, a node is empty, or a principal is missing.
    """
    if envelope.version != 0:
        raise MalformedPolicyError(f"signature policy version {envelope.version} is unknown; use 0")
    return _rule(envelope.rule, len(envelope.identities))


def marks_after(rule: Rule, qualifies: Qualifies, count: int, marks: int = 0) -> int | None:
    """Return which identities are used once ``rule`` is satisfied; None if it is not.

    There is no backtracking: each leaf takes the first identity that is still free and qualifies,
    and a gate goes on to its last branch even when it has enough. So the order of branches matters,
    and a policy that could be satisfied may fail. Fabric does the same, and so must every peer.

    Args:
        rule: What to satisfy.
        qualifies: Whether the identity at a position meets a principal.
        count: How many identities there are.
        marks: Bit set of the positions of identities that are used already.

    Source: wire.md §14.1.
    """
    match rule:
        case SignedBy(principal):
            for position in range(count):
                if not marks >> position & 1 and qualifies(position, principal):
                    return marks | 1 << position
            return None
        case OutOf(needed, branches):
            satisfied = 0
            for branch in branches:
                after = marks_after(branch, qualifies, count, marks)
                if after is not None:
                    marks = after
                    satisfied += 1
            return marks if satisfied >= needed else None
        case _:
            assert_never(rule)


def _rule(message: SignaturePolicy, principal_count: int) -> Rule:
    match message.WhichOneof("Type"):
        case "signed_by":
            if not 0 <= message.signed_by < principal_count:
                raise MalformedPolicyError(
                    f"it asks for principal {message.signed_by} of {principal_count}"
                )
            return SignedBy(message.signed_by)
        case "n_out_of":
            gate = message.n_out_of
            return OutOf(gate.n, tuple(_rule(child, principal_count) for child in gate.rules))
        case _:
            raise MalformedPolicyError("a rule is neither a principal nor a gate")
