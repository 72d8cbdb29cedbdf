"""The orderers of a channel, fetched as seldom as they may change."""

from collections.abc import Callable, Sequence

from tallystick.node.channel.config import ChannelConfig
from tallystick.node.errors import LedgerError
from tallystick.node.transport.ports import OrdererConnection


class UnknownOrderersError(LedgerError):
    """It cannot be said who the orderers are, for a file about them cannot be read.

    Attributes:
        problem: What the operating system says of the file.
    """

    def __init__(self, problem: OSError) -> None:
        super().__init__(
            f"the orderers are unknown: {problem}; "
            "make the root_certificates of [[orderers]] readable"
        )
        self.problem = problem


class KnownOrderers:
    """The orderers that one configuration names.

    To fetch them reads files, and they are asked for at each block: they are fetched once for each
    attempt and each configuration.
    """

    def __init__(
        self,
        fetch: Callable[[], Sequence[OrdererConnection]],
        config: Callable[[], ChannelConfig],
    ) -> None:
        """Have them fetched as the configuration in force names them."""
        self._fetch = fetch
        self._config = config
        self._named: Sequence[OrdererConnection] = ()
        self._named_by: ChannelConfig | None = None

    def renewed(self) -> Sequence[OrdererConnection]:
        """Fetch and return the orderers, for what settings refer to may have changed.

        Raises:
            UnknownOrderersError: A file about them cannot be read.
        """
        config = self._config()
        try:
            self._named = self._fetch()
        except OSError as error:
            raise UnknownOrderersError(error) from error
        self._named_by = config
        return self._named

    def current(self) -> Sequence[OrdererConnection]:
        """Return the orderers, fetched anew only if another configuration is in force.

        Raises:
            UnknownOrderersError: A file about them cannot be read.
        """
        return self._named if self._named_by is self._config() else self.renewed()
