"""What is done for a block before its turn comes: its signatures are checked elsewhere."""

import asyncio
from collections.abc import Sequence
from typing import Final, Protocol

from tallystick.node.membership.signature_checker import GoodSignature
from tallystick.protos.common.common_pb2 import Block


class SignatureService(Protocol):
    """Whoever checks signatures beside a peer."""

    @property
    def is_running(self) -> bool:
        """Whether an answer can be expected soon."""

    async def good_signatures(self, block: bytes) -> Sequence[GoodSignature]:
        """Return the good signatures of an encoded block, or none if that cannot be found out."""


class CheckedAhead:
    """The signatures of one block; a `Preparation`."""

    def __init__(self, block: Block, service: SignatureService) -> None:
        """Prepare to let ``service`` check the signatures of ``block``."""
        self._block = block
        self._service = service
        self._is_wanted = True
        self._found: asyncio.Future[Sequence[GoodSignature]] | None = None

    async def run(self) -> None:
        """Have them checked, unless the block's turn has come meanwhile."""
        if not self._is_wanted:
            return
        self._found = asyncio.get_running_loop().create_future()
        good: Sequence[GoodSignature] = ()
        try:
            good = await self._service.good_signatures(self._block.SerializeToString())
        finally:
            self._found.set_result(good)

    async def good_signatures(self) -> Sequence[GoodSignature]:
        """Return what was found, which is waited for if the answer is on its way."""
        self._is_wanted = False
        if self._found is None or not (self._found.done() or self._service.is_running):
            return ()
        # Whoever stops waiting must not take the answer from who brings it.
        return await asyncio.shield(self._found)


class _NoService:
    """Nobody checks anything."""

    is_running = False

    async def good_signatures(self, block: bytes) -> Sequence[GoodSignature]:  # noqa: ARG002
        return ()


NO_SERVICE: Final[SignatureService] = _NoService()
"""For nodes that check all signatures themselves."""
