"""What can be wrong with a topology, or with the directory of a network."""

from pathlib import Path

from tallystick.node.errors import LedgerError


class NetworkExistsError(LedgerError):
    """There is a network in a directory already, and it is not the one that was wanted.

    Attributes:
        directory: The directory.
    """

    def __init__(self, directory: Path) -> None:
        super().__init__(
            f"there is another network in {directory} already: remove it with `tally cluster down"
            " --remove`, or name another directory with --network"
        )
        self.directory = directory


class DirectoryOccupiedError(LedgerError):
    """Something that belongs to no network is where a new one would be.

    Attributes:
        path: What is in the way.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"{path} is in the way of a new network: move it, or name another directory with"
            " --network"
        )
        self.path = path


class NoNetworkError(LedgerError):
    """There is no network in a directory.

    Attributes:
        directory: The directory.
    """

    def __init__(self, directory: Path) -> None:
        super().__init__(
            f"there is no network in {directory}: start one with `tally cluster up`, or name its"
            " directory with --network"
        )
        self.directory = directory


class NotMadeHereError(LedgerError):
    """The nodes of a network were not made by `tally cluster`, so it cannot start or stop them.

    Attributes:
        directory: Where the network is described.
    """

    def __init__(self, directory: Path) -> None:
        super().__init__(
            f"`tally cluster up` has made none of the nodes of the network in {directory}: start"
            " each where it is, with `tally peer start` or `tally orderer start`, and look at it"
            " with `tally doctor --config` and its settings file"
        )
        self.directory = directory


class ChannelExistsError(LedgerError):
    """A network has a channel already.

    Attributes:
        channel_id: The channel.
    """

    def __init__(self, channel_id: str) -> None:
        super().__init__(
            f"there is a channel {channel_id!r} on this network already: choose another name"
        )
        self.channel_id = channel_id


class InterruptedCreationError(LedgerError):
    """A channel was half made before, and not as it is wanted now.

    Attributes:
        channel_id: The channel.
        path: Its first block, which nodes may have already.
    """

    def __init__(self, channel_id: str, path: Path) -> None:
        super().__init__(
            f"{path} begins a channel {channel_id!r} with other members, rules or certificates:"
            " complete that one with the arguments of its first attempt, or choose another name"
        )
        self.channel_id = channel_id
        self.path = path


class TopologyError(LedgerError):
    """A topology cannot be used.

    Attributes:
        origin: The file.
        problems: One line for each part at fault.
    """

    def __init__(self, origin: str, problems: list[str]) -> None:
        lines = [f"the topology {origin} cannot be used:", *(f"  {line}" for line in problems)]
        super().__init__("\n".join(lines))
        self.origin = origin
        self.problems = problems


class UnknownMemberError(ValueError, LedgerError):
    """A name stands for no member of the network.

    Attributes:
        name: What was asked for.
        known: What there is.
    """

    def __init__(self, name: str, known: list[str]) -> None:
        super().__init__(f"there is no {name!r} in this network; there are {', '.join(known)}")
        self.name = name
        self.known = known
