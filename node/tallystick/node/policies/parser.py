"""The two languages of a configuration's policies, as bytes and back.

Signature policies are read by `tallystick.wire.policies`; what is wrong with one becomes an error
of the node here.
"""

import re
from typing import Final

from tallystick.node.policies.errors import MalformedPolicyError, PolicySyntaxError
from tallystick.protos.common.policies_pb2 import (
    ImplicitMetaPolicy,
    Policy,
    SignaturePolicyEnvelope,
)
from tallystick.wire import policies as wire
from tallystick.wire.policies import describe_principal

__all__ = ["describe", "describe_principal", "parse_policy", "parse_rule"]

_IMPLICIT_META: Final = re.compile(r"\s*(?P<rule>ANY|ALL|MAJORITY)\s+(?P<name>\w+)\s*")


def parse_policy(text: str) -> SignaturePolicyEnvelope:
    """Return the signature policy that ``text`` states; see `tallystick.wire.policies`.

    Raises:
        PolicySyntaxError: The text is not a gate over principals.
    """
    try:
        return wire.parse_policy(text)
    except wire.PolicySyntaxError as error:
        raise PolicySyntaxError(error.text, error.position, error.problem) from error


def parse_rule(text: str) -> Policy:
    """Return the policy that ``text`` states, in either of the two languages of a configuration.

    ``ANY|ALL|MAJORITY <name>`` counts the policies called ``<name>`` in the groups below; anything
    else is read by `parse_policy`.

    Raises:
        PolicySyntaxError: The text is neither.
    """
    if found := _IMPLICIT_META.fullmatch(text):
        rule = ImplicitMetaPolicy.Rule.Value(found["rule"])
        meta = ImplicitMetaPolicy(sub_policy=found["name"], rule=rule)
        return Policy(type=Policy.IMPLICIT_META, value=meta.SerializeToString())
    return Policy(type=Policy.SIGNATURE, value=parse_policy(text).SerializeToString())


def describe(envelope: SignaturePolicyEnvelope) -> str:
    """Return ``envelope`` in the policy language.

    Raises:
        MalformedPolicyError: A rule refers to a principal that is not there, or is empty.
    """
    try:
        return wire.describe(envelope)
    except wire.MeaninglessPolicyError as error:
        raise MalformedPolicyError(error.problem) from error
