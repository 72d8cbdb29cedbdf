"""The block in which a channel begins. Source: wire.md §15.1, §15.3."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from google.protobuf.message import Message

from tallystick.node.channel.config import (
    APPLICATION_GROUP,
    ORDERER_GROUP,
    BatchParameters,
    ChannelConfig,
)
from tallystick.node.channel.duration import format_duration
from tallystick.node.channel.errors import ChannelConfigError
from tallystick.node.policies.errors import PolicySyntaxError
from tallystick.node.policies.parser import parse_rule
from tallystick.protos.common import configuration_pb2
from tallystick.protos.common.common_pb2 import (
    CONFIG,
    Block,
    BlockData,
    BlockHeader,
    BlockMetadata,
    ChannelHeader,
    Envelope,
    Header,
    LastConfig,
    Metadata,
    OrdererBlockMetadata,
    Payload,
    SignatureHeader,
)
from tallystick.protos.common.configtx_pb2 import (
    Config,
    ConfigEnvelope,
    ConfigGroup,
    ConfigPolicy,
    ConfigValue,
)
from tallystick.protos.common.configuration_pb2 import OrdererAddresses
from tallystick.protos.msp.msp_config_pb2 import MSPConfig
from tallystick.protos.orderer.configuration_pb2 import (
    BatchSize,
    BatchTimeout,
    ChannelRestrictions,
    ConsensusType,
)
from tallystick.protos.orderer.etcdraft import configuration_pb2 as etcdraft
from tallystick.protos.peer.configuration_pb2 import ACLs, AnchorPeer, AnchorPeers, APIResource
from tallystick.wire.hashing import block_data_hash
from tallystick.wire.messages import timestamp_from_ns
from tallystick.wire.txid import transaction_id

_MOD_POLICY: Final = "Admins"
_CHANNEL_ID: Final = re.compile(r"[a-z][a-z0-9.-]{0,248}")
_METADATA_SLOTS: Final = 5
_MESSAGE_VERSION: Final = 1

_POLICIES: Final[Mapping[str, str]] = {
    "/Channel/Readers": "ANY Readers",
    "/Channel/Writers": "ANY Writers",
    "/Channel/Admins": "MAJORITY Admins",
    "/Channel/Orderer/Readers": "ANY Readers",
    "/Channel/Orderer/Writers": "ANY Writers",
    "/Channel/Orderer/Admins": "MAJORITY Admins",
    "/Channel/Orderer/BlockValidation": "ANY Writers",
    "/Channel/Application/Readers": "ANY Readers",
    "/Channel/Application/Writers": "ANY Writers",
    "/Channel/Application/Admins": "MAJORITY Admins",
    "/Channel/Application/Endorsement": "MAJORITY Endorsement",
    "/Channel/Application/LifecycleEndorsement": "MAJORITY Endorsement",
}
_APPLICATION_ORGANIZATION_POLICIES: Final[Mapping[str, str]] = {
    "Readers": "OR('{msp_id}.admin', '{msp_id}.peer', '{msp_id}.client')",
    "Writers": "OR('{msp_id}.admin', '{msp_id}.client')",
    "Admins": "OR('{msp_id}.admin')",
    "Endorsement": "OR('{msp_id}.peer')",
}
_ORDERER_ORGANIZATION_POLICIES: Final[Mapping[str, str]] = {
    "Readers": "OR('{msp_id}.member')",
    "Writers": "OR('{msp_id}.member')",
    "Admins": "OR('{msp_id}.admin')",
}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a node is reached."""

    host: str
    port: int

    def __str__(self) -> str:
        """Return ``host:port``."""
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class ApplicationOrganization:
    """An organisation that runs peers or only uses the channel.

    Attributes:
        msp_id: Name of its MSP, and of its group.
        msp: Definition of its MSP.
        anchor_peers: Peers through which the peers of others find its peers.
    """

    msp_id: str
    msp: MSPConfig
    anchor_peers: tuple[Endpoint, ...] = ()


@dataclass(frozen=True, slots=True)
class OrdererOrganization:
    """An organisation that runs orderers.

    Attributes:
        msp_id: Name of its MSP, and of its group.
        msp: Definition of its MSP.
        endpoints: Its orderers, for peers and clients to reach.
    """

    msp_id: str
    msp: MSPConfig
    endpoints: tuple[Endpoint, ...]


