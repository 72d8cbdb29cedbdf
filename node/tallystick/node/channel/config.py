"""What a node reads from the configuration of a channel. Source: wire.md §15."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar

from google.protobuf.message import Message

from tallystick.node.channel.acl import APPLICATION_PATH, acl_path
from tallystick.node.channel.capabilities import Capabilities
from tallystick.node.channel.duration import parse_duration
from tallystick.node.channel.errors import ChannelConfigError, NoConfigurationError
from tallystick.node.membership.errors import MspConfigError
from tallystick.node.membership.msp import Msp
from tallystick.node.membership.registry import MspRegistry
from tallystick.node.membership.signature_checker import SignatureChecker
from tallystick.node.policies.errors import MalformedPolicyError
from tallystick.node.policies.tree import PolicyTree
from tallystick.protos.common import configuration_pb2
from tallystick.protos.common.common_pb2 import CONFIG, Block, ChannelHeader, Envelope, Payload
from tallystick.protos.common.configtx_pb2 import Config, ConfigEnvelope, ConfigGroup
from tallystick.protos.common.configuration_pb2 import OrdererAddresses
from tallystick.protos.msp.identities_pb2 import SerializedIdentity
from tallystick.protos.msp.msp_config_pb2 import FabricMSPConfig, MSPConfig
from tallystick.protos.orderer.configuration_pb2 import BatchSize, BatchTimeout, ConsensusType
from tallystick.protos.peer.configuration_pb2 import ACLs, AnchorPeers
from tallystick.wire.errors import MalformedMessageError
from tallystick.wire.messages import decode

ORDERER_GROUP: Final = "Orderer"
APPLICATION_GROUP: Final = "Application"
BFT: Final = "BFT"
"""The consensus type under which a quorum of orderers signs each block."""

_HASHING_ALGORITHM: Final = "SHA256"
_DATA_HASH_WIDTH: Final = 2**32 - 1

MessageT = TypeVar("MessageT", bound=Message)


@dataclass(frozen=True, slots=True)
class BatchParameters:
    """When the orderer closes a block.

    Attributes:
        max_message_count: A block holds at most this many envelopes.
        absolute_max_bytes: A larger envelope is refused.
        preferred_max_bytes: A block is closed before it grows beyond this; a larger envelope
            travels in a block of its own.
        timeout_s: A pending envelope waits at most this long, in seconds.
    """

    max_message_count: int = 500
    absolute_max_bytes: int = 10 * 1024 * 1024
    preferred_max_bytes: int = 2 * 1024 * 1024
    timeout_s: float = 2.0


@dataclass(frozen=True, slots=True)
class Organization:
    """An organisation's place in one group of the configuration.

    Attributes:
        group: Name of its group; free text.
        msp_id: Name of its MSP, by which identities refer to it.
        endpoints: ``host:port`` of its orderers, or of its anchor peers.
    """

    group: str
    msp_id: str
    endpoints: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class ChannelConfig:
    """One configuration of one channel, checked. Immutable: an update makes a new one.

    Attributes:
        channel_id: The channel.
        sequence: 0 for the genesis block; each update adds one.
        config: The message it was read from.
        msps: Everybody on the channel, in either group.
        policies: All policies, by path.
        application: The organisations that run peers or use the channel, by their groups' names.
        orderers: The organisations that run orderers, likewise.
        capabilities: Feature levels.
        batch: When the orderer closes a block.
        consensus_type: What the orderers run, such as ``etcdraft``.
        consenters: Who may sign blocks under a number in place of a certificate: their
            ``SerializedIdentity`` bytes by number. Empty unless the capabilities allow BFT.
        orderer_endpoints: ``host:port`` of all orderers.
        acls: Policies of resources, where the channel does not use the default.
    """

    channel_id: str
    sequence: int
    config: Config
    msps: MspRegistry
    policies: PolicyTree
    application: tuple[Organization, ...]
    orderers: tuple[Organization, ...]
    capabilities: Capabilities
    batch: BatchParameters
    consensus_type: str
    consenters: Mapping[int, bytes]
    orderer_endpoints: tuple[str, ...]
    acls: Mapping[str, str]

    @classmethod
    def from_config(
        cls, channel_id: str, config: Config, checker: SignatureChecker | None = None
    ) -> "ChannelConfig":
        """Read ``config``, which must not be changed afterwards.

        Args:
            channel_id: The channel.
            config: Its configuration.
            checker: The node's memory of good signatures; without one there is none to share.

        Raises:
            ChannelConfigError: This node cannot run a channel with this configuration.
        """
        try:
            return _read(channel_id, config, checker or SignatureChecker())
        except (MalformedMessageError, MspConfigError, MalformedPolicyError, ValueError) as error:
            raise ChannelConfigError(channel_id, str(error)) from error

    @classmethod
    def from_block(cls, block: Block, checker: SignatureChecker | None = None) -> "ChannelConfig":
        """Read the configuration in ``block``, a configuration block.

        Raises:
            NoConfigurationError: It is not a configuration block.
            ChannelConfigError: Its configuration is not usable.
        """
        number = block.header.number
        if len(block.data.data) != 1:
            raise NoConfigurationError("", f"block {number} is not a configuration block")
        try:
            payload = decode(Payload, decode(Envelope, block.data.data[0]).payload)
            header = decode(ChannelHeader, payload.header.channel_header)
            if header.type != CONFIG:
                raise NoConfigurationError(
                    header.channel_id, f"block {number} holds an envelope of type {header.type}"
                )
            config = decode(ConfigEnvelope, payload.data).config
        except MalformedMessageError as error:
            raise NoConfigurationError("", f"block {number}: {error}") from error
        return cls.from_config(header.channel_id, config, checker)

    @property
    def application_msp_ids(self) -> tuple[str, ...]:
        """MSPs of the application organisations, in the order of their groups' names."""
        return tuple(organization.msp_id for organization in self.application)

    @property
    def orderer_msp_ids(self) -> tuple[str, ...]:
        """MSPs of the orderer organisations, in the order of their groups' names."""
        return tuple(organization.msp_id for organization in self.orderers)

    def tls_root_certificates(self, msp_id: str) -> bytes:
        """Return the PEM bundle that the TLS certificates of an organisation's nodes lead to.

        Raises:
            ChannelConfigError: The MSP is not on the channel.
        """
        msp = self.msps.get(msp_id)
        if msp is None:
            raise ChannelConfigError(self.channel_id, f"it has no MSP {msp_id!r}")
        return msp.tls_root_certificates

    def acl(self, resource: str) -> str:
        """Return the absolute path of the policy that guards ``resource``.

        Raises:
            UnknownResourceError: No policy of the channel guards it.
        """
        return acl_path(resource, self.acls)

    def organization_policy(self, msp_id: str, name: str) -> str:
        """Return the path of an application organisation's own policy, such as ``Endorsement``.

        Raises:
            ChannelConfigError: No application organisation has this MSP.
        """
        for organization in self.application:
            if organization.msp_id == msp_id:
                return f"{APPLICATION_PATH}/{organization.group}/{name}"
        raise ChannelConfigError(
            self.channel_id, f"MSP {msp_id!r} is not that of an application organisation"
        )


