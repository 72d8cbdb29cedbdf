"""The usual changes of a configuration, each as a new configuration; none is signed or sent here.

`config_delta.compute_update` makes of it what administrators sign.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from google.protobuf.message import Message

from tallystick.node.channel.acl import DEFAULT_ACLS
from tallystick.node.channel.config import (
    APPLICATION_GROUP,
    ORDERER_GROUP,
    BatchParameters,
    ChannelConfig,
)
from tallystick.node.channel.duration import format_duration
from tallystick.node.channel.errors import ChannelConfigError
from tallystick.node.channel.genesis import (
    ApplicationOrganization,
    Endpoint,
    OrdererOrganization,
    application_organization_group,
    group_at,
    orderer_organization_group,
)
from tallystick.node.policies.errors import PolicySyntaxError
from tallystick.node.policies.parser import parse_rule
from tallystick.protos.common.configtx_pb2 import Config, ConfigGroup
from tallystick.protos.common.configuration_pb2 import (
    Capabilities,
    Capability,
    OrdererAddresses,
)
from tallystick.protos.msp.msp_config_pb2 import FabricMSPConfig, MSPConfig
from tallystick.protos.orderer.configuration_pb2 import BatchSize, BatchTimeout, ConsensusType
from tallystick.protos.peer.configuration_pb2 import ACLs, AnchorPeer, AnchorPeers
from tallystick.wire.messages import decode

_MOD_POLICY: Final = "Admins"


def with_organization(
    channel_id: str, config: Config, organization: ApplicationOrganization
) -> Config:
    """Return ``config`` with one application organisation more, under the usual policies.

    Raises:
        ChannelConfigError: There is a group of this name already.
    """
    edited = _copy(config)
    groups = edited.channel_group.groups[APPLICATION_GROUP].groups
    if organization.msp_id in groups:
        raise ChannelConfigError(channel_id, f"{organization.msp_id} is on the channel already")
    groups[organization.msp_id].CopyFrom(application_organization_group(organization))
    return edited


def with_batch(config: Config, batch: BatchParameters) -> Config:
    """Return ``config`` with other limits for blocks."""
    edited = _copy(config)
    values = edited.channel_group.groups[ORDERER_GROUP].values
    size = BatchSize(
        max_message_count=batch.max_message_count,
        absolute_max_bytes=batch.absolute_max_bytes,
        preferred_max_bytes=batch.preferred_max_bytes,
    )
    timeout = BatchTimeout(timeout=format_duration(batch.timeout_s))
    values["BatchSize"].value = size.SerializeToString()
    values["BatchTimeout"].value = timeout.SerializeToString()
    return edited


def without_organization(channel_id: str, config: Config, msp_id: str) -> Config:
    """Return ``config`` without one application organisation.

    Raises:
        ChannelConfigError: It is not on the channel.
    """
    edited = _copy(config)
    groups = edited.channel_group.groups[APPLICATION_GROUP].groups
    if msp_id not in groups:
        raise ChannelConfigError(channel_id, f"{msp_id} is no application organisation of it")
    del groups[msp_id]
    return edited


def with_policy(channel_id: str, config: Config, path: str, rule: str) -> Config:
    """Return ``config`` with another rule for the policy at ``path``, or with that policy more.

    Args:
        channel_id: The channel.
        config: Its configuration.
        path: Such as ``/Channel/Application/Endorsement``.
        rule: ``ANY|ALL|MAJORITY <name>``, or gates over principals.

    Raises:
        ChannelConfigError: There is no such group, or the rule cannot be read.
    """
    edited = _copy(config)
    group, name = group_at(edited.channel_group, path, channel_id)
    try:
        policy = parse_rule(rule)
    except PolicySyntaxError as error:
        raise ChannelConfigError(channel_id, f"{path}: {error}") from error
    entry = group.policies[name]
    entry.policy.CopyFrom(policy)
    entry.mod_policy = entry.mod_policy or _MOD_POLICY
    return edited


def with_acl(channel_id: str, config: Config, resource: str, path: str) -> Config:
    """Return ``config`` in which the policy at ``path`` guards ``resource``.

    An empty path gives the resource its default policy back.

    Raises:
        ChannelConfigError: No channel policy can guard the resource, or there is none at ``path``.
    """
    if resource not in DEFAULT_ACLS:
        known = ", ".join(sorted(DEFAULT_ACLS))
        raise ChannelConfigError(channel_id, f"{resource!r} is none of the resources {known}")
    paths = ChannelConfig.from_config(channel_id, config).policies.paths
    if path and path not in paths:
        raise ChannelConfigError(channel_id, f"there is no policy {path}; set it first")
    edited = _copy(config)
    group = edited.channel_group.groups[APPLICATION_GROUP]
    acls = decode(ACLs, group.values["ACLs"].value)
    if path:
        acls.acls[resource].policy_ref = path
    else:
        acls.acls.pop(resource, None)
    _set_value(group, "ACLs", acls)
    return edited


def with_capability(channel_id: str, config: Config, area: str, level: str) -> Config:
    """Return ``config`` that asks for ``level`` in one area: channel, orderer or application.

    Raises:
        ChannelConfigError: This node does not know the level, so other nodes may not either.
    """
    edited = _copy(config)
    root = edited.channel_group
    groups = {
        "channel": root,
        "orderer": root.groups[ORDERER_GROUP],
        "application": root.groups[APPLICATION_GROUP],
    }
    capabilities = Capabilities(capabilities={level: Capability()})
    _set_value(groups[area], "Capabilities", capabilities)
    ChannelConfig.from_config(channel_id, edited)
    return edited


def with_anchor_peers(
    channel_id: str, config: Config, msp_id: str, peers: Sequence[Endpoint]
) -> Config:
    """Return ``config`` in which others find an organisation's peers at ``peers``.

    Raises:
        ChannelConfigError: The organisation is not on the channel.
    """
    edited = _copy(config)
    group = _organization(channel_id, edited, APPLICATION_GROUP, msp_id)
    anchors = [AnchorPeer(host=peer.host, port=peer.port) for peer in peers]
    _set_value(group, "AnchorPeers", AnchorPeers(anchor_peers=anchors))
    return edited


def with_orderer_endpoints(
    channel_id: str, config: Config, msp_id: str, orderers: Sequence[Endpoint]
) -> Config:
    """Return ``config`` in which an organisation's orderers are reached at ``orderers``.

    Raises:
        ChannelConfigError: The organisation runs no orderers of the channel.
    """
    edited = _copy(config)
    group = _organization(channel_id, edited, ORDERER_GROUP, msp_id)
    _set_value(group, "Endpoints", OrdererAddresses(addresses=map(str, orderers)))
    return edited


def with_orderer_organization(
    channel_id: str, config: Config, organization: OrdererOrganization
) -> Config:
    """Return ``config`` with one organisation more that orders, under the usual policies.

    Raises:
        ChannelConfigError: It orders already, has no address, or is a member by another definition.
    """
    edited = _copy(config)
    groups = edited.channel_group.groups[ORDERER_GROUP].groups
    msp_id = organization.msp_id
    if msp_id in groups:
        raise ChannelConfigError(
            channel_id,
            f"{msp_id} orders it already; `tally channel set-orderers` changes its addresses",
        )
    if not organization.endpoints:
        raise ChannelConfigError(channel_id, f"name where the orderers of {msp_id} are reached")
    groups[msp_id].CopyFrom(orderer_organization_group(organization))
    ChannelConfig.from_config(channel_id, edited)
    return edited


def without_orderer_organization(channel_id: str, config: Config, msp_id: str) -> Config:
    """Return ``config`` without one of the organisations that order.

    Raises:
        ChannelConfigError: It does not order, or nobody else does.
    """
    edited = _copy(config)
    _organization(channel_id, edited, ORDERER_GROUP, msp_id)
    groups = edited.channel_group.groups[ORDERER_GROUP].groups
    if len(groups) == 1:
        raise ChannelConfigError(
            channel_id,
            f"{msp_id} is the only organisation that orders it: let another one order first, with"
            " `tally channel add-orderer-org`",
        )
    del groups[msp_id]
    return edited


def with_maintenance(config: Config, *, on: bool) -> Config:
    """Return ``config`` in which orderers refuse transactions, or take them again."""
    edited = _copy(config)
    group = edited.channel_group.groups[ORDERER_GROUP]
    consensus = decode(ConsensusType, group.values["ConsensusType"].value)
    consensus.state = ConsensusType.STATE_MAINTENANCE if on else ConsensusType.STATE_NORMAL
    _set_value(group, "ConsensusType", consensus)
    return edited


def with_msp(channel_id: str, config: Config, msp_id: str, definition: MSPConfig) -> Config:
    """Return ``config`` with other authorities for an organisation, wherever its MSP stands.

    Its revocation lists stay, beside those in ``definition``.

    Raises:
        ChannelConfigError: No group has this MSP, or the new definition is for another.
    """
    edited = _copy(config)
    wanted = decode(FabricMSPConfig, definition.config)
    if wanted.name != msp_id:
        raise ChannelConfigError(channel_id, f"the MSP of {wanted.name} is not that of {msp_id}")
    found = list(_groups_with_msp(edited, msp_id))
    if not found:
        raise ChannelConfigError(channel_id, f"it has no MSP {msp_id!r}")
    for group, msp in found:
        replacement = FabricMSPConfig()
        replacement.CopyFrom(wanted)
        lists = dict.fromkeys((*msp.revocation_list, *wanted.revocation_list))
        replacement.revocation_list[:] = lists
        _set_value(group, "MSP", MSPConfig(type=0, config=replacement.SerializeToString()))
    return edited


def with_revocation_list(channel_id: str, config: Config, msp_id: str, crl: bytes) -> Config:
    """Return ``config`` in which an organisation's MSP knows one revocation list more.

    The MSP is changed wherever it stands: an organisation may be in both groups.

    Args:
        channel_id: The channel.
        config: Its configuration.
        msp_id: The organisation whose certificates are revoked.
        crl: PEM, signed by one of its CAs.

    Raises:
        ChannelConfigError: No group has this MSP.
    """
    edited = _copy(config)
    found = list(_groups_with_msp(edited, msp_id))
    if not found:
        raise ChannelConfigError(channel_id, f"it has no MSP {msp_id!r}")
    for group, msp in found:
        msp.revocation_list.append(crl)
        _set_value(group, "MSP", MSPConfig(type=0, config=msp.SerializeToString()))
    return edited


def _groups_with_msp(config: Config, msp_id: str) -> Iterator[tuple[ConfigGroup, FabricMSPConfig]]:
    """Yield each group that defines an MSP, with the definition."""
    for section in (ORDERER_GROUP, APPLICATION_GROUP):
        for group in config.channel_group.groups[section].groups.values():
            msp = decode(FabricMSPConfig, decode(MSPConfig, group.values["MSP"].value).config)
            if msp.name == msp_id:
                yield group, msp


def _organization(channel_id: str, config: Config, section: str, msp_id: str) -> ConfigGroup:
    groups = config.channel_group.groups[section].groups
    if msp_id not in groups:
        known = ", ".join(sorted(groups))
        raise ChannelConfigError(channel_id, f"{section} has no {msp_id!r}, only {known}")
    return groups[msp_id]


def _set_value(group: ConfigGroup, name: str, value: Message) -> None:
    entry = group.values[name]
    entry.value = value.SerializeToString(deterministic=True)
    entry.mod_policy = entry.mod_policy or _MOD_POLICY


def _copy(config: Config) -> Config:
    copy = Config()
    copy.CopyFrom(config)
    return copy
