"""``tally policy``."""

import argparse
import sys

from tallystick.client.errors import ClientError, EvaluateError
from tallystick.client.network import Network
from tallystick.node.channel.config import ChannelConfig
from tallystick.node.cli.explanation import Evidence, report, report_update, state_before
from tallystick.node.cli.session import channel_of, connect
from tallystick.node.cluster.access import config_in_force
from tallystick.node.errors import LedgerError
from tallystick.node.ledger.committed import is_config_block, transaction_id_of_entry
from tallystick.node.ledger.past_state import PastState
from tallystick.node.ordering.block_writer import last_config_index
from tallystick.protos.common.common_pb2 import Block, Envelope
from tallystick.protos.common.configtx_pb2 import Config
from tallystick.wire.envelope import channel_header_of
from tallystick.wire.errors import WireError
from tallystick.wire.messages import decode

FAILURES = (ClientError, WireError)

_QUERY_CHAINCODE = "qscc"
_LONGEST_NUMBER = 20
_MANY_BLOCKS = 1_000


class NoSuchTransactionError(LedgerError):
    """A peer has no transaction with this id in any block.

    Attributes:
        transaction_id: The id.
    """

    def __init__(self, transaction_id: str, answer: str) -> None:
        super().__init__(
            f"no block has transaction {transaction_id}: {answer}\n"
            "one that was never ordered, say because no peer endorsed it, leaves no trace"
        )
        self.transaction_id = transaction_id


async def explain(options: argparse.Namespace) -> None:
    """Print which signatures a transaction had, and which it needed."""
    async with await connect(options) as gateway:
        network = channel_of(gateway, options)
        evidence = await evidence_of(network, options.transaction)
        if evidence.block.header.number > _MANY_BLOCKS:
            count = evidence.block.header.number
            print(f"reading the {count} blocks before it …", file=sys.stderr)
        before = await state_of(network, evidence)
    for line in report(evidence, before):
        print(line)


async def explain_update(options: argparse.Namespace) -> None:
    """Print which signatures an update of the configuration has, and which it still needs."""
    update = decode(Envelope, options.update.read_bytes())
    if options.config is not None:  # no node is needed
        channel_id = channel_header_of(update).channel_id
        content = decode(Config, options.config.read_bytes())
        config = ChannelConfig.from_config(channel_id, content)
    else:
        async with await connect(options) as gateway:
            config = await config_in_force(channel_of(gateway, options))
    for line in report_update(config, update):
        print(line)


async def evidence_of(network: Network, transaction: str) -> Evidence:
    """Return what the ledger has about a transaction.

    Args:
        network: The channel.
        transaction: Its id, or the number of a block, which names the first transaction in it:
            orderers give changes of the configuration no id.

    Raises:
        NoSuchTransactionError: No block has it.
        ClientError: The peer does not answer.
    """
    try:
        if len(transaction) <= _LONGEST_NUMBER and transaction.isdecimal():
            block, index = await _block(network, int(transaction)), 0
        else:
            found = await network.contract(_QUERY_CHAINCODE).evaluate(
                "GetBlockByTxID", network.channel_id, transaction
            )
            block = Block.FromString(found)
            index = list(map(transaction_id_of_entry, block.data.data)).index(transaction)
    except EvaluateError as error:
        if error.refusals:
            raise NoSuchTransactionError(transaction, error.refusals[0].message) from error
        raise
    judged_by = block
    if is_config_block(block) and block.header.number:
        judged_by = await _block(network, block.header.number - 1)
    config_block = await _block(network, last_config_index(judged_by))
    config = ChannelConfig.from_block(config_block)
    return Evidence(block, index, config)


async def state_of(network: Network, evidence: Evidence) -> PastState:
    """Return the state before a transaction's block, as far as its verdict rests on it.

    The blocks before that one are read from the first on: no peer keeps old states.
    """
    state = state_before(evidence.parsed())
    last = evidence.block.header.number - 1
    if state is None or last < 0:
        return PastState({})
    async with network.block_events(start_block=0) as blocks:
        async for block in blocks:
            state.apply(block)
            if block.header.number == last:
                break
    return state


async def _block(network: Network, number: int) -> Block:
    ledger = network.contract(_QUERY_CHAINCODE)
    return Block.FromString(
        await ledger.evaluate("GetBlockByNumber", network.channel_id, str(number))
    )
