"""The rules by which organisations agree on a chaincode: approve, check, commit.

Functions here read and write the state of one transaction and raise what the client should learn.
Texts and the order of reads are Fabric's, for both can be seen from outside.
Source: wire.md §16; hyperledger/fabric core/chaincode/lifecycle/lifecycle.go.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from tallystick.node.channel.acl import APPLICATION_PATH
from tallystick.node.channel.config import ChannelConfig
from tallystick.node.errors import LedgerError
from tallystick.node.runtime.lifecycle_state import (
    COLLECTIONS,
    DEFINITIONS,
    ENDORSEMENT_INFO,
    PARAMETERS_TYPE,
    SOURCES,
    VALIDATION_INFO,
    ChaincodeDefinition,
    ChaincodeParameters,
    OrganizationState,
    PublicState,
    approval_name,
    has_approval,
    local_package_record,
    read_approval,
    read_definition,
    read_package_id,
    read_sequence,
)
from tallystick.protos.peer.policy_pb2 import ApplicationPolicy

DEFAULT_ENDORSEMENT_POLICY: Final = f"{APPLICATION_PATH}/Endorsement"

_DEFAULT_ENDORSEMENT_PLUGIN: Final = "escc"
_DEFAULT_VALIDATION_PLUGIN: Final = "vscc"
_HINTS: Final = {
    ENDORSEMENT_INFO: "EndorsementInfo (Check the Version, InitRequired, EndorsementPlugin)",
    VALIDATION_INFO: "ValidationInfo (Check the ValidationParameter, ValidationPlugin)",
    COLLECTIONS: "Collections (Check the Collections)",
    PARAMETERS_TYPE: "ChaincodeParameters (Check the Sequence, ChaincodeName)",
}


class LifecycleRuleError(LedgerError):
    """A step of the chaincode lifecycle breaks a rule; the text is for the administrator."""


class NotDefinedError(LedgerError):
    """A chaincode has no committed definition.

    Attributes:
        name: The chaincode.
    """

    def __init__(self, name: str) -> None:
        super().__init__(f"namespace {name} is not defined")
        self.name = name


def with_defaults(parameters: ChaincodeParameters, config: ChannelConfig) -> ChaincodeParameters:
    """Return ``parameters`` with what the client left out.

    Raises:
        LifecycleRuleError: The channel has no default endorsement policy.
    """
    policy = parameters.validation_parameter
    if not policy:
        if DEFAULT_ENDORSEMENT_POLICY not in config.policies.paths:
            raise LifecycleRuleError(
                f"could not set defaults for chaincode definition in channel {config.channel_id}: "
                f"policy '{DEFAULT_ENDORSEMENT_POLICY}' must be defined for channel "
                f"'{config.channel_id}' before chaincode operations can be attempted"
            )
        policy = ApplicationPolicy(
            channel_config_policy_reference=DEFAULT_ENDORSEMENT_POLICY
        ).SerializeToString()
    return replace(
        parameters,
        endorsement_plugin=parameters.endorsement_plugin or _DEFAULT_ENDORSEMENT_PLUGIN,
        validation_plugin=parameters.validation_plugin or _DEFAULT_VALIDATION_PLUGIN,
        validation_parameter=policy,
    )


def approve(
    public: PublicState, own: OrganizationState, proposed: ChaincodeDefinition, package_id: str
) -> None:
    """Record that an organisation agrees to a definition, and how it will run it.

    Args:
        public: What the channel has committed.
        own: The organisation's own collection.
        proposed: The next definition or, to choose another package, the current one.
        package_id: Of the package to run; "" to agree without running anything.

    Raises:
        LifecycleRuleError: The sequence is out of turn, or nothing would change.
    """
    name, sequence = proposed.name, proposed.sequence
    current = read_sequence(public.get, name)
    _check_turn(sequence, current)
    if sequence == current:
        _check_same_parameters(public, proposed)
        unchanged = f"attempted to redefine the current committed sequence ({current})"
        end = ""
    else:
        unchanged = f"attempted to redefine uncommitted sequence ({sequence})"
        end = " with unchanged content"
    if _is_repetition(own, proposed, package_id):
        raise LifecycleRuleError(f"{unchanged} for namespace {name}{end}")
    approval = approval_name(name, sequence)
    proposed.parameters.record().write(own, DEFINITIONS, approval)
    local_package_record(package_id).write(own, SOURCES, approval)


def check_commit_readiness(
    public: PublicState,
    organizations: Mapping[str, OrganizationState],
    proposed: ChaincodeDefinition,
) -> dict[str, list[str]]:
    """Return, by organisation, what keeps it from agreeing to the next definition; empty: nothing.

    Raises:
        LifecycleRuleError: The definition is not the next one.
    """
    following = read_sequence(public.get, proposed.name) + 1
    if proposed.sequence != following:
        raise LifecycleRuleError(
            f"requested sequence is {proposed.sequence}, but new definition must be sequence "
            f"{following}"
        )
    return disagreements(organizations, proposed)


def disagreements(
    organizations: Mapping[str, OrganizationState], definition: ChaincodeDefinition
) -> dict[str, list[str]]:
    """Return, by organisation, in what its approval differs from ``definition``."""
    record = definition.parameters.record()
    approval = approval_name(definition.name, definition.sequence)
    return {
        msp_id: [
            _HINTS[field] for field in record.mismatches(state.get_hash, DEFINITIONS, approval)
        ]
        for msp_id, state in organizations.items()
    }


def commit(
    public: PublicState,
    organizations: Mapping[str, OrganizationState],
    proposed: ChaincodeDefinition,
    *,
    own_msp_id: str,
) -> None:
    """Make ``proposed`` the channel's definition, as far as one organisation is concerned.

    Whether enough organisations agree shows when enough of their peers endorse.

    Raises:
        LifecycleRuleError: It is not the next definition, or the own organisation did not agree.
    """
    differing = check_commit_readiness(public, organizations, proposed)
    if own_msp_id not in differing:
        raise LifecycleRuleError(
            f"this peer's organisation {own_msp_id} is not one of the channel's application group"
        )
    if differing[own_msp_id]:
        raise LifecycleRuleError(f"chaincode definition not agreed to by this org ({own_msp_id})")
    record = proposed.parameters.definition_record(proposed.sequence)
    record.write(public, DEFINITIONS, proposed.name)


def committed_definition(public: PublicState, name: str) -> ChaincodeDefinition:
    """Return the definition that the channel has committed.

    Raises:
        NotDefinedError: There is none.
    """
    definition = read_definition(public.get, name)
    if definition is None:
        raise NotDefinedError(name)
    return definition


def approved_definition(
    public: PublicState, own: OrganizationState, name: str, sequence: int, channel_id: str
) -> tuple[ChaincodeDefinition, str]:
    """Return what an organisation has approved, and the id of its package, "" if it has none.

    Args:
        public: What the channel has committed.
        own: The organisation's own collection.
        name: The chaincode.
        sequence: Of the definition; 0 for the latest.
        channel_id: For the error message.

    Raises:
        LifecycleRuleError: It has not approved such a definition.
    """
    wanted = sequence
    if not wanted:
        current = read_sequence(public.get, name)
        wanted = current + 1 if has_approval(own.get, name, current + 1) else current
    parameters = read_approval(own.get, name, wanted)
    package_id = None if parameters is None else read_package_id(own.get, name, wanted)
    if parameters is None or package_id is None:
        raise LifecycleRuleError(
            f"could not fetch approved chaincode definition (name: '{name}', sequence: "
            f"'{sequence}') on channel '{channel_id}'"
        )
    return ChaincodeDefinition(name, wanted, parameters), package_id


def _check_turn(requested: int, current: int) -> None:
    if requested == current == 0:
        raise LifecycleRuleError(
            "requested sequence is 0, but first definable sequence number is 1"
        )
    if requested < current:
        raise LifecycleRuleError(
            f"currently defined sequence {current} is larger than requested sequence {requested}"
        )
    if requested > current + 1:
        raise LifecycleRuleError(
            f"requested sequence {requested} is larger than the next available sequence number "
            f"{current + 1}"
        )


def _check_same_parameters(public: PublicState, proposed: ChaincodeDefinition) -> None:
    name = proposed.name
    difference = _difference(committed_definition(public, name).parameters, proposed.parameters)
    if difference:
        raise LifecycleRuleError(
            f"attempted to redefine the current committed sequence ({proposed.sequence}) for "
            f"namespace {name} with different parameters: {difference}"
        )


def _difference(committed: ChaincodeParameters, passed: ChaincodeParameters) -> str:
    """Return the first difference in words, or ""."""
    pairs = (
        ("Version", committed.version, passed.version),
        ("EndorsementPlugin", committed.endorsement_plugin, passed.endorsement_plugin),
        (
            "InitRequired",
            str(committed.init_required).lower(),
            str(passed.init_required).lower(),
        ),
        ("ValidationPlugin", committed.validation_plugin, passed.validation_plugin),
        (
            "ValidationParameter",
            committed.validation_parameter.hex(),
            passed.validation_parameter.hex(),
        ),
    )
    for field, expected, given in pairs:
        if expected != given:
            return f"expected {field} '{expected}' does not match passed {field} '{given}'"
    return "Collections do not match" if committed.collections != passed.collections else ""


def _is_repetition(own: OrganizationState, proposed: ChaincodeDefinition, package_id: str) -> bool:
    """Return whether the organisation has already approved exactly this."""
    name, sequence = proposed.name, proposed.sequence
    if read_approval(own.get, name, sequence) != proposed.parameters:
        return False
    return read_package_id(own.get, name, sequence) == package_id
