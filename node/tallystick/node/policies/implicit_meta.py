"""Policies that count the policies of the groups below them. Source: wire.md §14.2."""

from collections.abc import Mapping, Sequence
from functools import lru_cache

from tallystick.node.membership.identity import Identity
from tallystick.node.policies.errors import MalformedPolicyError
from tallystick.node.policies.evaluate import REMEMBERED_VERDICTS, SATISFIED, Policy, Verdict
from tallystick.protos.common.policies_pb2 import ImplicitMetaPolicy


class ImplicitMetaEvaluator:
    """Satisfied when enough policies of one name, one for each child group, are.

    Like a signature policy it judges each set of identities once.

    Attributes:
        threshold: How many.
        name: The name that the policies share.
        children: The policies by their paths.
    """

    def __init__(self, message: ImplicitMetaPolicy, children: Mapping[str, Policy]) -> None:
        """Take the children's policies, in the order of the groups' names.

        Args:
            message: The name that the policies share, and how many are needed.
            children: For each child group its policy, or one that rejects if it has none, by path.

        Raises:
            MalformedPolicyError: The rule is not ANY, ALL or MAJORITY.
        """
        self.threshold = _threshold(message.rule, len(children))
        self.name = message.sub_policy
        self.children = children
        self._verdict = lru_cache(REMEMBERED_VERDICTS)(self._judge)

    def evaluate(self, identities: Sequence[Identity]) -> Verdict:
        """Return whether enough children are satisfied by ``identities``; see `Policy`."""
        return self._verdict(tuple(identities))

    def _judge(self, identities: tuple[Identity, ...]) -> Verdict:
        satisfied = 0
        for child in self.children.values():
            if satisfied == self.threshold:
                break
            satisfied += child.evaluate(identities).satisfied
        if satisfied >= self.threshold:
            return SATISFIED
        return Verdict(
            satisfied=False,
            reason=f"implicit policy evaluation failed - {satisfied} sub-policies were satisfied, "
            f"but this policy requires {self.threshold} of the '{self.name}' sub-policies to be "
            "satisfied",
        )


def _threshold(rule: ImplicitMetaPolicy.Rule.ValueType, children: int) -> int:
    if children == 0:
        return 0
    match rule:
        case ImplicitMetaPolicy.ANY:
            return 1
        case ImplicitMetaPolicy.ALL:
            return children
        case ImplicitMetaPolicy.MAJORITY:
            return children // 2 + 1
        case _:
            raise MalformedPolicyError(f"implicit meta rule {rule} is none of ANY, ALL, MAJORITY")
