"""Runs chaincode inside the peer's own process, in its event loop.

Nothing contains a contract here: it can read the peer's memory and block its loop. That suits
contracts that the peer's operator wrote or read; the determinism check at installation guards
against mistakes only.
"""

from collections.abc import Callable, Sequence

from tallystick.chaincode.errors import BAD_REQUEST, INTERNAL, NOT_FOUND, Refusal
from tallystick.chaincode.loading import load_chaincode
from tallystick.chaincode.package import PackageError, parse_package
from tallystick.chaincode.stub import Chaincode, ChaincodeStub
from tallystick.node.errors import LedgerError
from tallystick.node.runtime.embedded_stub import EmbeddedStub, EmbeddedTransaction
from tallystick.node.runtime.initialization import InitializationError, check_initialization
from tallystick.node.runtime.packages import PackageStore
from tallystick.node.runtime.runtime import ChaincodeRuntime, Invocation, InvocationResult
from tallystick.protos.peer.proposal_response_pb2 import Response


class EmbeddedRuntime(ChaincodeRuntime):
    """Runs the Python chaincode of installed packages; each is loaded once, at its first use.

    Args:
        packages: Where installed packages are found.
    """

    def __init__(self, packages: PackageStore) -> None:
        self._packages = packages
        self._loaded: dict[str, Chaincode] = {}

    async def execute(self, package_id: str, invocation: Invocation) -> InvocationResult:
        """Run one invocation to its end, without giving way to anything else.

        The simulator shows one state of the ledger because nothing is committed meanwhile.
        """
        try:
            chaincode = self._chaincode(package_id)
        except PackageError as error:
            response = Response(status=INTERNAL, message=f"CHAINCODE_NOT_AVAILABLE: {error}")
            return InvocationResult(response, None)
        transaction = EmbeddedTransaction(invocation, lambda name: self._callee(invocation, name))
        stub = EmbeddedStub(transaction, invocation.chaincode, invocation.args)
        response = chaincode.invoke(stub)
        return InvocationResult(response, stub.event if response.status < BAD_REQUEST else None)

    def _callee(self, invocation: Invocation, name: str) -> Chaincode:
        system = invocation.system.get(name)
        if system is not None:
            return _System(system)
        try:
            definition = invocation.resolve(name)
        except LedgerError as error:
            raise Refusal("ACCESS_DENIED", str(error), INTERNAL) from error
        if definition is None:
            raise Refusal(
                "UNKNOWN_CHAINCODE", f"chaincode {name!r} is not defined on this channel", NOT_FOUND
            )
        if definition.package_id is None:
            raise _not_available(f"this organisation approved no package for chaincode {name!r}")
        try:
            check_initialization(invocation.simulator, definition, is_init=False)
            return self._chaincode(definition.package_id)
        except (InitializationError, PackageError) as error:
            raise _not_available(str(error)) from error

    def _chaincode(self, package_id: str) -> Chaincode:
        chaincode = self._loaded.get(package_id)
        if chaincode is None:
            package = self._packages.get(package_id)
            if package is None:
                raise PackageError(f"chaincode package {package_id} is not installed on this peer")
            chaincode = self._loaded[package_id] = load_chaincode(parse_package(package))
        return chaincode


class _System:
    """A system chaincode, in the place of one that is loaded."""

    def __init__(self, answer: Callable[[Sequence[bytes]], Response]) -> None:
        self._answer = answer

    def invoke(self, stub: ChaincodeStub) -> Response:
        """Have it answer one call; see ``Chaincode``."""
        return self._answer(stub.args)


def _not_available(problem: str) -> Refusal:
    return Refusal("CHAINCODE_NOT_AVAILABLE", problem, INTERNAL)
