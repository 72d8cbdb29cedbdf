"""The functions of ``_lifecycle`` that concern a channel: on which chaincodes it agrees."""

import re
from dataclasses import dataclass
from typing import Final, TypeVar

from google.protobuf.message import Message

from tallystick.node.channel.lifecycle_names import LIFECYCLE_NAMESPACE
from tallystick.node.ledger.simulator import Simulator
from tallystick.node.runtime.lifecycle_state import (
    DEFINITIONS,
    ChaincodeDefinition,
    ChaincodeParameters,
    OrganizationState,
    PublicState,
    RenewableState,
    implicit_collection,
    metadata_key,
    read_definition,
)
from tallystick.node.system.collections import check_collections, check_upgrade
from tallystick.node.system.definitions import (
    LifecycleRuleError,
    approve,
    approved_definition,
    check_commit_readiness,
    commit,
    committed_definition,
    disagreements,
    with_defaults,
)
from tallystick.node.system.port import SystemChannel, SystemInvocation
from tallystick.protos.peer.collection_pb2 import CollectionConfigPackage
from tallystick.protos.peer.lifecycle import lifecycle_pb2
from tallystick.wire.messages import decode

_ApproveArgs = lifecycle_pb2.ApproveChaincodeDefinitionForMyOrgArgs
_CommitArgs = lifecycle_pb2.CommitChaincodeDefinitionArgs
_ReadinessArgs = lifecycle_pb2.CheckCommitReadinessArgs
_Mismatches = lifecycle_pb2.CheckCommitReadinessResult.Mismatches

_DescriptionT = TypeVar(
    "_DescriptionT",
    lifecycle_pb2.QueryApprovedChaincodeDefinitionResult,
    lifecycle_pb2.QueryApprovedChaincodeDefinitionsResult.ApprovedChaincodeDefinition,
    lifecycle_pb2.QueryChaincodeDefinitionResult,
    lifecycle_pb2.QueryChaincodeDefinitionsResult.ChaincodeDefinition,
)

_NAME: Final = re.compile(r"[a-zA-Z0-9]+([-_][a-zA-Z0-9]+)*")
_VERSION: Final = re.compile(r"[A-Za-z0-9_.+-]+")
_RESERVED: Final = frozenset({"cscc", "escc", "lscc", "qscc", "vscc"})
_LEGACY_NAMESPACE: Final = "lscc"
_RECORDS: Final = metadata_key(DEFINITIONS, "")
_AFTER_RECORDS: Final = _RECORDS + "\x7f"


@dataclass(frozen=True, slots=True)
class _Call:
    """One call on a channel, and the states that it sees."""

    channel: SystemChannel
    simulator: Simulator
    public: PublicState
    own: OrganizationState

    @property
    def organizations(self) -> dict[str, OrganizationState]:
        return {
            msp_id: OrganizationState(self.simulator, msp_id)
            for msp_id in self.channel.config.application_msp_ids
        }