class Configured(Protocol):
    """A channel on a node."""

    @property
    def config(self) -> ChannelConfig:
        """The configuration in force."""


def client_authorities(channels: Mapping[str, Configured]) -> Callable[[], bytes]:
    """Return what returns the PEM bundle that TLS certificates of all members lead to, as of then.

    Peers are clients of peers and of orderers, so a node lets in everybody's. Any thread may ask.
    """

    def bundle() -> bytes:
        configs = [channel.config for channel in tuple(channels.values())]
        roots = (
            config.tls_root_certificates(organization.msp_id)
            for config in configs
            for organization in (*config.application, *config.orderers)
        )
        return b"".join(dict.fromkeys(roots))

    return bundle


def _read(channel_id: str, config: Config, checker: SignatureChecker) -> ChannelConfig:
    root = config.channel_group
    _check_hashing(root)
    orderer = root.groups.get(ORDERER_GROUP, ConfigGroup())
    application = root.groups.get(APPLICATION_GROUP, ConfigGroup())
    capabilities = Capabilities.highest(
        channel_id,
        channel=_capability_names(root),
        orderer=_capability_names(orderer),
        application=_capability_names(application),
    )
    orderers = tuple(_organizations(orderer, _orderer_endpoints))
    msps = MspRegistry(_msps((orderer, application), ed25519=capabilities.ed25519))
    by_organization = tuple(point for one in orderers for point in one.endpoints)
    of_all = tuple(_value(root, "OrdererAddresses", OrdererAddresses).addresses)
    if of_all and capabilities.bft:
        raise ValueError(
            "global OrdererAddresses are not allowed with V3_0 capability, use org specific "
            "addresses only"
        )
    return ChannelConfig(
        channel_id=channel_id,
        sequence=config.sequence,
        config=config,
        msps=msps,
        policies=PolicyTree(root, msps, checker),
        application=tuple(_organizations(application, _anchor_peers)),
        orderers=orderers,
        capabilities=capabilities,
        batch=_batch_parameters(orderer),
        consensus_type=_value(orderer, "ConsensusType", ConsensusType).type,
        consenters=_consenters(orderer) if capabilities.bft else {},
        orderer_endpoints=by_organization or of_all,
        acls={
            name: resource.policy_ref
            for name, resource in _value(application, "ACLs", ACLs).acls.items()
        },
    )


