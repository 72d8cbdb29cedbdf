"""What comes in blocks, from other peers and from etcd."""

from contextlib import suppress
from typing import Final

import grpc

from fuzz.context import channel, genesis
from fuzz.target import Target
from tallystick.node.channel.config import ChannelConfig
from tallystick.node.channel.errors import ChannelConfigError
from tallystick.node.deliver.responses import is_config_block
from tallystick.node.deliver.verification import UntrustedBlockError, verify_alone, verify_block
from tallystick.node.ledger.committed import (
    find_modification,
    is_endorser_transaction,
    results_of_entry,
    transaction_id_of_entry,
)
from tallystick.node.ledger.private_data import private_sets
from tallystick.node.ledger.rwset import decode_metadata, parse_results
from tallystick.node.membership.signature_checker import SignatureChecker
from tallystick.node.ordering.etcd.conversion import changes_of, last_revision
from tallystick.node.ordering.etcd.keys import LogKeys
from tallystick.node.ordering.etcd.records import UntrustedBatchError, decode_record, join
from tallystick.node.transport.proposals import response_in
from tallystick.node.validation.codes import Rejection
from tallystick.node.validation.structure import ParsedTransaction, parse_transaction
from tallystick.protos.common.common_pb2 import Block
from tallystick.protos.etcd.rpc_pb2 import WatchResponse
from tallystick.protos.tallystick.endorsement_pb2 import ProposalAnswered
from tallystick.protos.tallystick.ordered_log_pb2 import OrderedBatch
from tallystick.protos.tallystick.private_data_pb2 import PrivateSets, Request
from tallystick.wire.envelope import is_well_formed
from tallystick.wire.errors import WireError
from tallystick.wire.messages import decode

_KEYS: Final = LogKeys("tallystick", "securities", bytes(32))


def _block(data: bytes) -> None:
    """As a peer takes a block of which it does not know yet whether it is to be believed."""
    block = decode(Block, data)
    if is_config_block(block):
        ChannelConfig.from_block(block)
    try:
        verify_alone(block, channel())
    except UntrustedBlockError:
        verify_block(block, genesis().header, channel())


def _transaction(data: bytes) -> None:
    """As a peer validates an entry of a block, and reads it again once it is committed."""
    is_well_formed(data)
    parsed = parse_transaction(data, channel(), SignatureChecker())
    if isinstance(parsed, ParsedTransaction):
        parsed.endorsements()
        find_modification(data, parsed.chaincode, "key")
    elif isinstance(parsed, Rejection) and is_endorser_transaction(data):
        transaction_id_of_entry(data)
        results_of_entry(data)


def _rwset(data: bytes) -> None:
    """As validation reads the results of a transaction."""
    for namespace in parse_results(data).namespaces:
        namespace.written_keys()
        namespace.has_writes()
        for written in namespace.metadata_writes:
            decode_metadata(written.SerializeToString())


def _private_data(data: bytes) -> None:
    """As peers hand over and ask for private values."""
    request = decode(Request, data)
    list(private_sets(request.push.private_results))
    decode(PrivateSets, data)


def _proposal_answered(data: bytes) -> None:
    """As a gateway takes the answer of another peer's stream."""
    response_in(decode(ProposalAnswered, data))


def _etcd(data: bytes) -> None:
    """As an orderer reads the log, the changes of which etcd tells it."""
    with suppress(UntrustedBatchError):
        _KEYS.number_of(_KEYS.block(0)[:-16] + data)
    record = decode_record(data, 1)
    if not isinstance(record, OrderedBatch):
        join(record, [data], 1)
    response = decode(WatchResponse, data)
    changes_of(response)
    last_revision(response)


TARGETS = (
    Target("block", _block, (WireError, UntrustedBlockError, ChannelConfigError)),
    Target("transaction", _transaction, (WireError,)),
    Target("rwset", _rwset, (WireError,)),
    Target("private_data", _private_data, (WireError,)),
    Target("proposal_answered", _proposal_answered, (WireError, grpc.aio.AioRpcError)),
    Target("etcd", _etcd, (WireError, UntrustedBatchError)),
)
