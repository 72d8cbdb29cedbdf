"""The usual changes of a configuration, each as a new configuration; none is signed or sent here.

`config_delta.compute_update` makes of it what administrators sign.
"""

from tallystick.node.channel.config import APPLICATION_GROUP, ORDERER_GROUP, BatchParameters
from tallystick.node.channel.duration import format_duration
from tallystick.node.channel.errors import ChannelConfigError
from tallystick.node.channel.genesis import ApplicationOrganization, application_organization_group
from tallystick.protos.common.configtx_pb2 import Config, ConfigGroup
from tallystick.protos.msp.msp_config_pb2 import FabricMSPConfig, MSPConfig
from tallystick.protos.orderer.configuration_pb2 import BatchSize, BatchTimeout
from tallystick.wire.messages import decode


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
    changed = 0
    for section in (ORDERER_GROUP, APPLICATION_GROUP):
        for group in edited.channel_group.groups[section].groups.values():
            changed += _revoked_in(group, msp_id, crl)
    if not changed:
        raise ChannelConfigError(channel_id, f"it has no MSP {msp_id!r}")
    return edited


def _revoked_in(group: ConfigGroup, msp_id: str, crl: bytes) -> bool:
    definition = decode(MSPConfig, group.values["MSP"].value)
    msp = decode(FabricMSPConfig, definition.config)
    if msp.name != msp_id:
        return False
    msp.revocation_list.append(crl)
    definition.config = msp.SerializeToString()
    group.values["MSP"].value = definition.SerializeToString()
    return True


def _copy(config: Config) -> Config:
    copy = Config()
    copy.CopyFrom(config)
    return copy
