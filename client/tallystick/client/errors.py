"""What can go wrong between an application and the ledger, one class per phase."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

import grpc

from tallystick.protos.peer.transaction_pb2 import TxValidationCode

_CHAINCODE_RESPONSE: Final = re.compile(r"chaincode response (\d+), (.*)", re.DOTALL)
_OUTAGES: Final = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED)
_STALE_READS: Final = (TxValidationCode.MVCC_READ_CONFLICT, TxValidationCode.PHANTOM_READ_CONFLICT)


class ClientError(Exception):
    """Root of the errors of this package."""


class ConnectError(ClientError):
    """No connection could be made.

    Attributes:
        address: The peer's, as ``host:port``.
    """

    def __init__(self, address: str, problem: str) -> None:
        super().__init__(f"cannot connect to {address}: {problem}")
        self.address = address


class MissingSignerError(ClientError):
    """Something must be signed, and the client has no private key."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A chaincode's answer that it will not do what it was asked.

    Attributes:
        status: From 400 on.
        message: The chaincode's own words; contracts of ours begin it with ``CODE:``.
    """

    status: int
    message: str


@dataclass(frozen=True, slots=True)
class FailureDetail:
    """What one node said when a call failed.

    Attributes:
        address: The node's ``host:port``.
        msp_id: Its organisation; may be empty for an orderer.
        message: Its words.
    """

    address: str
    msp_id: str
    message: str

    @property
    def refusal(self) -> Refusal | None:
        """The chaincode's answer, when it was the chaincode that said no."""
        found = _CHAINCODE_RESPONSE.fullmatch(self.message)
        return Refusal(int(found[1]), found[2]) if found else None

    def __str__(self) -> str:
        origin = f"{self.msp_id} at {self.address}" if self.msp_id else self.address
        return f"{origin}: {self.message}"


class RpcFailure(ClientError):  # noqa: N818 -- what a transport reports, before it has a meaning
    """A call did not succeed. Transports raise it; the phases below say what it means.

    Attributes:
        code: The gRPC status.
        message: The status text.
        details: What each node involved said.
        retry_after_s: When the peer wants to be asked again; None if it does not say.
    """

    def __init__(
        self,
        code: grpc.StatusCode,
        message: str,
        details: Sequence[FailureDetail] = (),
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(f"{code.name}: {message}")
        self.retry_after_s = retry_after_s
        self.code = code
        self.message = message
        self.details = tuple(details)


class TransactionError(ClientError):
    """A transaction did not get through.

    Attributes:
        transaction_id: Of the transaction.
    """

    def __init__(self, transaction_id: str, text: str) -> None:
        super().__init__(text)
        self.transaction_id = transaction_id


class GatewayError(TransactionError):
    """A call of one phase failed.

    Attributes:
        code: The gRPC status.
        message: The status text.
        details: What each node involved said, endorsers above all.
        retry_after_s: When the peer wants to be asked again; None if it does not say.
    """

    _outcome: ClassVar[str] = "failed"

    def __init__(self, transaction_id: str, failure: RpcFailure) -> None:
        lines = [f"transaction {transaction_id} {self._outcome}: {failure}"]
        lines += [f"  {detail}" for detail in failure.details]
        super().__init__(transaction_id, "\n".join(lines))
        self.code = failure.code
        self.message = failure.message
        self.details = failure.details
        self.retry_after_s = failure.retry_after_s

    @property
    def is_busy(self) -> bool:
        """Whether the peer had too much to do: nothing was done, and the call may pass later."""
        return self.code is grpc.StatusCode.RESOURCE_EXHAUSTED

    @property
    def is_outage(self) -> bool:
        """Whether a node was not there, or stopped in the middle: it may work later, or elsewhere.

        CANCELLED comes from the server: a call that the client gives up raises something else.
        """
        return self.code in _OUTAGES

    @property
    def refusals(self) -> tuple[Refusal, ...]:
        """The chaincode's answers among the details; empty when something else went wrong."""
        return tuple(refusal for detail in self.details if (refusal := detail.refusal))


class EvaluateError(GatewayError):
    """A query got no answer. It has changed nothing and can be asked again."""

    _outcome = "was not evaluated"


class EndorseError(GatewayError):
    """Not enough peers endorsed a proposal. Nothing was ordered; a new proposal is safe."""

    _outcome = "was not endorsed"


class SubmitError(GatewayError):
    """No orderer is known to have taken a transaction.

    With ``ABORTED`` it was refused. With ``UNAVAILABLE`` or ``DEADLINE_EXCEEDED`` an orderer may
    have it all the same: submit the same transaction again rather than a new one.
    """

    _outcome = "was not accepted for ordering"


class CommitStatusError(GatewayError):
    """The outcome of a transaction is not known yet; ask the commit for its status again."""

    _outcome = "was submitted, but its outcome is unknown"


class CommitError(TransactionError):
    """A transaction is on the ledger as invalid: it has changed nothing, and never will.

    Attributes:
        code: Its ``TxValidationCode``.
        block_number: The block that holds it.
    """

    def __init__(self, transaction_id: str, code: int, block_number: int) -> None:
        super().__init__(
            transaction_id,
            f"transaction {transaction_id} was committed in block {block_number} as invalid:"
            f" {code_name(code)} ({code})",
        )
        self.code = code
        self.block_number = block_number

    @property
    def code_name(self) -> str:
        """The name of the validation code, such as ``MVCC_READ_CONFLICT``."""
        return code_name(self.code)

    @property
    def read_is_stale(self) -> bool:
        """Whether another transaction changed what this one had read: a new attempt may pass."""
        return self.code in _STALE_READS


class EventStreamError(ClientError):
    """A stream of events broke off. Open it again, from the checkpoint if there is one.

    Attributes:
        code: The gRPC status.
        message: The status text.
    """

    def __init__(self, source: str, failure: RpcFailure) -> None:
        super().__init__(f"the stream of {source} broke off: {failure}")
        self.code = failure.code
        self.message = failure.message


def code_name(code: int) -> str:
    """Return the name of a ``TxValidationCode``; a number that has none is named after itself."""
    known = TxValidationCode.values()
    return TxValidationCode.Name(TxValidationCode.ValueType(code)) if code in known else f"{code}"
