"""What the gateway answers when it cannot do what was asked."""

from dataclasses import dataclass

import grpc

from tallystick.node.errors import LedgerError


@dataclass(frozen=True, slots=True)
class FailureDetail:
    """What one node answered; travels as ``gateway.ErrorDetail``."""

    address: str
    msp_id: str
    message: str


class GatewayError(LedgerError):
    """A gateway call failed: the gRPC status, the text, and what each node involved said.

    Source: wire.md §5.3 (codes, texts and the single detail type that the Node client decodes).
    """

    def __init__(
        self, code: grpc.StatusCode, message: str, details: tuple[FailureDetail, ...] = ()
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.details = details


class DisagreementError(GatewayError):
    """Some peers endorsed the transaction and others answered differently.

    Mostly they are at different heights: a block reaches the peers of a channel at slightly
    different moments.
    """
