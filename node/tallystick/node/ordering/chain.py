"""What puts admitted envelopes into order: the port."""

from typing import Protocol

from tallystick.node.errors import LedgerError
from tallystick.node.ordering.admission import Admitted


class ChainUnavailableError(LedgerError):
    """Nothing can be ordered at the moment; the message says why and what to do."""


class Chain(Protocol):
    """The total order of one channel."""

    @property
    def height(self) -> int:
        """How many blocks are durable."""

    async def order(self, admitted: Admitted) -> None:
        """Accept an envelope for ordering. It is not ordered yet, nor is it durable.

        Envelopes of one caller are ordered as they are handed over.

        Raises:
            ChainUnavailableError: The envelope was not accepted.
        """

    async def run(self) -> None:
        """Order what is accepted, until ``drain`` is called and nothing is left."""

    def drain(self) -> None:
        """Accept nothing more; ``run`` ends once what was accepted is in durable blocks."""
