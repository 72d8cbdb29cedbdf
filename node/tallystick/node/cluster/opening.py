"""What is submitted once when a chaincode is new: the calls that put it to work."""

from collections.abc import Awaitable, Callable, Sequence

from pydantic import BaseModel, ConfigDict

from tallystick.client.gateway import Gateway
from tallystick.node.cluster.administrator import Administrator, Landed
from tallystick.node.transport.tasks import all_of

GatewayOf = Callable[[str], Awaitable[Gateway]]
"""Returns a connection for a user of an organisation, by its MSP id."""


class OpeningCall(BaseModel):
    """One of ``[[chaincodes.opening]]``.

    Attributes:
        by: MSP id of the organisation whose user ``client`` submits it.
        function: The function.
        arguments: As they travel: text raw, everything else as JSON.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    by: str
    function: str
    arguments: tuple[str, ...] = ()


async def submit_opening(
    channel_id: str,
    calls: Sequence[tuple[str, OpeningCall]],
    gateway_of: GatewayOf,
    administrators: Sequence[Administrator],
) -> None:
    """Submit calls in their order; return once every peer has the last of them.

    Args:
        channel_id: The channel.
        calls: Each with the name of its chaincode.
        gateway_of: Ways for the organisations that submit.
        administrators: Of all organisations with peers on the channel.

    Raises:
        UnknownMemberError: There is no such organisation, or it has no user ``client``.
        EndorseError: A chaincode refused; its message says why.
        CommitError: A transaction is not valid.
    """
    for chaincode, call in calls:
        gateway = await gateway_of(call.by)
        contract = gateway.network(channel_id).contract(chaincode)
        transaction = await contract.new_proposal(call.function, *call.arguments).endorse()
        status = await (await transaction.submit()).status()
        status.raise_if_invalid()
        landed = Landed(status.block_number, status.transaction_id)
        await all_of(each.wait_for(channel_id, landed) for each in administrators)
