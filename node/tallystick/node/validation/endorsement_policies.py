"""The endorsement policies of chaincodes, collections and keys, ready to be evaluated.

Source: wire.md §12, §14.3.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Protocol

from google.protobuf.message import DecodeError

from tallystick.node.channel.acl import APPLICATION_PATH
from tallystick.node.channel.config import ChannelConfig
from tallystick.node.channel.lifecycle_names import IMPLICIT_COLLECTION_PREFIX, LIFECYCLE_POLICY
from tallystick.node.membership.identity import Identity
from tallystick.node.policies.errors import MalformedPolicyError
from tallystick.node.policies.evaluate import Policy, SignaturePolicyEvaluator, Verdict
from tallystick.node.policies.parser import describe
from tallystick.protos.common.policies_pb2 import SignaturePolicy, SignaturePolicyEnvelope
from tallystick.protos.msp.msp_principal_pb2 import MSPPrincipal, MSPRole
from tallystick.protos.peer.collection_pb2 import CollectionConfigPackage
from tallystick.protos.peer.policy_pb2 import ApplicationPolicy

_REMEMBERED_POLICIES: Final = 4_096


class DefinitionSource(Protocol):
    """What the committed chaincode definitions say, as of before the block."""

    def validation_policy(self, namespace: str) -> bytes | None:
        """Return a chaincode's endorsement policy as ``ApplicationPolicy`` bytes.

        None means that there is no committed definition of this name.
        """

    def collections(self, namespace: str) -> CollectionConfigPackage | None:
        """Return the collections that a chaincode's definition lists, or None if it lists none."""


@dataclass(frozen=True, slots=True, eq=False)
class EndorsementPolicy:
    """A policy and what to call it in a log. One object per policy, so it can be a set member.

    Attributes:
        name: How the policy is told apart from others.
        policy: Judges the endorsers.
    """

    name: str
    policy: Policy


class _Unsatisfiable:
    """Stands for a policy that is missing or cannot be read: no endorsement is enough."""

    def __init__(self, reason: str) -> None:
        self._verdict = Verdict(satisfied=False, reason=reason)

    def evaluate(self, identities: Sequence[Identity]) -> Verdict:  # noqa: ARG002 - see Policy
        return self._verdict


class EndorsementPolicies:
    """The endorsement policies of a channel, as one configuration of it gives them meaning.

    A policy is parsed when it is first met; after that its bytes are one look-up. It may be a
    signature policy, or refer to a policy of the channel by its path.

    Attributes:
        channel: The configuration.
        of_lifecycle: The policy for changes of the chaincode definitions themselves.
    """

    def __init__(self, channel: ChannelConfig) -> None:
        self.channel = channel
        self._paths = frozenset(channel.policies.paths)
        self._groups = {one.msp_id: one.group for one in channel.application}
        self.of_definition = lru_cache(_REMEMBERED_POLICIES)(self._of_definition)
        self.of_key = lru_cache(_REMEMBERED_POLICIES)(self._of_key)
        self.of_implicit_collection = lru_cache(_REMEMBERED_POLICIES)(self._of_implicit_collection)
        self.of_lifecycle = self._of_lifecycle()

    def of_collection(
        self, collections: CollectionConfigPackage | None, name: str
    ) -> EndorsementPolicy | None:
        """Return the policy for writes to a collection; None if the chaincode's applies.

        Args:
            collections: The explicit collections of the chaincode.
            name: Name of the collection.
        """
        if name.startswith(IMPLICIT_COLLECTION_PREFIX):
            return self.of_implicit_collection(name)
        for entry in collections.config if collections is not None else ():
            config = entry.static_collection_config
            if config.name == name:
                if not config.HasField("endorsement_policy"):
                    return None
                return self.of_definition(config.endorsement_policy.SerializeToString())
        return EndorsementPolicy(
            f"policy of collection {name!r}", _Unsatisfiable("there is no such collection")
        )

    def _of_definition(self, application_policy: bytes) -> EndorsementPolicy:
        """Return the policy in ``ApplicationPolicy`` bytes of a chaincode or collection."""
        try:
            message = ApplicationPolicy.FromString(application_policy)
        except DecodeError as error:
            return EndorsementPolicy("unreadable policy", _Unsatisfiable(str(error)))
        match message.WhichOneof("Type"):
            case "channel_config_policy_reference":
                path = message.channel_config_policy_reference
                return EndorsementPolicy(f"policy {path}", self.channel.policies.get(path))
            case "signature_policy":
                return self._of_signatures(message.signature_policy)
            case _:
                return EndorsementPolicy("empty policy", _Unsatisfiable("it demands nothing"))

    def _of_key(self, envelope: bytes) -> EndorsementPolicy:
        """Return the policy in the ``SignaturePolicyEnvelope`` bytes of a key's metadata."""
        try:
            return self._of_signatures(SignaturePolicyEnvelope.FromString(envelope))
        except DecodeError as error:
            return EndorsementPolicy("unreadable key policy", _Unsatisfiable(str(error)))

    def _of_signatures(self, envelope: SignaturePolicyEnvelope) -> EndorsementPolicy:
        try:
            return EndorsementPolicy(
                f"policy {describe(envelope)}",
                SignaturePolicyEvaluator(envelope, self.channel.msps),
            )
        except MalformedPolicyError as error:
            return EndorsementPolicy("malformed policy", _Unsatisfiable(str(error)))

    def _of_implicit_collection(self, name: str) -> EndorsementPolicy:
        """Return the policy of the collection that each organisation has without asking."""
        msp_id = name.removeprefix(IMPLICIT_COLLECTION_PREFIX)
        group = self._groups.get(msp_id)
        if group is None:
            return EndorsementPolicy(
                f"policy of collection {name!r}",
                _Unsatisfiable(f"the channel has no organisation with MSP {msp_id!r}"),
            )
        path = f"{APPLICATION_PATH}/{group}/Endorsement"
        if path in self._paths:
            return EndorsementPolicy(f"policy {path}", self.channel.policies.get(path))
        return self._of_signatures(members_policy([msp_id], needed=1))

    def _of_lifecycle(self) -> EndorsementPolicy:
        if LIFECYCLE_POLICY in self._paths:
            policy = self.channel.policies.get(LIFECYCLE_POLICY)
            return EndorsementPolicy(f"policy {LIFECYCLE_POLICY}", policy)
        return self._of_signatures(majority_policy(self.channel))


def majority_policy(channel: ChannelConfig) -> SignaturePolicyEnvelope:
    """Return what stands in for the lifecycle's policy where a channel has none. wire.md §12."""
    msp_ids = sorted(channel.application_msp_ids)
    return members_policy(msp_ids, needed=len(msp_ids) // 2 + 1)


def members_policy(msp_ids: Iterable[str], *, needed: int) -> SignaturePolicyEnvelope:
    """Return the policy that members of at least ``needed`` of these organisations sign."""
    identities = [
        MSPPrincipal(
            principal_classification=MSPPrincipal.ROLE,
            principal=MSPRole(msp_identifier=msp_id, role=MSPRole.MEMBER).SerializeToString(),
        )
        for msp_id in msp_ids
    ]
    rules = [SignaturePolicy(signed_by=index) for index in range(len(identities))]
    return SignaturePolicyEnvelope(
        rule=SignaturePolicy(n_out_of=SignaturePolicy.NOutOf(n=needed, rules=rules)),
        identities=identities,
    )
