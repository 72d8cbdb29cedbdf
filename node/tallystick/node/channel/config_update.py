"""Whether an update of a channel's configuration may be made, and what comes of it. Pure.

Orderers decide it before they order an update, and every peer decides it again when the block
arrives. Source: wire.md §15.4; hyperledger/fabric common/configtx/update.go.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tallystick.node.channel.config import APPLICATION_GROUP, ORDERER_GROUP, ChannelConfig
from tallystick.node.channel.config_elements import (
    Element,
    ElementNameError,
    check_name,
    elements_of,
    tree_of,
)
from tallystick.node.policies.evaluate import SignedData
from tallystick.protos.common.common_pb2 import (
    CONFIG_UPDATE,
    ChannelHeader,
    Envelope,
    Payload,
    SignatureHeader,
)
from tallystick.protos.common.configtx_pb2 import (
    Config,
    ConfigEnvelope,
    ConfigGroup,
    ConfigUpdate,
    ConfigUpdateEnvelope,
)
from tallystick.wire.errors import WireError
from tallystick.wire.messages import decode

_NO_EFFECT: Final = "delta set was empty -- update would have no effect"


@dataclass(frozen=True, slots=True)
class RefusedUpdate:
    """An update that must not be made.

    Attributes:
        reason: Why not, in Fabric's words where Fabric has some.
    """

    reason: str


@dataclass(frozen=True, slots=True)
class SignedUpdate:
    """What an update asks of its signers.

    Attributes:
        changes: The elements that it changes, by the path of the policy that guards each.
        signed: The signatures that it has.
    """

    changes: Mapping[str, Sequence[str]]
    signed: Sequence[SignedData]


class _RefusedError(Exception):
    """A rule is broken. Never leaves this module: there it becomes a `RefusedUpdate`."""


def authorize(current: ChannelConfig, update: Envelope) -> Config | RefusedUpdate:
    """Return the configuration that ``update`` makes of ``current``, or why it may not.

    Args:
        current: The configuration in force. Its policies judge, and its MSPs know the signers.
        update: An envelope of type CONFIG_UPDATE. Its own signature is not looked at: what counts
            are the signatures inside.
    """
    try:
        envelope = _opened(update)
    except (_RefusedError, WireError) as error:
        return RefusedUpdate(f"error converting envelope to config update: {error}")
    try:
        group = _updated(current, envelope)
    except (_RefusedError, ElementNameError, WireError) as error:
        return RefusedUpdate(f"error authorizing update: {error}")
    return Config(sequence=current.sequence + 1, channel_group=group)


def signed_update(current: ChannelConfig, update: Envelope) -> SignedUpdate | RefusedUpdate:
    """Return which policies of ``current`` an update must satisfy, and with what, for people.

    An element that is new has no policy yet: the group that takes it in changes too.
    """
    try:
        envelope = _opened(update)
        delta = _delta(current, decode(ConfigUpdate, envelope.config_update))
    except (_RefusedError, ElementNameError, WireError) as error:
        return RefusedUpdate(str(error))
    if not delta:
        return RefusedUpdate(_NO_EFFECT)
    existing = elements_of(current.config.channel_group)
    changes: dict[str, list[str]] = {}
    for key in sorted(delta):
        problem = _check_version(key, delta[key], existing.get(key))
        if problem:
            return RefusedUpdate(problem)
        if key in existing:
            changes.setdefault(existing[key].mod_policy_path, []).append(key)
    return SignedUpdate(changes, _signed(envelope))


def check_succession(current: ChannelConfig, following: ChannelConfig) -> str:
    """Return why ``following`` cannot replace ``current`` though it was authorised; else nothing.

    Source: hyperledger/fabric common/channelconfig/bundle.go.
    """
    for name, organizations, replacements in (
        (ORDERER_GROUP, current.orderers, following.orderers),
        (APPLICATION_GROUP, current.application, following.application),
    ):
        section = name.lower()
        before, after = current.config.channel_group, following.config.channel_group
        if name in before.groups and name not in after.groups:
            return f"current config has {section} section, but new config does not"
        msp_ids = {organization.group: organization.msp_id for organization in replacements}
        for organization in organizations:
            msp_id = msp_ids.get(organization.group, organization.msp_id)
            if msp_id != organization.msp_id:
                return (
                    f"{section} org {organization.group} attempted to change MSP ID from "
                    f"{organization.msp_id} to {msp_id}"
                )
    return ""


def verify_delivered(current: ChannelConfig, delivered: ConfigEnvelope) -> str:
    """Return why a delivered configuration does not follow from ``current``; empty if it does.

    The update that led to it travels with it, and must lead to it here as well.
    """
    sequence = delivered.config.sequence
    if sequence != current.sequence + 1:
        return (
            f"config currently at sequence {current.sequence}, cannot validate config at sequence "
            f"{sequence}"
        )
    result = authorize(current, delivered.last_update)
    if isinstance(result, RefusedUpdate):
        return result.reason
    # As messages: maps have no order, so equal configurations may differ in their bytes.
    if result.channel_group != delivered.config.channel_group:
        return "ConfigEnvelope LastUpdate did not produce the supplied config result"
    return ""


def _opened(update: Envelope) -> ConfigUpdateEnvelope:
    payload = decode(Payload, update.payload)
    header_type = decode(ChannelHeader, payload.header.channel_header).type
    if header_type != CONFIG_UPDATE:
        raise _RefusedError(f"it is of type {header_type}, not CONFIG_UPDATE")
    return decode(ConfigUpdateEnvelope, payload.data)


def _updated(current: ChannelConfig, envelope: ConfigUpdateEnvelope) -> ConfigGroup:
    """Return the tree after the update.

    Raises:
        _RefusedError: A rule is broken.
        ElementNameError: So is the rule for names.
        WireError: Something cannot be read.
    """
    update = decode(ConfigUpdate, envelope.config_update)
    delta = _delta(current, update)
    existing = elements_of(current.config.channel_group)
    _check_delta(current, delta, existing, _signed(envelope))
    return tree_of(existing | delta)


def _delta(current: ChannelConfig, update: ConfigUpdate) -> dict[str, Element]:
    """Return the elements that an update changes; it raises what `_updated` does."""
    if update.channel_id != current.channel_id:
        raise _RefusedError(
            f"ConfigUpdate for channel '{update.channel_id}' but envelope for channel "
            f"'{current.channel_id}'"
        )
    existing = elements_of(current.config.channel_group)
    read_set = elements_of(update.read_set) if update.HasField("read_set") else {}
    _check_read_set(read_set, existing)
    write_set = elements_of(update.write_set) if update.HasField("write_set") else {}
    return {
        key: element
        for key, element in write_set.items()
        if key not in read_set or read_set[key].message.version != element.message.version
    }


def _check_read_set(read_set: Mapping[str, Element], existing: Mapping[str, Element]) -> None:
    for key in sorted(read_set):
        version = read_set[key].message.version
        if key not in existing:
            raise _RefusedError(
                "error validating ReadSet: existing config does not contain element for "
                f"{key} but was in the read set"
            )
        current_version = existing[key].message.version
        if version != current_version:
            raise _RefusedError(
                f"error validating ReadSet: proposed update requires that key {key} be at version "
                f"{version}, but it is currently at version {current_version}"
            )


def _check_delta(
    current: ChannelConfig,
    delta: Mapping[str, Element],
    existing: Mapping[str, Element],
    signed: list[SignedData],
) -> None:
    problem = "" if delta else _NO_EFFECT
    known_policies = frozenset(current.policies.paths)
    for key in sorted(delta):  # maps have no order; sorted, a refusal reads the same everywhere
        problem = (
            _check_mod_policy(key, delta[key])
            or _check_version(key, delta[key], existing.get(key))
            or _check_signatures(key, existing.get(key), current, known_policies, signed)
        )
        if problem:
            break
    if problem:
        raise _RefusedError(f"error validating DeltaSet: {problem}")


def _check_mod_policy(key: str, element: Element) -> str:
    prefix = f"invalid mod_policy for element {key}"
    mod_policy = element.message.mod_policy
    if not mod_policy:
        return f"{prefix}: mod_policy not set"
    for place, name in enumerate(mod_policy.removeprefix("/").split("/")):
        try:
            check_name(name)
        except ElementNameError as error:
            return f"{prefix}: path element at {place} is invalid: {error}"
    return ""


def _check_version(key: str, element: Element, existing: Element | None) -> str:
    version = element.message.version
    if existing is None:
        if version == 0:
            return ""
        return f"attempted to set key {key} to version {version}, but key does not exist"
    if version != existing.message.version + 1:
        return (
            f"attempt to set key {key} to version {version}, but key is at version "
            f"{existing.message.version}"
        )
    return ""


def _check_signatures(
    key: str,
    existing: Element | None,
    current: ChannelConfig,
    known_policies: frozenset[str],
    signed: list[SignedData],
) -> str:
    if existing is None:
        return ""  # the group that takes it in changes too, and that needs the signatures
    path = existing.mod_policy_path
    if not existing.message.mod_policy or path not in known_policies:
        return f"unexpected missing policy {existing.message.mod_policy} for item {key}"
    verdict = current.policies.evaluate_signed(path, signed)
    return "" if verdict.satisfied else f"policy for {key} not satisfied: {verdict.reason}"


def _signed(envelope: ConfigUpdateEnvelope) -> list[SignedData]:
    """Return what each administrator signed: their own header, then the update."""
    return [
        SignedData(
            decode(SignatureHeader, entry.signature_header).creator,
            entry.signature_header + envelope.config_update,
            entry.signature,
        )
        for entry in envelope.signatures
    ]
