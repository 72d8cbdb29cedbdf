"""Which organisations, and how many peers of each, can together satisfy an endorsement policy.

A layout maps an MSP id to a number of its peers. Two ways of joining layouts matter: the rules
inside one signature policy each consume a signature of their own, so their layouts *add*; different
policies look at the same signatures, so their layouts take the *larger* count.

Pure functions. Source: hyperledger/fabric discovery/endorsement/endorsement.go, wire.md §5.2, §14.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from functools import reduce
from itertools import chain, combinations, islice, product

from tallystick.protos.common import configtx_pb2, policies_pb2
from tallystick.protos.msp import msp_principal_pb2

Layout = Counter[str]

MAX_CHOICES = 1_000
"""How many ways to satisfy a policy are looked at. Any of them will do, and there may be millions:
7 of 12 organisations can be chosen in 792 ways, 9 of 16 in 11 440."""

_PEER_ROLES = (msp_principal_pb2.MSPRole.MEMBER, msp_principal_pb2.MSPRole.PEER)


def signature_policy_layouts(
    envelope: policies_pb2.SignaturePolicyEnvelope, available: Collection[str]
) -> list[Layout]:
    """Return the smallest layouts over ``available`` MSP ids that satisfy ``envelope``."""
    owners = [peer_organisation(principal) for principal in envelope.identities]
    return _rule_layouts(envelope.rule, owners, available)


def implicit_meta_layouts(
    root: configtx_pb2.ConfigGroup, path: str, available: Collection[str]
) -> list[Layout]:
    """Return the layouts that satisfy the policy at ``path`` such as ``/Channel/Application/X``.

    A path or a child policy that does not exist can be satisfied by nobody: it gives no layout.
    """
    *groups, name = path.removeprefix("/").split("/")
    group = root
    for child in groups[1:]:
        if child not in group.groups:
            return []
        group = group.groups[child]
    return _config_policy_layouts(group, name, available)


def merged(layouts: Iterable[list[Layout]]) -> list[Layout]:
    """Return the layouts that satisfy every policy at once, smallest first."""
    return reduce(lambda left, right: _choices([left, right], 2, _larger), layouts, [Layout()])


def _config_policy_layouts(
    group: configtx_pb2.ConfigGroup, name: str, available: Collection[str]
) -> list[Layout]:
    if name not in group.policies:
        return []
    policy = group.policies[name].policy
    if policy.type == policies_pb2.Policy.SIGNATURE:
        envelope = policies_pb2.SignaturePolicyEnvelope.FromString(policy.value)
        return signature_policy_layouts(envelope, available)
    if policy.type != policies_pb2.Policy.IMPLICIT_META:
        return []
    meta = policies_pb2.ImplicitMetaPolicy.FromString(policy.value)
    children = [
        _config_policy_layouts(child, meta.sub_policy, available)
        for _, child in sorted(group.groups.items())
    ]
    needed = {
        policies_pb2.ImplicitMetaPolicy.ANY: min(1, len(children)),
        policies_pb2.ImplicitMetaPolicy.ALL: len(children),
        policies_pb2.ImplicitMetaPolicy.MAJORITY: len(children) // 2 + 1 if children else 0,
    }[meta.rule]
    return _choices(children, needed, _larger)


def _rule_layouts(
    rule: policies_pb2.SignaturePolicy, owners: Sequence[str | None], available: Collection[str]
) -> list[Layout]:
    if rule.WhichOneof("Type") == "signed_by":
        owner = owners[rule.signed_by] if 0 <= rule.signed_by < len(owners) else None
        return [Layout({owner: 1})] if owner in available and owner is not None else []
    children = [_rule_layouts(child, owners, available) for child in rule.n_out_of.rules]
    return _choices(children, rule.n_out_of.n, lambda left, right: left + right)


def peer_organisation(principal: msp_principal_pb2.MSPPrincipal) -> str | None:
    """Return the MSP whose peers satisfy ``principal``; None when no peer can."""
    if principal.principal_classification != msp_principal_pb2.MSPPrincipal.ROLE:
        return None
    role = msp_principal_pb2.MSPRole.FromString(principal.principal)
    return role.msp_identifier if role.role in _PEER_ROLES else None


def _larger(left: Layout, right: Layout) -> Layout:
    return left | right


def _choices(
    children: Sequence[list[Layout]], needed: int, join: Callable[[Layout, Layout], Layout]
) -> list[Layout]:
    """Return what satisfies ``needed`` of ``children``, each given as its own layouts."""
    satisfiable = [child for child in children if child]
    if len(satisfiable) < needed:
        return []
    # Neighbours first: if not all choices are looked at, everybody can still be done without.
    around = satisfiable * 2
    neighbours = (around[first : first + needed] for first in range(len(satisfiable)))
    chosen = chain(neighbours, combinations(satisfiable, needed))
    choices = chain.from_iterable(product(*each) for each in chosen)
    return _smallest(reduce(join, choice, Layout()) for choice in islice(choices, MAX_CHOICES))


def _smallest(layouts: Iterable[Layout]) -> list[Layout]:
    """Drop repeats; order by number of peers, then by organisation, so that plans are stable."""
    distinct = {tuple(sorted(layout.items())): layout for layout in layouts}
    return [distinct[key] for key in sorted(distinct, key=lambda key: (_size(key), key))]


def _size(key: tuple[tuple[str, int], ...]) -> int:
    return sum(count for _, count in key)
