"""Policies as text and as messages, and the collections that are defined with them."""

from fuzz.context import channel
from fuzz.target import Target
from tallystick.node.policies.errors import MalformedPolicyError
from tallystick.node.policies.evaluate import SignaturePolicyEvaluator
from tallystick.node.runtime.collections import members_of
from tallystick.node.system.collections import check_collections, check_upgrade
from tallystick.node.system.definitions import LifecycleRuleError
from tallystick.node.validation.endorsement_policies import EndorsementPolicies
from tallystick.protos.common.policies_pb2 import SignaturePolicyEnvelope
from tallystick.protos.peer.collection_pb2 import CollectionConfigPackage
from tallystick.wire.errors import WireError
from tallystick.wire.messages import decode
from tallystick.wire.policies import describe, parse_policy


def _policy_text(data: bytes) -> None:
    describe(parse_policy(data.decode(errors="replace")))


def _signature_policy(data: bytes) -> None:
    envelope = decode(SignaturePolicyEnvelope, data)
    SignaturePolicyEvaluator(envelope, channel().msps).evaluate([])
    describe(envelope)


def _endorsement_policy(data: bytes) -> None:
    """As the definition of a chaincode, and the metadata of a key, say who must endorse."""
    policies = EndorsementPolicies(channel())
    policies.of_definition(data).policy.evaluate([])
    policies.of_key(data).policy.evaluate([])


def _collections(data: bytes) -> None:
    """As an organisation proposes the collections of a chaincode."""
    package = decode(CollectionConfigPackage, data)
    check_collections(package, channel().msps)
    check_upgrade(package, package)
    for entry in package.config:
        members_of(entry.static_collection_config)


TARGETS = (
    Target("policy_text", _policy_text, (WireError,)),
    Target("signature_policy", _signature_policy, (WireError, MalformedPolicyError)),
    Target("endorsement_policy", _endorsement_policy),
    Target("collections", _collections, (WireError, LifecycleRuleError)),
)