@dataclass(frozen=True, slots=True)
class Consenter:
    """An orderer that takes part in consensus.

    Attributes:
        endpoint: Where the other orderers reach it.
        client_tls_certificate: PEM.
        server_tls_certificate: PEM.
    """

    endpoint: Endpoint
    client_tls_certificate: bytes
    server_tls_certificate: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelProfile:
    """What a new channel shall look like.

    Majorities count organisations, and one without peers counts too although it can never endorse.
    So a channel that brokers, banks or regulators join as mere users needs other rules for
    endorsement than the default majority, such as::

        policies={
            "/Channel/Application/Endorsement": "OutOf(2, 'AtsMSP.peer', 'ClearingMSP.peer', ...)",
            "/Channel/Application/LifecycleEndorsement": "OutOf(2, 'AtsMSP.peer', ...)",
        }

    Attributes:
        channel_id: Lowercase letters, digits, ``.`` and ``-``; a letter first; at most 249.
        application: Organisations of the application group.
        orderers: Organisations of the orderer group.
        consenters: Listed in the consensus metadata, which Fabric's tools can then read.
        batch: When the orderer closes a block.
        channel_capability: V2_0 is understood by Fabric 2.x and 3.x.
        orderer_capability: Likewise.
        application_capability: V2_5 brings the purging of private data.
        policies: Rules by absolute path, which replace or add to the default ones. Written as
            ``ANY|ALL|MAJORITY <name>``, or as gates over principals.
        acls: Policy of each resource that shall not have its default one.
    """

    channel_id: str
    application: tuple[ApplicationOrganization, ...]
    orderers: tuple[OrdererOrganization, ...]
    consenters: tuple[Consenter, ...] = ()
    batch: BatchParameters = field(default_factory=BatchParameters)
    channel_capability: str = "V2_0"
    orderer_capability: str = "V2_0"
    application_capability: str = "V2_5"
    policies: Mapping[str, str] = field(default_factory=dict)
    acls: Mapping[str, str] = field(default_factory=dict)


def build_genesis_block(profile: ChannelProfile, *, nonce: bytes, timestamp_ns: int) -> Block:
    """Return block 0 of a new channel. Equal arguments give equal bytes.

    Args:
        profile: What the channel shall look like.
        nonce: 24 random bytes, drawn for this channel alone.
        timestamp_ns: Now, in nanoseconds since the epoch, UTC.

    Raises:
        ChannelConfigError: The profile contradicts itself; the message names the part.
    """
    config = Config(sequence=0, channel_group=build_channel_group(profile))
    _check_readable(profile, config)
    channel_header = ChannelHeader(
        type=CONFIG,
        version=_MESSAGE_VERSION,
        timestamp=timestamp_from_ns(timestamp_ns),
        channel_id=profile.channel_id,
        tx_id=transaction_id(nonce, b""),
    )
    header = Header(
        channel_header=channel_header.SerializeToString(),
        signature_header=SignatureHeader(nonce=nonce).SerializeToString(),
    )
    # The configuration holds maps: only the deterministic form has the same bytes every time.
    data = ConfigEnvelope(config=config).SerializeToString(deterministic=True)
    payload = Payload(header=header, data=data)
    entry = Envelope(payload=payload.SerializeToString()).SerializeToString()
    signed = OrdererBlockMetadata(last_config=LastConfig(index=0))
    signatures = Metadata(value=signed.SerializeToString()).SerializeToString()
    return Block(
        header=BlockHeader(number=0, data_hash=block_data_hash([entry])),
        data=BlockData(data=[entry]),
        metadata=BlockMetadata(metadata=[signatures, *[b""] * (_METADATA_SLOTS - 1)]),
    )


def build_channel_group(profile: ChannelProfile) -> ConfigGroup:
    """Return the whole configuration tree of a new channel.

    Raises:
        ChannelConfigError: The profile contradicts itself; the message names the part.
    """
    _check(profile)
    root = _group({
        "HashingAlgorithm": configuration_pb2.HashingAlgorithm(name="SHA256"),
        "BlockDataHashingStructure": configuration_pb2.BlockDataHashingStructure(width=2**32 - 1),
        "Capabilities": _capabilities(profile.channel_capability),
    })  # fmt: skip
    root.groups[ORDERER_GROUP].CopyFrom(_orderer_group(profile))
    root.groups[APPLICATION_GROUP].CopyFrom(_application_group(profile))
    for path, text in _rules(profile).items():
        group, name = group_at(root, path, profile.channel_id)
        try:
            policy = ConfigPolicy(policy=parse_rule(text), mod_policy=_MOD_POLICY)
        except PolicySyntaxError as error:
            raise ChannelConfigError(profile.channel_id, f"{path}: {error}") from error
        group.policies[name].CopyFrom(policy)
    return root


def application_organization_group(organization: ApplicationOrganization) -> ConfigGroup:
    """Return the group of an application organisation, with the usual policies."""
    values: dict[str, Message] = {"MSP": organization.msp}
    if organization.anchor_peers:
        values["AnchorPeers"] = AnchorPeers(
            anchor_peers=[
                AnchorPeer(host=peer.host, port=peer.port) for peer in organization.anchor_peers
            ]
        )
    group = _group(values)
    _add_policies(group, organization.msp_id, _APPLICATION_ORGANIZATION_POLICIES)
    return group


def orderer_organization_group(organization: OrdererOrganization) -> ConfigGroup:
    """Return the group of an organisation that orders, with the usual policies."""
    addresses = OrdererAddresses(addresses=map(str, organization.endpoints))
    group = _group({"MSP": organization.msp, "Endpoints": addresses})
    _add_policies(group, organization.msp_id, _ORDERER_ORGANIZATION_POLICIES)
    return group


