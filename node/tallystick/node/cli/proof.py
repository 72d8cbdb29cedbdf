"""``tally register prove``, ``prove-holding`` and ``check-proof``."""

import argparse
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Final

from tallystick.client.errors import ClientError
from tallystick.client.network import Network
from tallystick.client.transaction import Transaction
from tallystick.node.channel.config import ChannelConfig
from tallystick.node.cli.output import write_file
from tallystick.node.cli.policy import evidence_of
from tallystick.node.cli.proofs import (
    LEDGER_CHAINCODE,
    LEDGER_FUNCTION,
    NotProvenError,
    Proof,
    Proven,
    proven,
)
from tallystick.node.cli.session import channel_of, connect
from tallystick.node.membership.signature_checker import SignatureChecker
from tallystick.node.policies.evaluate import valid_identities
from tallystick.node.validation.structure import ParsedTransaction, parse_transaction
from tallystick.protos.common.configtx_pb2 import Config
from tallystick.protos.gateway.gateway_pb2 import PreparedTransaction
from tallystick.wire.errors import WireError
from tallystick.wire.messages import decode

FAILURES = (ClientError, WireError)

_TOKEN: Final = "token"  # noqa: S105 -- the name of a chaincode
_NS_PER_S: Final = 1_000_000_000


async def prove(options: argparse.Namespace) -> None:
    """Write the proof that a transaction is on the channel and valid."""
    async with await connect(options) as gateway:
        network = channel_of(gateway, options)
        await _write(network, options.transaction, options)


async def prove_holding(options: argparse.Namespace) -> None:
    """Write the proof of what somebody holds, at the height of the next block."""
    async with await connect(options) as gateway:
        network = channel_of(gateway, options)
        await _write(network, await recorded(network, options.security, options.holder), options)


def check(options: argparse.Namespace) -> None:
    """Print what a proof shows; no node is asked."""
    proof = Proof.from_text(options.proof.read_bytes())
    content = decode(Config, options.config.read_bytes())
    config = ChannelConfig.from_config(proof.channel_id, content)
    for line in lines_of(proven(proof, config)):
        print(line)


async def recorded(network: Network, security: str, holder: str) -> str:
    """Let the register's answer about a holder be recorded; return the transaction's id.

    Raises:
        ClientError: It was not endorsed, or not valid: ask again.
    """
    contract = network.contract(_TOKEN)
    transaction = await contract.new_proposal("holding", security, holder).endorse()
    commit = await transaction.submit()
    (await commit.status()).raise_if_invalid()
    return transaction.transaction_id


async def proof_of(
    network: Network, transaction_id: str, witnesses: Sequence[str] = ()
) -> tuple[Proof, ChannelConfig]:
    """Return the proof of a transaction, and the configuration that it was made under.

    Args:
        network: The channel.
        transaction_id: The transaction.
        witnesses: MSPs whose peers state that it is valid; those that endorsed it when empty.

    Raises:
        NoSuchTransactionError: No block has it.
        NotProvenError: It is no transaction of a chaincode.
        ClientError: The peers do not answer, or differ.
    """
    evidence = await evidence_of(network, transaction_id)
    entry = evidence.block.data.data[evidence.index]
    asked = witnesses or endorsers_of(entry, evidence.config)
    proposal = network.contract(LEDGER_CHAINCODE).new_proposal(
        LEDGER_FUNCTION,
        network.channel_id,
        transaction_id,
        endorsing_organizations=asked,
    )
    statement = decode(PreparedTransaction, Transaction.to_bytes(await proposal.endorse()))
    return Proof(transaction_id, evidence.block, statement.envelope), evidence.config


def endorsers_of(entry: bytes, config: ChannelConfig) -> tuple[str, ...]:
    """Return the MSPs whose endorsements of a block's entry are good, sorted.

    Raises:
        NotProvenError: It is no transaction of a chaincode.
    """
    checker = SignatureChecker()
    transaction = parse_transaction(entry, config, checker)
    if not isinstance(transaction, ParsedTransaction):
        raise NotProvenError(f"it is no transaction of a chaincode: {transaction}")
    signers = valid_identities(transaction.endorsements(), config.msps, checker)
    return tuple(sorted({each.msp_id for each in signers}))


def lines_of(shown: Proven) -> Iterator[str]:
    """Yield what a proof shows, as lines for people."""
    moment = datetime.fromtimestamp(shown.timestamp_ns // _NS_PER_S, UTC).isoformat()
    yield f"block {shown.block_number} of channel {shown.channel_id}, signed by its orderers,"
    yield f"has transaction {shown.transaction_id} of {moment}, which is valid:"
    yield f"  {shown.chaincode}: {' '.join(shown.arguments)}"
    if shown.answer:
        yield f"  answer: {shown.answer.decode(errors='replace')}"
    if shown.event:
        yield f"  event: {shown.event.decode(errors='replace')}"
    yield f"endorsed by {', '.join(shown.endorsers)}"
    yield f"stated to be valid by peers of {', '.join(shown.witnesses)}"


async def _write(network: Network, transaction_id: str, options: argparse.Namespace) -> None:
    proof, config = await proof_of(network, transaction_id, options.witnesses or ())
    for line in lines_of(proven(proof, config)):
        print(line)
    write_file(options.output, proof.to_text().encode())
    print(f"wrote {options.output}; whoever trusts the channel's configuration can check it")
