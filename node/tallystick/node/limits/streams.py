"""How many streams each client may have open, which cost a place and memory while nothing comes."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from tallystick.node.errors import LedgerError
from tallystick.node.membership.identity import Identity


class TooManyStreamsError(LedgerError):
    """A client has as many streams open as it may have.

    Attributes:
        limit: How many that is.
    """

    def __init__(self, client: Identity, limit: int) -> None:
        super().__init__(
            f"{client.msp_id} {client.common_name} has {limit} streams of blocks and events open"
            " here, and more are not allowed (connections.max_streams_per_client): close those that"
            " nobody reads, or let several readers share one"
        )
        self.limit = limit


class ClientStreams:
    """The streams of blocks and events that are open, by client: its MSP and certificate.

    Peers and orderers of the channel are not limited: they follow each channel, at several nodes.
    """

    def __init__(self, limit: int) -> None:
        """Allow ``limit`` streams for each client."""
        self._limit = limit
        self._open = Counter[tuple[str, bytes]]()

    @property
    def clients(self) -> int:
        """How many clients have a stream open."""
        return len(self._open)

    @contextmanager
    def opened(self, client: Identity) -> Iterator[None]:
        """Count one more stream of ``client`` for the length of the block.

        Raises:
            TooManyStreamsError: It has as many as it may have.
        """
        if client.is_node:
            yield
            return
        key = client.msp_id, client.fingerprint
        if self._open[key] >= self._limit:
            raise TooManyStreamsError(client, self._limit)
        self._open[key] += 1
        try:
            yield
        finally:
            self._open[key] -= 1
            if not self._open[key]:
                del self._open[key]
