"""Whether another orderer has the next block while the one that is followed keeps silent.

An idle channel and an orderer that hangs look alike to whoever follows it. The others tell them
apart: each is asked for the header of the next block, which comes as soon as it is there. Signed
and linked to the block before, it proves that there is something to deliver, so that nobody is left
on the word of somebody who has nothing. Fabric's peers watch the headers of other orderers too,
where the ordering service tolerates liars. Source: hyperledger/fabric core/deliverservice.
"""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Final

from tallystick.node.channel.config import ChannelConfig
from tallystick.node.deliver.requests import SeekRequests
from tallystick.node.deliver.verification import Previous, UntrustedBlockError, verify_header
from tallystick.node.membership.errors import SigningFailedError
from tallystick.node.transport.ports import OrdererConnection, OrdererUnreachableError
from tallystick.wire.errors import WireError

GRACE_S: Final = 1.0
"""For how long an orderer may lack a block that another one has shown."""
_ASK_AGAIN_S: Final = 2.0

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Grace:
    """How long an orderer may still take for a block that another one has shown. Pure.

    It doubles each time that an orderer is left for that: if the block is large and the line slow,
    the next one cannot deliver it sooner. It is short again once a block comes in time.

    Attributes:
        longest_s: Beyond that it does not grow.
        seconds: How long it is now.
    """

    longest_s: float
    seconds: float = GRACE_S

    def was_in_vain(self) -> None:
        """An orderer was left."""
        self.seconds = min(2 * self.seconds, self.longest_s)

    def block_came(self, waited_s: float) -> None:
        """A block came so long after another orderer had shown it; 0 if none had."""
        if waited_s <= GRACE_S:
            self.seconds = GRACE_S


@dataclass(frozen=True, slots=True)
class Inquiry:
    """What witnesses are asked, and by whom.

    Attributes:
        requests: Makes the requests.
        last: The newest block that is known.
        config: The configuration in force.
    """

    requests: SeekRequests
    last: Previous
    config: ChannelConfig


async def first_witness(
    orderers: Sequence[OrdererConnection], inquiry: Inquiry
) -> OrdererConnection | None:
    """Return the first of some orderers that proves to have the next block, however long it takes.

    None means that all of them have lied. One that is away is asked again now and
    then, and so is one whom nothing could be asked because the question was not signed.
    """
    witness: OrdererConnection | None = None
    async with asyncio.TaskGroup() as asking:
        asked = [asking.create_task(_testimony(orderer, inquiry)) for orderer in orderers]
        pending = set(asked)
        while pending and witness is None:
            done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
            witness = next((task.result() for task in done if task.result() is not None), None)
        for task in asked:
            task.cancel()
    return witness


async def _testimony(orderer: OrdererConnection, inquiry: Inquiry) -> OrdererConnection | None:
    """Return the orderer once it has shown the next header, None if that is false."""
    while True:
        try:
            if await _shows(orderer, inquiry):
                return orderer
        except (OrdererUnreachableError, SigningFailedError, WireError) as error:
            _log.debug("orderer %s is no witness: %s", orderer.endpoint, error)
        except UntrustedBlockError as error:
            _log.warning("orderer %s is not believed: %s", orderer.endpoint, error)
            return None
        await asyncio.sleep(_ASK_AGAIN_S)


async def _shows(orderer: OrdererConnection, inquiry: Inquiry) -> bool:
    request = inquiry.requests.header_of(inquiry.last.number + 1)
    async with aclosing(orderer.deliver(request)) as responses:
        response = await anext(responses, None)
    if response is None or response.WhichOneof("Type") != "block":
        return False
    verify_header(response.block, inquiry.last, inquiry.config)
    return True
