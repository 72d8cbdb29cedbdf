"""What goes wrong between a peer and chaincode in another process.

Source of the texts: wire.md §9.
"""

from tallystick.node.errors import LedgerError


class ShimError(LedgerError):
    """Chaincode in another process did not answer an invocation, or a request of it is refused.

    The texts are Fabric's: clients and gateways match on them.
    """


class StreamTerminatedError(ShimError):
    """The stream to the chaincode ended while it ran: its process crashed, or was killed."""

    def __init__(self) -> None:
        super().__init__("error sending: chaincode stream terminated")


class ExecutionTimeoutError(ShimError):
    """The chaincode took longer for one invocation than this peer allows."""

    def __init__(self) -> None:
        super().__init__("error sending: timeout expired while executing transaction")


class LaunchError(ShimError):
    """Chaincode cannot be started or reached.

    Attributes:
        package_id: Its package.
    """

    def __init__(self, package_id: str, reason: str) -> None:
        super().__init__(f"could not launch chaincode {package_id}: {reason}")
        self.package_id = package_id


class ShimProtocolError(ShimError):
    """The other side of a stream does not keep to the protocol, so the stream is dropped."""
