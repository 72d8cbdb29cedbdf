"""Why a policy is satisfied or not, as a tree with ticks and in words.

The walk is that of evaluation, except that it goes on where evaluation may stop, so that the tree
shows every branch. Source: wire.md §14.1, §14.2.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import assert_never

from tallystick.node.membership.certificates import common_name, load_certificate
from tallystick.node.membership.errors import CertificateError, IdentityError
from tallystick.node.membership.identity import Identity
from tallystick.node.membership.registry import MspRegistry
from tallystick.node.membership.signature_checker import SignatureChecker
from tallystick.node.policies.evaluate import Policy, SignaturePolicyEvaluator, SignedData
from tallystick.node.policies.implicit_meta import ImplicitMetaEvaluator
from tallystick.node.policies.parser import describe_principal
from tallystick.node.policies.rule import OutOf, Rule, SignedBy
from tallystick.protos.msp.identities_pb2 import SerializedIdentity
from tallystick.wire.errors import MalformedMessageError
from tallystick.wire.messages import decode


@dataclass(frozen=True, slots=True)
class SignatureFinding:
    """What became of one signature.

    Attributes:
        signer: Whose it is; None if nobody on the channel vouches for its identity.
        claim: Whose it says it is: organisation and common name, as far as they can be read.
        problem: Why it does not count; empty if it does.
    """

    signer: Identity | None
    claim: str
    problem: str = ""

    @property
    def line(self) -> str:
        """The finding in one line, with a tick or a cross."""
        return f"✗ {self.claim}: {self.problem}" if self.problem else f"✓ {self.claim}"


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a policy, or a part of one, is satisfied or not.

    Attributes:
        text: What it asks for.
        satisfied: Whether it has that.
        signer: Whose signature it is that a principal was satisfied by.
        needed: How many of the branches must be satisfied; 0 where there are none.
        branches: The parts, in the order in which they are tried.
    """

    text: str
    satisfied: bool
    signer: Identity | None = None
    needed: int = 0
    branches: tuple["Explanation", ...] = ()

    def tree(self, indent: str = "") -> Iterator[str]:
        """Yield one line for each part, with a tick or a cross, parts below what they belong to."""
        tick = "✓" if self.satisfied else "✗"
        signer = f", by {name_of(self.signer)}" if self.signer else ""
        yield f"{indent}{tick} {self.text}{signer}"
        for branch in self.branches:
            yield from branch.tree(f"{indent}  ")

    def missing(self) -> str:
        """Return in words what would satisfy it; empty if it is satisfied.

        No backtracking is foreseen: where the order of signatures is at fault, the words name the
        part that came away empty-handed.
        """
        if self.satisfied:
            return ""
        wanting = [branch.missing() for branch in self.branches if not branch.satisfied]
        lacking = self.needed - (len(self.branches) - len(wanting))
        if lacking > len(wanting) or not wanting:
            return self.text
        if len(wanting) == 1:
            return wanting[0]
        if lacking == 1:
            return f"({' or '.join(wanting)})"
        if lacking == len(wanting):
            return f"({' and '.join(wanting)})"
        return f"({lacking} of {', '.join(wanting)})"


def name_of(identity: Identity) -> str:
    """Return an identity's organisation and common name."""
    return f"{identity.msp_id} {identity.common_name}"


def explain_signatures(
    signed: Iterable[SignedData], msps: MspRegistry, checker: SignatureChecker
) -> list[SignatureFinding]:
    """Return what became of each signature; those without a problem are the valid identities.

    Source: wire.md §14.1.
    """
    findings: list[SignatureFinding] = []
    counted: set[tuple[str, bytes]] = set()
    for one in signed:
        try:
            identity = msps.endorser(one.identity)
        except IdentityError as error:
            findings.append(SignatureFinding(None, _claim(one.identity), str(error)))
            continue
        key = (identity.msp_id, identity.fingerprint)
        if key in counted:
            problem = "this identity has signed already and counts once"
        elif checker.good(identity, one.message, one.signature):
            problem = ""
            counted.add(key)
        else:
            problem = "the signature is not good: something else was signed, or by another key"
        findings.append(SignatureFinding(identity, name_of(identity), problem))
    return findings


def _claim(identity: bytes) -> str:
    """Return whom an identity says to be, although nobody vouches for it."""
    try:
        claimed = decode(SerializedIdentity, identity)
    except MalformedMessageError:
        return "somebody unreadable"
    try:
        certificate = load_certificate(claimed.id_bytes)
    except CertificateError:
        return f"somebody of {claimed.mspid}"
    return f"{claimed.mspid} {common_name(certificate)}"


def explain(policy: Policy, identities: Sequence[Identity]) -> Explanation:
    """Return why ``identities``, valid and distinct, satisfy ``policy`` or do not."""
    match policy:
        case SignaturePolicyEvaluator():
            explanation, _ = _explain_rule(policy.rule, policy, identities, 0)
            return explanation
        case ImplicitMetaEvaluator():
            return _explain_implicit_meta(policy, identities)
        case _:
            verdict = policy.evaluate(identities)
            return Explanation(verdict.reason or "nothing", verdict.satisfied)


def _explain_implicit_meta(
    policy: ImplicitMetaEvaluator, identities: Sequence[Identity]
) -> Explanation:
    branches = []
    for path, child in policy.children.items():
        explained = explain(child, identities)
        branches.append(replace(explained, text=f"{path}: {explained.text}"))
    satisfied = sum(branch.satisfied for branch in branches)
    return Explanation(
        f"{policy.threshold} of the {len(branches)} policies {policy.name!r}",
        satisfied >= policy.threshold,
        needed=policy.threshold,
        branches=tuple(branches),
    )


def _explain_rule(
    rule: Rule, policy: SignaturePolicyEvaluator, identities: Sequence[Identity], marks: int
) -> tuple[Explanation, int]:
    """Return the explanation, and which identities are used then, as `marks_after` does."""
    match rule:
        case SignedBy(index):
            principal = policy.principals[index]
            text = describe_principal(principal)
            for position, identity in enumerate(identities):
                if not marks >> position & 1 and policy.msps.satisfies(identity, principal):
                    return Explanation(text, True, signer=identity), marks | 1 << position  # noqa: FBT003
            return Explanation(text, False), marks  # noqa: FBT003
        case OutOf(needed, rules):
            branches = []
            after = marks
            for branch in rules:
                explained, after = _explain_rule(branch, policy, identities, after)
                branches.append(explained)
            satisfied = sum(branch.satisfied for branch in branches) >= needed
            explanation = Explanation(
                f"{needed} of {len(branches)}",
                satisfied,
                needed=needed,
                branches=tuple(branches),
            )
            return explanation, after if satisfied else marks
        case _:
            assert_never(rule)