def _add_policies(group: ConfigGroup, msp_id: str, templates: Mapping[str, str]) -> None:
    for name, template in templates.items():
        policy = parse_rule(template.format(msp_id=msp_id))
        group.policies[name].CopyFrom(ConfigPolicy(policy=policy, mod_policy=_MOD_POLICY))


def is_channel_id(text: str) -> bool:
    """Return whether a channel may be called so: see ``ChannelProfile``."""
    return _CHANNEL_ID.fullmatch(text) is not None


def _check(profile: ChannelProfile) -> None:
    channel_id = profile.channel_id
    if not is_channel_id(channel_id):
        raise ChannelConfigError(
            channel_id,
            "not a channel id: a lowercase letter, then up to 248 of these, digits, '.' and '-'",
        )
    if not profile.orderers or not profile.application:
        raise ChannelConfigError(channel_id, "it needs an orderer and an application organisation")
    for organizations in (profile.orderers, profile.application):
        msp_ids = [organization.msp_id for organization in organizations]
        if len(set(msp_ids)) != len(msp_ids):
            raise ChannelConfigError(channel_id, f"an organisation is listed twice: {msp_ids}")
    for orderer in profile.orderers:
        if not orderer.endpoints:
            raise ChannelConfigError(
                channel_id, f"orderer organisation {orderer.msp_id} lacks endpoints"
            )


def _check_readable(profile: ChannelProfile, config: Config) -> None:
    """Raise ChannelConfigError unless nodes could run the channel: later would be too late."""
    read = ChannelConfig.from_config(profile.channel_id, config)
    for organization in read.application + read.orderers:
        if organization.group != organization.msp_id:
            raise ChannelConfigError(
                profile.channel_id,
                f"organisation {organization.group} has the MSP of {organization.msp_id}",
            )


def _orderer_group(profile: ChannelProfile) -> ConfigGroup:
    batch = profile.batch
    group = _group({
        "ConsensusType": ConsensusType(
            type="etcdraft", metadata=_consensus_metadata(profile).SerializeToString()
        ),
        "BatchSize": BatchSize(
            max_message_count=batch.max_message_count,
            absolute_max_bytes=batch.absolute_max_bytes,
            preferred_max_bytes=batch.preferred_max_bytes,
        ),
        "BatchTimeout": BatchTimeout(timeout=format_duration(batch.timeout_s)),
        "ChannelRestrictions": ChannelRestrictions(),
        "Capabilities": _capabilities(profile.orderer_capability),
    })  # fmt: skip
    for organization in profile.orderers:
        child = orderer_organization_group(organization)
        group.groups[organization.msp_id].CopyFrom(child)
    return group


def _consensus_metadata(profile: ChannelProfile) -> etcdraft.ConfigMetadata:
    """Return metadata that no node here reads: it lets Fabric's tools print the configuration."""
    return etcdraft.ConfigMetadata(
        consenters=[
            etcdraft.Consenter(
                host=consenter.endpoint.host,
                port=consenter.endpoint.port,
                client_tls_cert=consenter.client_tls_certificate,
                server_tls_cert=consenter.server_tls_certificate,
            )
            for consenter in profile.consenters
        ],
        options=etcdraft.Options(
            tick_interval="500ms",
            election_tick=10,
            heartbeat_tick=1,
            max_inflight_blocks=5,
            snapshot_interval_size=16 * 1024 * 1024,
        ),
    )


def _application_group(profile: ChannelProfile) -> ConfigGroup:
    values: dict[str, Message] = {"Capabilities": _capabilities(profile.application_capability)}
    if profile.acls:
        values["ACLs"] = ACLs(
            acls={name: APIResource(policy_ref=path) for name, path in profile.acls.items()}
        )
    group = _group(values)
    for organization in profile.application:
        child = application_organization_group(organization)
        group.groups[organization.msp_id].CopyFrom(child)
    return group


def _rules(profile: ChannelProfile) -> dict[str, str]:
    """Return by path the text of every policy but those that each organisation has.

    The profile's own come last and win.
    """
    return dict(_POLICIES) | dict(profile.policies)


def group_at(root: ConfigGroup, path: str, channel_id: str) -> tuple[ConfigGroup, str]:
    """Return the group in which the policy at ``path`` stands, and the policy's name there."""
    start, *names = path.removeprefix("/").split("/")
    group = root
    for name in names[:-1]:
        if name not in group.groups:
            raise ChannelConfigError(channel_id, f"policy {path}: there is no group {name!r}")
        group = group.groups[name]
    if start != "Channel" or not names or not names[-1]:
        raise ChannelConfigError(channel_id, f"{path!r} is no policy path: use /Channel/<…>/<name>")
    return group, names[-1]


def _group(values: Mapping[str, Message]) -> ConfigGroup:
    return ConfigGroup(
        values={
            name: ConfigValue(
                value=value.SerializeToString(deterministic=True), mod_policy=_MOD_POLICY
            )
            for name, value in values.items()
        },
        mod_policy=_MOD_POLICY,
    )


def _capabilities(level: str) -> configuration_pb2.Capabilities:
    return configuration_pb2.Capabilities(capabilities={level: configuration_pb2.Capability()})
