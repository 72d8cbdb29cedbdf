"""Whether anybody is left who could satisfy a policy. Pure."""

from collections.abc import Collection, Sequence
from typing import assert_never

from tallystick.node.membership.principals import organization_of
from tallystick.node.policies.evaluate import Policy, SignaturePolicyEvaluator
from tallystick.node.policies.implicit_meta import ImplicitMetaEvaluator
from tallystick.node.policies.rule import OutOf, Rule, SignedBy
from tallystick.protos.msp.msp_principal_pb2 import MSPPrincipal
from tallystick.wire.errors import MalformedMessageError


def is_satisfiable(policy: Policy, msp_ids: Collection[str]) -> bool:
    """Return whether the organisations ``msp_ids``, all together, could satisfy ``policy``.

    Whom an organisation has, in which role and how many, is not known here: the answer may be yes
    for a policy that nobody satisfies, and is never no for one that somebody does.
    """
    match policy:
        case SignaturePolicyEvaluator():
            principals = [_may_be_met(each, msp_ids) for each in policy.principals]
            return _is_satisfiable(policy.rule, principals)
        case ImplicitMetaEvaluator():
            children = (is_satisfiable(each, msp_ids) for each in policy.children.values())
            return sum(children) >= policy.threshold
        case _:  # it stands where there is no policy
            return False


def _is_satisfiable(rule: Rule, principals: Sequence[bool]) -> bool:
    match rule:
        case SignedBy(index):
            return principals[index]
        case OutOf(needed, rules):
            return sum(_is_satisfiable(each, principals) for each in rules) >= needed
        case _:
            assert_never(rule)


def _may_be_met(principal: MSPPrincipal, msp_ids: Collection[str]) -> bool:
    try:
        msp_id = organization_of(principal)
    except MalformedMessageError:
        return False  # it describes nobody
    return not msp_id or msp_id in msp_ids
