"""The policy evaluator against two models: Fabric's algorithm, retold, and plain satisfiability.

Identities are reduced to what a policy can see of them: the set of principals that each meets.
"""

from dataclasses import dataclass
from itertools import permutations

from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.node.policies.rule import OutOf, Rule, SignedBy, marks_after

PRINCIPAL_COUNT = 3

RULES: st.SearchStrategy[Rule] = st.recursive(
    st.builds(SignedBy, st.integers(0, PRINCIPAL_COUNT - 1)),
    lambda rules: st.lists(rules, max_size=3).flatmap(
        lambda some: st.builds(OutOf, st.integers(0, len(some) + 1), st.just(tuple(some)))
    ),
    max_leaves=6,
)
IDENTITIES = st.lists(st.frozensets(st.integers(0, PRINCIPAL_COUNT - 1)), max_size=4)


def evaluator_accepts(rule: Rule, identities: list[frozenset[int]]) -> bool:
    def qualifies(position: int, principal: int) -> bool:
        return principal in identities[position]

    return marks_after(rule, qualifies, len(identities)) is not None


@dataclass
class FabricModel:
    """Fabric's procedure with a list of flags, which each gate copies before it tries a branch."""

    identities: list[frozenset[int]]

    def accepts(self, rule: Rule, used: list[bool]) -> bool:
        """Return whether ``rule`` is satisfied; then ``used`` has been updated in place."""
        if isinstance(rule, SignedBy):
            for position, principals in enumerate(self.identities):
                if rule.principal_index in principals and not used[position]:
                    used[position] = True
                    return True
            return False
        verified = 0
        for branch in rule.rules:
            attempt = list(used)
            if self.accepts(branch, attempt):
                used[:] = attempt
                verified += 1
        return verified >= rule.needed


def leaf_choices(rule: Rule) -> list[list[int]]:
    """Return every list of principals that would satisfy ``rule`` if each signed separately."""
    if isinstance(rule, SignedBy):
        return [[rule.principal_index]]
    choices: list[tuple[int, list[int]]] = [(0, [])]
    for branch in rule.rules:
        taken = [
            (count + 1, principals + more)
            for count, principals in choices
            for more in leaf_choices(branch)
        ]
        choices += taken
    return [principals for count, principals in choices if count >= rule.needed]


def can_be_satisfied(rule: Rule, identities: list[frozenset[int]]) -> bool:
    """Return whether some assignment of distinct identities satisfies ``rule``."""
    return any(
        all(wanted in identity for wanted, identity in zip(principals, signers, strict=True))
        for principals in leaf_choices(rule)
        if len(principals) <= len(identities)
        for signers in permutations(identities, len(principals))
    )


@given(RULES, IDENTITIES)
@settings(max_examples=300)
def test_the_evaluator_decides_as_fabrics_procedure_does(
    rule: Rule, identities: list[frozenset[int]]
) -> None:
    """§14.1: no backtracking; a gate keeps the marks of branches that succeeded."""
    expected = FabricModel(identities).accepts(rule, [False] * len(identities))
    assert evaluator_accepts(rule, identities) == expected


@given(RULES, IDENTITIES)
@settings(max_examples=150, deadline=None)
def test_what_the_evaluator_accepts_distinct_signers_could_have_signed(
    rule: Rule, identities: list[frozenset[int]]
) -> None:
    """§14.1: one identity counts for one principal."""
    if evaluator_accepts(rule, identities):
        assert can_be_satisfied(rule, identities)


def test_the_order_of_branches_can_make_a_satisfiable_policy_fail() -> None:
    """§14.1: keep that behaviour."""
    anybody, somebody = SignedBy(0), SignedBy(1)
    identities = [frozenset({0, 1}), frozenset({0})]
    assert can_be_satisfied(OutOf(2, (anybody, somebody)), identities)
    assert not evaluator_accepts(OutOf(2, (anybody, somebody)), identities)
    assert evaluator_accepts(OutOf(2, (somebody, anybody)), identities)


def test_a_gate_that_has_enough_still_uses_up_identities() -> None:
    """§14.1: a gate keeps the marks of every branch that succeeded."""
    greedy = OutOf(1, (SignedBy(0), SignedBy(0)))
    identities = [frozenset({0}), frozenset({0})]
    assert can_be_satisfied(OutOf(2, (greedy, SignedBy(0))), identities)
    assert not evaluator_accepts(OutOf(2, (greedy, SignedBy(0))), identities)


def test_a_gate_that_fails_gives_its_identities_back() -> None:
    failing = OutOf(2, (SignedBy(0), SignedBy(1)))
    assert evaluator_accepts(OutOf(1, (failing, SignedBy(0))), [frozenset({0})])
