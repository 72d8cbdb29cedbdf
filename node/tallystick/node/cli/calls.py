"""``tally invoke``, ``tally query`` and ``tally events``."""

import argparse
import json
import sys
from collections.abc import Awaitable
from typing import Final, TypeVar

from tallystick.client.contract import Contract
from tallystick.client.errors import (
    ClientError,
    EndorseError,
    EvaluateError,
    GatewayError,
    Refusal,
)
from tallystick.client.proposal import Proposal
from tallystick.node.cli.output import as_json, rendered
from tallystick.node.cli.session import channel_of, connect
from tallystick.node.errors import LedgerError

ResultT = TypeVar("ResultT")

FAILURES = (ClientError,)


class ChaincodeRefusedError(LedgerError):
    """A chaincode will not do what it was asked.

    Attributes:
        refusal: Its answer.
    """

    def __init__(self, chaincode: str, function: str, refusal: Refusal) -> None:
        super().__init__(
            f"{chaincode} refused {function} (status {refusal.status}): {refusal.message}"
        )
        self.refusal = refusal


class NothingThereError(LedgerError):
    """A peer knows no chaincode, or no channel, of the name that was called."""

    def __init__(self, error: GatewayError, where: str) -> None:
        super().__init__(f"{error}\nwhat there is says `{where}`")


_CHAINCODES: Final = "tally chaincode list"
_LOOK: Final = {
    "No metadata was found for chaincode ": _CHAINCODES,
    "no peers available to evaluate chaincode ": _CHAINCODES,
    "failed to get config for channel ": "tally channel list",
}
"""Which command tells what there is, by Fabric's words in what a gateway refuses."""


async def invoke(options: argparse.Namespace) -> None:
    """Submit a transaction; print the chaincode's answer, and on standard error where it is."""
    async with await connect(options) as gateway:
        proposal = _proposal(channel_of(gateway, options).contract(options.chaincode), options)
        transaction = await _answered(options, proposal.endorse())
        status = await (await transaction.submit()).status()
    status.raise_if_invalid()
    if transaction.result:
        print(rendered(transaction.result))
    print(f"committed in block {status.block_number} as {status.transaction_id}", file=sys.stderr)


async def query(options: argparse.Namespace) -> None:
    """Print what a chaincode answers."""
    async with await connect(options) as gateway:
        proposal = _proposal(channel_of(gateway, options).contract(options.chaincode), options)
        print(rendered(await _answered(options, proposal.evaluate())))


async def events(options: argparse.Namespace) -> None:
    """Print events as they are committed."""
    left = options.count
    if left == 0:
        return
    async with (
        await connect(options) as gateway,
        channel_of(gateway, options).chaincode_events(
            options.chaincode, start_block=options.from_block
        ) as stream,
    ):
        async for event in stream:
            line = {
                "block": event.block_number,
                "transaction": event.transaction_id,
                "event": event.name,
                "payload": as_json(event.payload),
            }
            print(json.dumps(line, ensure_ascii=False), flush=True)
            left = None if left is None else left - 1
            if left == 0:
                return


def _proposal(contract: Contract, options: argparse.Namespace) -> Proposal:
    transient = {key: value.encode() for key, value in options.transient or ()}
    return contract.new_proposal(
        options.function,
        *options.arguments,
        transient=transient,
        endorsing_organizations=options.endorser or (),
    )


async def _answered(options: argparse.Namespace, call: Awaitable[ResultT]) -> ResultT:
    """Return the result of ``call``; if it was the chaincode that said no, say so without more."""
    try:
        return await looked_up(call)
    except (EndorseError, EvaluateError) as error:
        if error.refusals:
            raise ChaincodeRefusedError(
                options.chaincode, options.function, error.refusals[0]
            ) from error
        raise


async def looked_up(call: Awaitable[ResultT]) -> ResultT:
    """Return the result of ``call``.

    Raises:
        NothingThereError: A peer knows no chaincode, or no channel, of that name.
        EndorseError, EvaluateError: The call failed otherwise.
    """
    try:
        return await call
    except (EndorseError, EvaluateError) as error:
        for words, where in _LOOK.items():
            if not error.refusals and words in error.message:
                raise NothingThereError(error, where) from error
        raise