class AgreementFunctions:
    """Approves and commits definitions for one organisation, and tells what has been."""

    def __init__(self, msp_id: str) -> None:
        """Speak for the organisation ``msp_id``."""
        self._msp_id = msp_id

    def approve(self, argument: bytes, invocation: SystemInvocation) -> Message:
        """Answer ``ApproveChaincodeDefinitionForMyOrg``; see `definitions.approve`."""
        args = decode(_ApproveArgs, argument)
        call = self._call(invocation)
        package_id = args.source.local_package.package_id
        own = RenewableState(call.simulator, self._msp_id)
        approve(call.public, own, _proposed(args, call), package_id)
        return lifecycle_pb2.ApproveChaincodeDefinitionForMyOrgResult()

    def commit(self, argument: bytes, invocation: SystemInvocation) -> Message:
        """Answer ``CommitChaincodeDefinition``; see `definitions.commit`."""
        args = decode(_CommitArgs, argument)
        call = self._call(invocation)
        proposed = _proposed(args, call)
        commit(call.public, call.organizations, proposed, own_msp_id=self._msp_id)
        return lifecycle_pb2.CommitChaincodeDefinitionResult()

    def check_readiness(self, argument: bytes, invocation: SystemInvocation) -> Message:
        """Answer ``CheckCommitReadiness``: who agrees, and why others do not."""
        args = decode(_ReadinessArgs, argument)
        call = self._call(invocation)
        proposed = _proposed(args, call)
        differing = check_commit_readiness(call.public, call.organizations, proposed)
        return lifecycle_pb2.CheckCommitReadinessResult(
            approvals={msp_id: not items for msp_id, items in differing.items()},
            mismatches={
                msp_id: _Mismatches(items=items) for msp_id, items in differing.items() if items
            },
        )

    def query_approved(self, argument: bytes, invocation: SystemInvocation) -> Message:
        """Answer ``QueryApprovedChaincodeDefinition``."""
        args = decode(lifecycle_pb2.QueryApprovedChaincodeDefinitionArgs, argument)
        definition, source = self._approved(self._call(invocation), args.name, args.sequence)
        result = lifecycle_pb2.QueryApprovedChaincodeDefinitionResult(source=source)
        return _described(result, definition)

    def query_all_approved(self, argument: bytes, invocation: SystemInvocation) -> Message:
        """Answer ``QueryApprovedChaincodeDefinitions``: every approval by this organisation."""
        decode(lifecycle_pb2.QueryApprovedChaincodeDefinitionsArgs, argument)
        call = self._call(invocation)
        rows = call.simulator.range_private(
            LIFECYCLE_NAMESPACE, implicit_collection(self._msp_id), _RECORDS, _AFTER_RECORDS
        )
        result = lifecycle_pb2.QueryApprovedChaincodeDefinitionsResult()
        for key, _ in list(rows.rest()):
            name, _, sequence = key.removeprefix(_RECORDS).rpartition("#")
            definition, source = self._approved(call, name, int(sequence))
            entry = result.approved_chaincode_definitions.add(name=name, source=source)
            _described(entry, definition)
        return result

    def query_committed(self, argument: bytes, invocation: SystemInvocation) -> Message:
        """Answer ``QueryChaincodeDefinition``; NotDefinedError if there is none."""
        args = decode(lifecycle_pb2.QueryChaincodeDefinitionArgs, argument)
        call = self._call(invocation)
        definition = committed_definition(call.public, args.name)
        differing = disagreements(call.organizations, definition)
        result = lifecycle_pb2.QueryChaincodeDefinitionResult(
            approvals={msp_id: not items for msp_id, items in differing.items()}
        )
        return _described(result, definition)

    def query_all_committed(self, argument: bytes, invocation: SystemInvocation) -> Message:
        """Answer ``QueryChaincodeDefinitions``: every definition of the channel."""
        decode(lifecycle_pb2.QueryChaincodeDefinitionsArgs, argument)
        call = self._call(invocation)
        rows = call.simulator.range(LIFECYCLE_NAMESPACE, _RECORDS, _AFTER_RECORDS)
        result = lifecycle_pb2.QueryChaincodeDefinitionsResult()
        for key, _ in list(rows.rest()):
            definition = committed_definition(call.public, key.removeprefix(_RECORDS))
            _described(result.chaincode_definitions.add(name=definition.name), definition)
        return result

    def _call(self, invocation: SystemInvocation) -> _Call:
        channel, simulator = invocation.channel, invocation.simulator
        if channel is None or simulator is None:
            raise LifecycleRuleError("could not get channelconfig for channel ''")
        own = OrganizationState(simulator, self._msp_id)
        return _Call(channel, simulator, PublicState(simulator), own)

    def _approved(
        self, call: _Call, name: str, sequence: int
    ) -> tuple[ChaincodeDefinition, lifecycle_pb2.ChaincodeSource]:
        definition, package_id = approved_definition(
            call.public, call.own, name, sequence, call.channel.config.channel_id
        )
        source = lifecycle_pb2.ChaincodeSource
        if not package_id:
            return definition, source(unavailable=source.Unavailable())
        return definition, source(local_package=source.Local(package_id=package_id))


def _proposed(
    args: _ApproveArgs | _CommitArgs | _ReadinessArgs, call: _Call
) -> ChaincodeDefinition:
    """Return the definition that somebody proposes, with defaults, once it is found sound."""
    _check_names(args.name, args.version)
    check_collections(args.collections, call.channel.config.msps)
    _check_upgrade(args.name, args.collections, call)
    parameters = ChaincodeParameters(
        version=args.version,
        init_required=args.init_required,
        endorsement_plugin=args.endorsement_plugin,
        validation_plugin=args.validation_plugin,
        validation_parameter=args.validation_parameter,
        collections=args.collections.SerializeToString(),
    )
    parameters = with_defaults(parameters, call.channel.config)
    return ChaincodeDefinition(args.name, args.sequence, parameters)


def _check_names(name: str, version: str) -> None:
    if not _NAME.fullmatch(name):
        raise LifecycleRuleError(
            f"invalid chaincode name '{name}'. Names can only consist of alphanumerics, '_', and "
            "'-' and can only begin with alphanumerics"
        )
    if name in _RESERVED:
        raise LifecycleRuleError(f"chaincode name '{name}' is the name of a system chaincode")
    if not _VERSION.fullmatch(version):
        raise LifecycleRuleError(
            f"invalid chaincode version '{version}'. Versions can only consist of alphanumerics, "
            "'_', '-', '+', and '.'"
        )


def _check_upgrade(name: str, proposed: CollectionConfigPackage, call: _Call) -> None:
    committed = read_definition(call.public.get, name)
    if committed is None:
        # Fabric then looks whether the name was deployed in its old way, which leaves this read.
        call.simulator.get_state(_LEGACY_NAMESPACE, name)
        return
    collections = decode(CollectionConfigPackage, committed.parameters.collections)
    check_upgrade(proposed, collections)


def _described(message: _DescriptionT, definition: ChaincodeDefinition) -> _DescriptionT:
    """Return ``message`` with what it says of ``definition`` filled in."""
    parameters = definition.parameters
    message.sequence = definition.sequence
    message.version = parameters.version
    message.endorsement_plugin = parameters.endorsement_plugin
    message.validation_plugin = parameters.validation_plugin
    message.validation_parameter = parameters.validation_parameter
    message.init_required = parameters.init_required
    message.collections.CopyFrom(decode(CollectionConfigPackage, parameters.collections))
    return message
