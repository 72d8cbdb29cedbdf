"""Which channels an orderer serves: what it can order, and why it refuses something about one."""

from tallystick.node.channel.config import BFT, ChannelConfig
from tallystick.node.errors import LedgerError


class UnknownChannelError(LedgerError):
    """An orderer does not serve a channel.

    Attributes:
        channel_id: The channel.
    """

    def __init__(self, channel_id: str) -> None:
        super().__init__("channel does not exist")
        self.channel_id = channel_id


class NotOrdererError(LedgerError):
    """A channel is ordered by others.

    Attributes:
        channel_id: The channel.
        msp_id: The organisation of this orderer.
    """

    def __init__(self, channel_id: str, msp_id: str) -> None:
        super().__init__(
            f"{msp_id} is not among the orderer organisations of channel {channel_id!r}"
        )
        self.channel_id = channel_id
        self.msp_id = msp_id


class ConsensusError(LedgerError):
    """A channel is ordered in a way that this orderer does not know.

    Attributes:
        channel_id: The channel.
        consensus_type: The way.
    """

    def __init__(self, channel_id: str, consensus_type: str) -> None:
        super().__init__(
            f"channel {channel_id!r} has consensus type {consensus_type}, whose blocks take a vote "
            "of orderers: let Fabric's order it, or begin a channel of type etcdraft"
        )
        self.channel_id = channel_id
        self.consensus_type = consensus_type


class OrdererStoppingError(LedgerError):
    """An orderer that stops takes no new channel."""

    def __init__(self) -> None:
        super().__init__("the orderer is shutting down; join the channel when it runs again")


class RemovalPendingError(LedgerError):
    """A channel is being removed.

    Attributes:
        channel_id: The channel.
    """

    def __init__(self, channel_id: str) -> None:
        super().__init__("channel pending removal")
        self.channel_id = channel_id


class ConfiguredChannelError(LedgerError):
    """A channel cannot be removed, since the settings would bring it back empty.

    Attributes:
        channel_id: The channel.
    """

    def __init__(self, channel_id: str) -> None:
        super().__init__(
            f"channel {channel_id!r} is in the genesis_blocks of the orderer's settings, and the "
            "next start would begin it anew: take it out there, start the orderer again and "
            "remove it then"
        )
        self.channel_id = channel_id


def check_can_begin(channel: ChannelConfig, msp_id: str) -> None:
    """Return if an orderer of the organisation can begin the channel, none of which it has.

    Raises:
        NotOrdererError: It is for other organisations.
    """
    if msp_id not in channel.orderer_msp_ids:
        raise NotOrdererError(channel.channel_id, msp_id)


def check_consensus(channel: ChannelConfig) -> None:
    """Return if orderers of this kind can order the channel.

    Raises:
        ConsensusError: It takes a quorum of consenters.
    """
    if channel.consensus_type == BFT:
        raise ConsensusError(channel.channel_id, channel.consensus_type)
