"""What puts envelopes into order: the port."""

import asyncio
from typing import Protocol, TypeAlias

from tallystick.node.ordering.admission import Refused, Submission
from tallystick.protos.common.common_pb2 import Status

Answer: TypeAlias = asyncio.Future[Refused | None]
"""None once an envelope is in the order for good, whatever is killed next; or why it is not."""


class Chain(Protocol):
    """The total order of one channel."""

    @property
    def height(self) -> int:
        """How many blocks are durable here."""

    @property
    def leader(self) -> str:
        """The orderer to which envelopes are handed on from here; empty if they are not."""

    def order(self, submission: Submission) -> Answer:
        """Judge an envelope and give it its place; the answer says what became of it.

        Envelopes of one caller are placed in the order of the calls.
        """

    async def run(self) -> None:
        """Order what is accepted, until ``drain`` is called and nothing is left."""

    def drain(self) -> None:
        """Accept nothing more; ``run`` ends once what was accepted is in durable blocks."""


def unavailable(reason: str) -> Refused:
    """Return the answer to an envelope that cannot be ordered now, and may be later."""
    return Refused(Status.SERVICE_UNAVAILABLE, reason)


SHUTTING_DOWN = unavailable("the orderer is shutting down; use another orderer or try again later")


def at_once(result: Refused | None) -> Answer:
    """Return an answer that is there already."""
    answer: Answer = asyncio.get_running_loop().create_future()
    answer.set_result(result)
    return answer
