"""Errors about channel configurations."""

from tallystick.node.errors import LedgerError


class ChannelConfigError(LedgerError):
    """A channel's configuration cannot be used by this node.

    Attributes:
        channel_id: The channel; empty if the configuration does not even say that.
        problem: What is wrong.
    """

    def __init__(self, channel_id: str, problem: str) -> None:
        super().__init__(f"configuration of channel {channel_id!r}: {problem}")
        self.channel_id = channel_id
        self.problem = problem


class NoConfigurationError(ChannelConfigError):
    """A block is not a configuration block."""


class UnknownResourceError(LedgerError):
    """Access was asked for to a resource that no policy of a channel guards.

    Attributes:
        resource: Its name.
    """

    def __init__(self, resource: str) -> None:
        super().__init__(
            f"no channel policy guards resource {resource!r}: it belongs to the peer, or its name "
            "is misspelt"
        )
        self.resource = resource
