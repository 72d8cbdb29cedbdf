"""Who must endorse changes of a single key, in place of the chaincode's rule.

Source: wire.md §12, the endorsement check; §14.3.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from google.protobuf.message import DecodeError

from tallystick.chaincode.errors import Refusal
from tallystick.protos.common.policies_pb2 import SignaturePolicyEnvelope
from tallystick.wire.errors import WireError
from tallystick.wire.policies import all_peers, describe, parse_policy

VALIDATION_PARAMETER: Final = "VALIDATION_PARAMETER"
"""The metadata entry in which Fabric keeps the endorsement policy of a key."""

Rule = str | Sequence[str]
"""``"AND('A.peer', 'B.peer')"`` in the policy language, or MSP ids: a peer of each must endorse."""


class InvalidEndorsementRuleError(Refusal):
    """A rule of endorsement cannot be given to a key."""

    def __init__(self, problem: str) -> None:
        super().__init__("INVALID_ENDORSEMENT_RULE", problem)


def encode_rule(rule: Rule) -> bytes:
    """Return a rule as the ``SignaturePolicyEnvelope`` bytes that the metadata of a key holds.

    Raises:
        InvalidEndorsementRuleError: The text does not follow the policy language, or the list is
            empty, which would let nobody's word count.
    """
    if isinstance(rule, str):
        try:
            return parse_policy(rule).SerializeToString()
        except WireError as error:
            raise InvalidEndorsementRuleError(str(error)) from error
    if not rule:
        raise InvalidEndorsementRuleError(
            "no organisation is named; call clear_endorsement() to go back to the chaincode's rule"
        )
    return all_peers(rule).SerializeToString()


def rule_in(metadata: Mapping[str, bytes]) -> str | None:
    """Return the rule in the metadata of a key, in the policy language; None if it has none."""
    encoded = metadata.get(VALIDATION_PARAMETER)
    if not encoded:
        return None
    try:
        return describe(SignaturePolicyEnvelope.FromString(encoded))
    except (DecodeError, WireError) as error:
        raise InvalidEndorsementRuleError(
            f"the rule that the key has cannot be read: {error}"
        ) from error
