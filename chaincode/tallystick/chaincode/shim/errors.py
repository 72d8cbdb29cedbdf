"""What can go wrong on the stream between a chaincode and a peer."""

from tallystick.chaincode.errors import INTERNAL, Refusal


class ShimProtocolError(Exception):
    """A peer sent what the protocol does not allow at this point; the stream cannot go on."""


class PeerGoneError(Exception):
    """The stream to a peer broke."""


class ShimSettingsError(ValueError):
    """A chaincode cannot be served as configured."""


class RequestRefusedError(Refusal):
    """A peer refused what a contract asked of its ledger.

    Left alone, it refuses the transaction in the peer's words.
    """

    def __init__(self, problem: str) -> None:
        super().__init__("REQUEST_REFUSED", problem, INTERNAL)


class StreamLostError(Refusal):
    """The stream ended while a contract was running; nobody waits for its result any more."""

    def __init__(self) -> None:
        super().__init__(
            "STREAM_LOST", "the peer has gone; it fails this transaction by itself", INTERNAL
        )
