"""What one transaction needs: the layouts that satisfy every policy its simulation touched."""

from collections.abc import Callable, Collection, Iterator
from typing import Protocol

from tallystick.node.channel.config import ChannelConfig
from tallystick.node.channel.lifecycle_names import (
    IMPLICIT_COLLECTION_PREFIX,
    LIFECYCLE_NAMESPACE,
    LIFECYCLE_POLICY,
)
from tallystick.node.gateway.layouts import (
    Layout,
    implicit_meta_layouts,
    merged,
    peer_organisation,
    signature_policy_layouts,
)
from tallystick.node.validation.endorsement_policies import majority_policy
from tallystick.protos.peer import collection_pb2, policy_pb2, proposal_response_pb2

MAX_REMEMBERED_PLANS = 1_000


class EndorsementPolicies(Protocol):
    """Where the planner learns the policies of committed chaincode definitions."""

    generation: int
    """Changes whenever any committed definition does; plans of an older one are forgotten."""

    def validation_policy(self, namespace: str) -> bytes | None:
        """Return the serialized ``ApplicationPolicy`` of a namespace; None when undefined."""

    def collections(self, namespace: str) -> collection_pb2.CollectionConfigPackage | None:
        """Return the collections of a namespace; None when it has none."""


class Planner:
    """Turns the interest of a first endorsement into layouts, smallest first.

    Invariant: remembered plans belong to the channel config and definitions last seen.
    """

    def __init__(
        self, channel: Callable[[], ChannelConfig], definitions: EndorsementPolicies
    ) -> None:
        self._channel = channel
        self._definitions = definitions
        self._plans: dict[tuple[bytes, frozenset[str]], list[Layout]] = {}
        self._basis: tuple[int, int] | None = None

    def layouts(
        self, interest: proposal_response_pb2.ChaincodeInterest, available: Collection[str]
    ) -> list[Layout]:
        """Return the layouts over ``available`` MSP ids for one transaction; empty when none can.

        Source: wire.md §5.2; hyperledger/fabric discovery/endorsement/endorsement.go.
        """
        basis = (self._channel().sequence, self._definitions.generation)
        if basis != self._basis or len(self._plans) >= MAX_REMEMBERED_PLANS:
            self._plans.clear()
            self._basis = basis
        key = (interest.SerializeToString(deterministic=True), frozenset(available))
        plan = self._plans.get(key)
        if plan is None:
            plan = merged(
                policy_layouts
                for call in interest.chaincodes
                for policy_layouts in self._call_layouts(call, available)
            )
            self._plans[key] = plan
        return plan

    def readers(
        self,
        interest: proposal_response_pb2.ChaincodeInterest,
        available: Collection[str],
        *,
        transient: bool,
    ) -> set[str]:
        """Return which of ``available`` can run the transaction, and may see what it carries.

        Private values can be read only by members of their collection. Transient data is meant for
        members of every collection that the transaction touches.
        """
        members = set(available)
        for call in interest.chaincodes:
            if transient or not call.no_private_reads:
                for collection in call.collection_names:
                    members &= self._members(call.name, collection)
        return members

    def _members(self, namespace: str, collection: str) -> set[str]:
        if collection.startswith(IMPLICIT_COLLECTION_PREFIX):
            return {collection.removeprefix(IMPLICIT_COLLECTION_PREFIX)}
        package = self._definitions.collections(namespace)
        for config in package.config if package is not None else ():
            static = config.static_collection_config
            if static.name == collection:
                policy = static.member_orgs_policy.signature_policy
                return {msp_id for msp_id in map(peer_organisation, policy.identities) if msp_id}
        return set()

    def _call_layouts(
        self, call: proposal_response_pb2.ChaincodeCall, available: Collection[str]
    ) -> Iterator[list[Layout]]:
        if not call.disregard_namespace_policy:
            yield self._namespace_layouts(call.name, available)
        for policy in call.key_policies:
            yield signature_policy_layouts(policy, available)
        for collection in call.collection_names:
            layouts = self._collection_layouts(call.name, collection, available)
            if layouts is not None:
                yield layouts

    def _namespace_layouts(self, namespace: str, available: Collection[str]) -> list[Layout]:
        if namespace == LIFECYCLE_NAMESPACE:
            return self._lifecycle_layouts(available)
        serialized = self._definitions.validation_policy(namespace)
        if serialized is None:
            return []
        return self._application_policy(
            policy_pb2.ApplicationPolicy.FromString(serialized), available
        )

    def _lifecycle_layouts(self, available: Collection[str]) -> list[Layout]:
        channel = self._channel()
        if LIFECYCLE_POLICY in channel.policies.paths:
            return self._referenced(LIFECYCLE_POLICY, available)
        return signature_policy_layouts(majority_policy(channel), available)

    def _collection_layouts(
        self, namespace: str, collection: str, available: Collection[str]
    ) -> list[Layout] | None:
        """Return the layouts of a collection's own policy; None when it has none of its own."""
        if collection.startswith(IMPLICIT_COLLECTION_PREFIX):
            owner = collection.removeprefix(IMPLICIT_COLLECTION_PREFIX)
            return [Layout({owner: 1})] if owner in available else []
        package = self._definitions.collections(namespace)
        for config in package.config if package is not None else ():
            static = config.static_collection_config
            if static.name == collection and static.HasField("endorsement_policy"):
                return self._application_policy(static.endorsement_policy, available)
        return None

    def _application_policy(
        self, policy: policy_pb2.ApplicationPolicy, available: Collection[str]
    ) -> list[Layout]:
        if policy.WhichOneof("Type") == "signature_policy":
            return signature_policy_layouts(policy.signature_policy, available)
        return self._referenced(policy.channel_config_policy_reference, available)

    def _referenced(self, path: str, available: Collection[str]) -> list[Layout]:
        return implicit_meta_layouts(self._channel().config.channel_group, path, available)