def _value(group: ConfigGroup, name: str, message_type: type[MessageT]) -> MessageT:
    """Return a value of ``group``; unset fields if the group does not have it."""
    if name not in group.values:
        return message_type()
    return decode(message_type, group.values[name].value)


def _capability_names(group: ConfigGroup) -> Iterable[str]:
    return _value(group, "Capabilities", configuration_pb2.Capabilities).capabilities


def _check_hashing(root: ConfigGroup) -> None:
    algorithm = _value(root, "HashingAlgorithm", configuration_pb2.HashingAlgorithm).name
    if algorithm != _HASHING_ALGORITHM:
        raise ValueError(f"HashingAlgorithm is {algorithm!r}; only {_HASHING_ALGORITHM} is known")
    structure = configuration_pb2.BlockDataHashingStructure
    width = _value(root, "BlockDataHashingStructure", structure).width
    if width != _DATA_HASH_WIDTH:
        raise ValueError(f"BlockDataHashingStructure has width {width}, not {_DATA_HASH_WIDTH}")


def _batch_parameters(orderer: ConfigGroup) -> BatchParameters:
    size = _value(orderer, "BatchSize", BatchSize)
    limits = (size.max_message_count, size.absolute_max_bytes, size.preferred_max_bytes)
    if not all(limits):
        raise ValueError(f"each of the three limits of BatchSize must be set, not {limits}")
    if size.preferred_max_bytes > size.absolute_max_bytes:
        raise ValueError(
            f"BatchSize prefers {size.preferred_max_bytes} bytes, more than the "
            f"{size.absolute_max_bytes} it allows"
        )
    timeout_s = parse_duration(_value(orderer, "BatchTimeout", BatchTimeout).timeout)
    if timeout_s == 0:
        raise ValueError("BatchTimeout must be longer than 0")
    return BatchParameters(*limits, timeout_s)


def _consenters(orderer: ConfigGroup) -> Mapping[int, bytes]:
    listed = _value(orderer, "Orderers", configuration_pb2.Orderers).consenter_mapping
    # The first one of a number counts, as on Fabric's peers.
    return {
        consenter.id: SerializedIdentity(
            mspid=consenter.msp_id, id_bytes=consenter.identity
        ).SerializeToString()
        for consenter in reversed(listed)
    }


def _msps(groups: Iterable[ConfigGroup], *, ed25519: bool) -> Iterator[Msp]:
    """Yield each MSP once, though it may stand in the orderer and in the application group."""
    definitions: dict[str, MSPConfig] = {}
    for group in groups:
        for name in sorted(group.groups):
            definition = _value(group.groups[name], "MSP", MSPConfig)
            msp = Msp.from_config(definition, ed25519=ed25519)
            known = definitions.setdefault(msp.msp_id, definition)
            if known is definition:
                yield msp
            elif known != definition:
                raise MspConfigError(msp.msp_id, "two groups define it differently")


def _orderer_endpoints(group: ConfigGroup) -> tuple[str, ...]:
    return tuple(_value(group, "Endpoints", OrdererAddresses).addresses)


def _anchor_peers(group: ConfigGroup) -> tuple[str, ...]:
    peers = _value(group, "AnchorPeers", AnchorPeers).anchor_peers
    return tuple(f"{peer.host}:{peer.port}" for peer in peers)


def _organizations(
    group: ConfigGroup, endpoints: Callable[[ConfigGroup], tuple[str, ...]]
) -> Iterator[Organization]:
    for name in sorted(group.groups):
        child = group.groups[name]
        definition = decode(FabricMSPConfig, _value(child, "MSP", MSPConfig).config)
        yield Organization(name, definition.name, endpoints(child))
