"""What a definition of private data collections must look like.

Source: wire.md §16, the rules; hyperledger/fabric core/chaincode/lifecycle/scc.go.
"""

import re
from collections.abc import Iterable
from typing import Final

from tallystick.node.membership.errors import IdentityError
from tallystick.node.membership.registry import MspRegistry
from tallystick.node.policies.errors import MalformedPolicyError
from tallystick.node.policies.evaluate import SignaturePolicyEvaluator
from tallystick.node.system.definitions import LifecycleRuleError
from tallystick.protos.common.policies_pb2 import SignaturePolicy
from tallystick.protos.msp.msp_principal_pb2 import MSPPrincipal, MSPRole, OrganizationUnit
from tallystick.protos.peer.collection_pb2 import (
    CollectionConfigPackage,
    StaticCollectionConfig,
)
from tallystick.wire.errors import MalformedMessageError
from tallystick.wire.messages import decode

_NAME: Final = re.compile(r"[A-Za-z0-9-][A-Za-z0-9_-]*")


def check_collections(package: CollectionConfigPackage, msps: MspRegistry) -> None:
    """Check the collections that somebody proposes.

    Raises:
        LifecycleRuleError: One breaks a rule.
    """
    seen: set[str] = set()
    for collection in static_collections(package):
        name = collection.name
        if not _NAME.fullmatch(name):
            raise LifecycleRuleError(
                f"invalid collection name '{name}'. Names can only consist of alphanumerics, '_', "
                "and '-' and cannot begin with '_'"
            )
        if name in seen:
            raise _broken(collection, "found duplicate in collection configuration")
        seen.add(name)
        _check_counts(collection)
        _check_members(collection, msps)


def check_upgrade(proposed: CollectionConfigPackage, committed: CollectionConfigPackage) -> None:
    """Check that ``proposed`` keeps the collections that hold data already.

    Raises:
        LifecycleRuleError: It drops one, or changes how long its values live.
    """
    if not committed.config:
        return
    by_name = {collection.name: collection for collection in static_collections(proposed)}
    if not by_name:
        raise LifecycleRuleError(
            "the proposed collection config does not contain previously defined collections"
        )
    for existing in static_collections(committed):
        new = by_name.get(existing.name)
        if new is None:
            raise LifecycleRuleError(
                f"existing collection [{existing.name}] missing in the proposed collection "
                "configuration"
            )
        if new.block_to_live != existing.block_to_live:
            raise LifecycleRuleError(
                f"the BlockToLive in an existing collection [{existing.name}] modified. Existing "
                f"value [{existing.block_to_live}]"
            )


def static_collections(package: CollectionConfigPackage) -> Iterable[StaticCollectionConfig]:
    """Yield the collections of ``package``.

    Raises:
        LifecycleRuleError: One is of a kind that does not exist.
    """
    for entry in package.config:
        if not entry.HasField("static_collection_config"):
            raise LifecycleRuleError("collection configuration is empty")
        yield entry.static_collection_config


def _check_counts(collection: StaticCollectionConfig) -> None:
    required, maximum = collection.required_peer_count, collection.maximum_peer_count
    if maximum < required:
        raise _broken(
            collection,
            f"maximum peer count ({maximum}) cannot be less than the required peer count "
            f"({required})",
        )
    if required < 0:
        raise _broken(collection, f"requiredPeerCount ({required}) cannot be less than zero")


def _check_members(collection: StaticCollectionConfig, msps: MspRegistry) -> None:
    name = collection.name
    if not collection.HasField("member_orgs_policy"):
        raise LifecycleRuleError(f"collection member policy is not set for collection '{name}'")
    if not collection.member_orgs_policy.HasField("signature_policy"):
        raise LifecycleRuleError(f"collection member org policy is empty for collection '{name}'")
    policy = collection.member_orgs_policy.signature_policy
    try:
        SignaturePolicyEvaluator(policy, msps)
    except MalformedPolicyError as error:
        raise LifecycleRuleError(
            f"invalid member org policy for collection '{name}': {error}"
        ) from error
    needed = _first_gate_that_needs_more_than_one(policy.rule)
    if needed is not None:
        raise _broken(
            collection,
            "error in member org policy: signature policy is not an OR concatenation, NOutOf "
            f"{needed}",
        )
    for principal in policy.identities:
        _check_member(collection, principal, msps)


def _first_gate_that_needs_more_than_one(rule: SignaturePolicy) -> int | None:
    if not rule.HasField("n_out_of"):
        return None
    if rule.n_out_of.n != 1:
        return rule.n_out_of.n
    inner = map(_first_gate_that_needs_more_than_one, rule.n_out_of.rules)
    return next((needed for needed in inner if needed is not None), None)


def _check_member(
    collection: StaticCollectionConfig, principal: MSPPrincipal, msps: MspRegistry
) -> None:
    kind = principal.principal_classification
    try:
        if kind == MSPPrincipal.ROLE:
            msp_id = decode(MSPRole, principal.principal).msp_identifier
        elif kind == MSPPrincipal.ORGANIZATION_UNIT:
            msp_id = decode(OrganizationUnit, principal.principal).msp_identifier
        elif kind == MSPPrincipal.IDENTITY:
            msp_id = msps.endorser(principal.principal).msp_id
        else:
            known = kind in MSPPrincipal.Classification.values()
            name = MSPPrincipal.Classification.Name(kind) if known else kind
            raise _broken(collection, f"principal type {name} is not supported")
    except MalformedMessageError as error:
        raise _broken(collection, f"a principal cannot be read: {error}") from error
    except IdentityError as error:
        raise _broken(collection, "contains an identity that is not part of the channel") from error
    if msps.get(msp_id) is None:
        raise _broken(collection, f"collection member '{msp_id}' is not part of the channel")


def _broken(collection: StaticCollectionConfig, problem: str) -> LifecycleRuleError:
    return LifecycleRuleError(f"collection-name: {collection.name} -- {problem}")
