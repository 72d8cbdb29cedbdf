"""``qscc``: answers about the blocks and transactions of a channel. Source: wire.md §8.2."""

from collections.abc import Callable, Mapping
from typing import Final

from tallystick.node.errors import LedgerError
from tallystick.node.ledger.block_store import BlockNotFoundError
from tallystick.node.ledger.ledger import Ledger
from tallystick.node.system.access import AccessControl, AccessDeniedError
from tallystick.node.system.port import SystemChannel, SystemInvocation, failure, success
from tallystick.protos.common.common_pb2 import Envelope
from tallystick.protos.peer.proposal_response_pb2 import Response
from tallystick.protos.peer.transaction_pb2 import ProcessedTransaction

NAME: Final = "qscc"

_INFO: Final = "GetChainInfo"
_LAST_BLOCK: Final = 2**64 - 1


class _QueryError(LedgerError):
    """What was asked for is not there, or not asked for properly."""


class QueryChaincode:
    """Finds blocks and transactions; it is a `SystemChaincode`."""

    def __init__(self, channels: Mapping[str, SystemChannel], access: AccessControl) -> None:
        """Answer about ``channels``, by channel id, which may change at any time."""
        self._channels = channels
        self._access = access
        self._functions: Mapping[str, Callable[[Ledger, bytes], bytes]] = {
            _INFO: _chain_info,
            "GetBlockByNumber": _block_by_number,
            "GetBlockByHash": _block_by_hash,
            "GetTransactionByID": _transaction_by_id,
            "GetBlockByTxID": _block_by_transaction,
        }

    async def invoke(self, invocation: SystemInvocation) -> Response:
        """Return the answer to one call.

        Its arguments are a function, a channel id and, for most functions, what to look for.
        """
        try:
            return success(self._answer(invocation))
        except _QueryError as error:
            return failure(str(error))

    def answer_chaincode(self, invocation: SystemInvocation, entry_chaincode: str) -> Response:
        """Refuse: other chaincode may not call this one."""
        del invocation
        return failure(
            "Rejecting invoke of QSCC from another chaincode because of potential for deadlocks, "
            f"original invocation for '{entry_chaincode}'"
        )

    def _answer(self, invocation: SystemInvocation) -> bytes:
        args = invocation.args
        if len(args) < 2:  # noqa: PLR2004 - function and channel
            raise _QueryError(f"Incorrect number of arguments, {len(args)}")
        name, channel_id = (arg.decode(errors="replace") for arg in args[:2])
        if name != _INFO and len(args) < 3:  # noqa: PLR2004 - and what to look for
            raise _QueryError(f"missing 3rd argument for {name}")
        channel = self._channels.get(channel_id)
        if channel is None:
            raise _QueryError(f"Invalid chain ID, {channel_id}")
        function = self._functions.get(name)
        if function is None:
            raise _QueryError(f"Requested function {name} not found.")
        try:
            self._access.check(f"{NAME}/{name}", invocation.creator, channel.config)
        except AccessDeniedError as error:
            raise _QueryError(f"access denied for [{name}][{channel_id}]: [{error}]") from error
        try:
            return function(channel.ledger, b"" if name == _INFO else args[2])
        except BlockNotFoundError as error:
            raise _QueryError(f"{name}: {error}") from error


def _chain_info(ledger: Ledger, _: bytes) -> bytes:
    return ledger.info().SerializeToString()


def _block_by_number(ledger: Ledger, wanted: bytes) -> bytes:
    if not wanted:
        raise _QueryError("Block number must not be nil.")
    try:
        number = int(wanted) if wanted.isdigit() else -1
    except ValueError:  # Python gives up on numbers of thousands of digits
        number = -1
    if not 0 <= number <= _LAST_BLOCK:
        text = wanted.decode(errors="replace")
        raise _QueryError(f"Failed to parse block number with error '{text}' is no block number")
    if number == _LAST_BLOCK:
        number = ledger.height - 1
    if number >= ledger.height:
        raise _QueryError(
            f"Failed to get block number {number}, error no such block number [{number}] in index"
        )
    return ledger.read_bytes(number)


def _block_by_hash(ledger: Ledger, header_hash: bytes) -> bytes:
    if not header_hash:
        raise _QueryError("Block hash must not be nil.")
    block = ledger.block_by_hash(header_hash)
    if block is None:
        raise _QueryError(
            f"Failed to get block hash {header_hash.hex()}, error no such block hash "
            f"[{header_hash.hex()}] in index"
        )
    return block.SerializeToString()


def _transaction_by_id(ledger: Ledger, wanted: bytes) -> bytes:
    transaction_id = _transaction_id(wanted)
    found = ledger.transaction(transaction_id)
    if found is None:
        raise _QueryError(
            f"Failed to get transaction with id {transaction_id}, error no such transaction ID "
            f"[{transaction_id}] in index"
        )
    return ProcessedTransaction(
        transactionEnvelope=Envelope.FromString(found.envelope), validationCode=found.code
    ).SerializeToString()


def _block_by_transaction(ledger: Ledger, wanted: bytes) -> bytes:
    transaction_id = _transaction_id(wanted)
    block = ledger.block_by_transaction(transaction_id)
    if block is None:
        raise _QueryError(
            f"Failed to get block for txID {transaction_id}, error no such transaction ID "
            f"[{transaction_id}] in index"
        )
    return block.SerializeToString()


def _transaction_id(wanted: bytes) -> str:
    if not wanted:
        raise _QueryError("Transaction ID must not be nil.")
    return wanted.decode(errors="replace")
