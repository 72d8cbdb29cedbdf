"""How many blocks orderers say they have. Nothing that they say is proven."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from typing import Final

from tallystick.node.deliver.requests import SeekRequests
from tallystick.node.membership.errors import SigningFailedError
from tallystick.node.transport.ports import OrdererConnection, OrdererUnreachableError
from tallystick.protos.common.common_pb2 import Status
from tallystick.wire.errors import WireError

_PATIENCE_S: Final = 1.0
_ASK_AGAIN_S: Final = 2.0

_log = logging.getLogger(__name__)


async def stated_height(orderer: OrdererConnection, requests: SeekRequests) -> int | None:
    """Return how many blocks an orderer has in its own words; None if it says nothing in time.

    It has none of a channel that it does not serve.

    Raises:
        OrdererUnreachableError: The stream broke.
        SigningFailedError: The question could not be signed.
        WireError: It sent something else.
    """
    try:
        async with (
            asyncio.timeout(_PATIENCE_S),
            aclosing(orderer.deliver(requests.newest_header())) as responses,
        ):
            response = await anext(responses, None)
    except TimeoutError:
        return None
    if response is None:
        return None
    if response.WhichOneof("Type") == "block":
        return response.block.header.number + 1
    return 0 if response.status == Status.NOT_FOUND else None


async def stated_heights(
    orderers: Sequence[OrdererConnection], requests: SeekRequests
) -> Mapping[str, int | None]:
    """Return how many blocks each of some orderers says it has, by address; None for no answer."""

    async def ask(orderer: OrdererConnection) -> int | None:
        try:
            return await stated_height(orderer, requests)
        except (OrdererUnreachableError, SigningFailedError, WireError) as error:
            _log.debug(
                "orderer %s does not say how many blocks it has: %s", orderer.endpoint, error
            )
            return None

    heights = await asyncio.gather(*map(ask, orderers))
    return {orderer.endpoint: each for orderer, each in zip(orderers, heights, strict=True)}


async def none_owed(
    orderer: OrdererConnection,
    others: Sequence[OrdererConnection],
    requests: SeekRequests,
    height: int,
) -> None:
    """Return once an orderer says that it has ``height`` blocks, and none of the others more.

    They are asked now and then, however long it takes. Those that do not answer do not count.
    """
    while True:
        heights = await stated_heights([orderer, *others], requests)
        if heights[orderer.endpoint] == height >= max(each or 0 for each in heights.values()):
            return
        await asyncio.sleep(_ASK_AGAIN_S)
