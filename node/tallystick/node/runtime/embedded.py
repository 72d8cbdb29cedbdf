"""Runs chaincode inside the peer's own process, in its event loop.

Nothing contains a contract here: it can read the peer's memory and block its loop. That suits
contracts that the peer's operator wrote or read; the determinism check at installation guards
against mistakes only.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

from tallystick.chaincode.errors import BAD_REQUEST, INTERNAL, NOT_FOUND, Refusal
from tallystick.chaincode.loading import load_chaincode
from tallystick.chaincode.package import PYTHON, PackageError, parse_head, parse_package
from tallystick.chaincode.stub import Chaincode, ChaincodeStub
from tallystick.node.errors import LedgerError
from tallystick.node.runtime.embedded_stub import EmbeddedStub, EmbeddedTransaction
from tallystick.node.runtime.initialization import InitializationError, check_initialization
from tallystick.node.runtime.packages import PackageStore
from tallystick.node.runtime.runtime import ChaincodeRuntime, Invocation, InvocationResult
from tallystick.node.runtime.shim_errors import ShimError
from tallystick.node.runtime.turns import Ask, OutsideCall, run_in_turns
from tallystick.protos.peer.proposal_response_pb2 import Response


class EmbeddedRuntime(ChaincodeRuntime):
    """Runs the Python chaincode of installed packages; each is loaded once, at its first use.

    Args:
        packages: Where installed packages are found.
        outside: Runs what these ones call and is not Python; None where nothing else runs.
    """

    def __init__(self, packages: PackageStore, outside: ChaincodeRuntime | None = None) -> None:
        self._packages = packages
        self._outside = outside
        self._loaded: dict[str, Chaincode] = {}
        self._running: set[tuple[str, str, str]] = set()

    async def execute(self, package_id: str, invocation: Invocation) -> InvocationResult:
        """Run one invocation to its end.

        Nothing else runs meanwhile, except while it waits for chaincode outside this process.

        Raises:
            ShimError: The chaincode is at work on the same transaction: it was called by what it
                called.
        """
        try:
            chaincode = self._chaincode(package_id)
        except PackageError as error:
            response = Response(status=INTERNAL, message=f"CHAINCODE_NOT_AVAILABLE: {error}")
            return InvocationResult(response, None)
        if self._outside is None or not self._packages.others_than_python:
            return self._run(chaincode, invocation, None)
        key = (invocation.channel_id, invocation.transaction_id, invocation.chaincode)
        if key in self._running:
            raise ShimError(f"error sending: txid: {key[1]}({key[0]}) exists")
        self._running.add(key)
        try:
            return await run_in_turns(
                lambda ask: self._run(chaincode, invocation, ask), self._outside
            )
        finally:
            self._running.discard(key)

    def _run(
        self, chaincode: Chaincode, invocation: Invocation, ask: Ask | None
    ) -> InvocationResult:
        transaction = EmbeddedTransaction(
            invocation, lambda call, name: self._callee(call, name, ask)
        )
        stub = EmbeddedStub(transaction, invocation.chaincode, invocation.args)
        response = chaincode.invoke(stub)
        return InvocationResult(response, stub.event if response.status < BAD_REQUEST else None)

    def _callee(self, invocation: Invocation, name: str, ask: Ask | None) -> Chaincode:
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
        package_id = definition.package_id
        if package_id is None:
            raise _not_available(f"this organisation approved no package for chaincode {name!r}")
        try:
            check_initialization(invocation.simulator, definition, is_init=False)
            if ask is not None and self._is_outside(package_id):
                return _Outside(package_id, replace(invocation, chaincode=name, is_init=False), ask)
            return self._chaincode(package_id)
        except (InitializationError, PackageError) as error:
            raise _not_available(str(error)) from error

    def _is_outside(self, package_id: str) -> bool:
        if package_id in self._loaded:
            return False
        package = self._packages.get(package_id)
        return package is not None and parse_head(package).type != PYTHON

    def _chaincode(self, package_id: str) -> Chaincode:
        chaincode = self._loaded.get(package_id)
        if chaincode is None:
            package = self._packages.get(package_id)
            if package is None:
                raise PackageError(f"chaincode package {package_id} is not installed on this peer")
            chaincode = self._loaded[package_id] = load_chaincode(parse_package(package))
        return chaincode


class _Outside:
    """A chaincode outside this process, in the place of one that is loaded."""

    def __init__(self, package_id: str, invocation: Invocation, ask: Ask) -> None:
        self._package_id = package_id
        self._invocation = invocation
        self._ask = ask

    def invoke(self, stub: ChaincodeStub) -> Response:
        """Have it answer one call; see ``Chaincode``."""
        invocation = replace(self._invocation, args=stub.args)
        try:
            result = self._ask(OutsideCall(self._package_id, invocation))
        except LedgerError as error:
            raise _not_available(str(error)) from error
        if result.event is not None:
            stub.set_event(result.event.event_name, result.event.payload)
        return result.response


class _System:
    """A system chaincode, in the place of one that is loaded."""

    def __init__(self, answer: Callable[[Sequence[bytes]], Response]) -> None:
        self._answer = answer

    def invoke(self, stub: ChaincodeStub) -> Response:
        """Have it answer one call; see ``Chaincode``."""
        return self._answer(stub.args)


def _not_available(problem: str) -> Refusal:
    return Refusal("CHAINCODE_NOT_AVAILABLE", problem, INTERNAL)
