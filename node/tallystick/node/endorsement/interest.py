"""Which policies a transaction must meet, told to gateways so that they can find the endorsers.

Source: wire.md §4, end; §12, the endorsement check.
"""

from collections.abc import Callable, Sequence
from typing import Final

from tallystick.node.channel.lifecycle_names import IMPLICIT_COLLECTION_PREFIX, LIFECYCLE_NAMESPACE
from tallystick.node.ledger.simulator import TouchedNamespace
from tallystick.protos.common.policies_pb2 import SignaturePolicyEnvelope
from tallystick.protos.peer.collection_pb2 import CollectionConfigPackage
from tallystick.protos.peer.proposal_response_pb2 import ChaincodeCall, ChaincodeInterest

_READ_BY_EVERY_CALL: Final = frozenset({LIFECYCLE_NAMESPACE, "lscc"})

Collections = Callable[[str], CollectionConfigPackage | None]
"""Returns the private data collections that a chaincode defines."""


def chaincode_interest(
    chaincode: str, touched: Sequence[TouchedNamespace], collections: Collections
) -> ChaincodeInterest:
    """Return what a transaction touched, for each set of keys that answers to policies of its own.

    There is one call for the public keys of a namespace, unless only its private keys were written,
    and one for each collection that was written or whose values were read. The called chaincode is
    always there, for its policy counts even if it touched nothing.

    Args:
        chaincode: The chaincode that the proposal called.
        touched: What the simulation touched.
        collections: Looks collections up.
    """
    written = {one.namespace for one in touched if one.writes}
    interest = ChaincodeInterest()
    calls = interest.chaincodes
    for one in touched:
        if one.collection:
            if one.writes or one.reads_private_values:
                calls.append(_collection_call(one, collections(one.namespace)))
        elif one.writes or (
            one.namespace not in written and one.namespace not in _READ_BY_EVERY_CALL
        ):
            calls.append(_public_call(one))
    if all(call.name != chaincode for call in calls):
        calls.add(name=chaincode)
    return interest


def _public_call(one: TouchedNamespace) -> ChaincodeCall:
    return ChaincodeCall(
        name=one.namespace,
        key_policies=map(SignaturePolicyEnvelope.FromString, one.key_policies),
        disregard_namespace_policy=one.writes and not one.needs_own_policy,
    )


def _collection_call(
    one: TouchedNamespace, package: CollectionConfigPackage | None
) -> ChaincodeCall:
    needs_namespace_policy = one.needs_own_policy and not _has_own_policy(one.collection, package)
    return ChaincodeCall(
        name=one.namespace,
        collection_names=[one.collection],
        key_policies=map(SignaturePolicyEnvelope.FromString, one.key_policies),
        disregard_namespace_policy=one.writes and not needs_namespace_policy,
        no_private_reads=not one.reads_private_values,
    )


def _has_own_policy(collection: str, package: CollectionConfigPackage | None) -> bool:
    if collection.startswith(IMPLICIT_COLLECTION_PREFIX):
        return True
    return any(
        entry.static_collection_config.name == collection
        and entry.static_collection_config.HasField("endorsement_policy")
        for entry in (package.config if package is not None else ())
    )
