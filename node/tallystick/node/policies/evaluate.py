"""Evaluating policies: first which signatures count, then whether they are enough."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple, Protocol

from tallystick.node.membership.errors import IdentityError
from tallystick.node.membership.identity import Identity
from tallystick.node.membership.registry import MspRegistry
from tallystick.node.membership.signature_checker import SignatureChecker
from tallystick.node.policies.rule import Rule, marks_after, rule_of
from tallystick.protos.common.policies_pb2 import SignaturePolicyEnvelope


class SignedData(NamedTuple):
    """Somebody's signature over a message.

    Attributes:
        identity: ``SerializedIdentity`` bytes of the signer.
        message: The bytes that were signed, as they arrived.
        signature: DER, low-s.
    """

    identity: bytes
    message: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a policy says.

    Attributes:
        satisfied: Whether the identities are enough.
        reason: Why not; empty when satisfied.
    """

    satisfied: bool
    reason: str = ""


SATISFIED: Final = Verdict(satisfied=True)

REMEMBERED_VERDICTS: Final = 1_024
"""How many sets of identities a policy remembers: those of its clients, or of their endorsers."""


class Policy(Protocol):
    """Something that identities satisfy or do not."""

    def evaluate(self, identities: Sequence[Identity]) -> Verdict:
        """Return whether ``identities``, valid and distinct, satisfy the policy. Order matters."""


def valid_identities(
    signed: Iterable[SignedData], msps: MspRegistry, checker: SignatureChecker
) -> list[Identity]:
    """Return who really signed, each once, in the order of ``signed``.

    A signature drops out silently when nobody vouches for its identity or it is not good. A
    certificate that has counted is not verified again, so that repeating one cannot cost time.

    Source: wire.md §14.1.
    """
    valid: dict[tuple[str, bytes], Identity] = {}
    for one in signed:
        try:
            identity = msps.endorser(one.identity)
        except IdentityError:
            continue
        key = (identity.msp_id, identity.fingerprint)
        if key not in valid and checker.good(identity, one.message, one.signature):
            valid[key] = identity
    return list(valid.values())


class SignaturePolicyEvaluator:
    """A signature policy, ready for many evaluations.

    What it says of identities depends on nothing else, so each set of them is judged once.

    Attributes:
        rule: The gates.
        principals: What the rule's leaves refer to by index.
        msps: Says who meets a principal.
    """

    _FAILED: Final = Verdict(satisfied=False, reason="signature set did not satisfy policy")

    def __init__(self, envelope: SignaturePolicyEnvelope, msps: MspRegistry) -> None:
        """Raise MalformedPolicyError if the policy contradicts itself."""
        self.rule: Rule = rule_of(envelope)
        self.principals = tuple(envelope.identities)
        self.msps = msps
        self._verdict = lru_cache(REMEMBERED_VERDICTS)(self._judge)

    def evaluate(self, identities: Sequence[Identity]) -> Verdict:
        """Return whether ``identities`` satisfy the policy; see `Policy`."""
        return self._verdict(tuple(identities))

    def _judge(self, identities: tuple[Identity, ...]) -> Verdict:
        satisfies, principals = self.msps.satisfies, self.principals

        def qualifies(position: int, principal: int) -> bool:
            return satisfies(identities[position], principals[principal])

        if marks_after(self.rule, qualifies, len(identities)) is None:
            return self._FAILED
        return SATISFIED


def signature_policy_satisfied(
    envelope: SignaturePolicyEnvelope, identities: Sequence[Identity], msps: MspRegistry
) -> bool:
    """Return whether ``identities`` satisfy ``envelope``.

    Keep a `SignaturePolicyEvaluator` where the same policy is evaluated often.

    Raises:
        MalformedPolicyError: The policy contradicts itself.
    """
    return SignaturePolicyEvaluator(envelope, msps).evaluate(identities).satisfied
