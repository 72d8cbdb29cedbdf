"""What an orderer needs of the other orderers of a channel: the port."""

from collections.abc import AsyncGenerator, Mapping
from typing import Protocol

from tallystick.node.errors import LedgerError
from tallystick.node.ordering.chain import unavailable
from tallystick.protos.common.common_pb2 import Block, BlockHeader
from tallystick.protos.orderer.ab_pb2 import BroadcastResponse

NOT_LEADING = unavailable("this orderer does not lead the channel, or does so no more; try again")
"""The answer to what was forwarded in vain. It is certain that it is not ordered."""


class UnreachableFellowError(LedgerError):
    """An orderer did not answer. What it was given may be ordered all the same.

    Attributes:
        reason: What went wrong, without the orderer's address.
    """

    def __init__(self, message: str, *, reason: str = "") -> None:
        super().__init__(message)
        self.reason = reason or message


class Fellows(Protocol):
    """The other orderers of one channel."""

    async def forward(self, address: str, envelope: bytes) -> BroadcastResponse:
        """Return the answer of the orderer at ``address``, which is believed to lead.

        Envelopes to one orderer reach it in the order of the calls.

        Raises:
            UnreachableFellowError: It does not answer, or is of none of the organisations that
                order the channel.
        """

    async def reaches(self, address: str) -> bool:
        """Return whether there is a connection to the orderer at ``address``, to forward over."""

    def let_go(self, address: str) -> None:
        """Wait no longer for answers of the orderer at ``address`` to what was forwarded."""

    async def heights(self) -> Mapping[str, int | None]:
        """Return how many blocks each of them says it has, by address; None if it says nothing."""

    def blocks(self, last: BlockHeader) -> AsyncGenerator[Block, None]:
        """Yield the blocks after ``last``, each verified, as soon as one of the orderers has it."""
