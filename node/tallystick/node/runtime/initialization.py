"""The guard of chaincodes that must be initialised. Source: wire.md §9.2, §10."""

from typing import Final

from tallystick.node.errors import LedgerError
from tallystick.node.ledger.simulator import Simulator
from tallystick.node.runtime.lifecycle import ResolvedChaincode

INITIALIZED_KEY: Final = "\x00\U0010ffffinitialized"
"""Holds, in a chaincode's own namespace, the version for which it was initialised last."""


class InitializationError(LedgerError):
    """A chaincode was called as if to initialise it, or not so, at the wrong time.

    Attributes:
        chaincode: Its name.
    """

    def __init__(self, chaincode: str, problem: str) -> None:
        super().__init__(f"chaincode '{chaincode}' {problem}")
        self.chaincode = chaincode


def check_initialization(
    simulator: Simulator, chaincode: ResolvedChaincode, *, is_init: bool
) -> None:
    """Check that a call comes at the right time; note the initialisation if it is one.

    Raises:
        InitializationError: It does not.
    """
    name = chaincode.name
    if not chaincode.init_required:
        if is_init:
            raise InitializationError(name, "does not require initialization but called as init")
        return
    version = chaincode.version.encode()
    is_initialized = simulator.get_state(name, INITIALIZED_KEY) == version
    if is_init:
        if is_initialized:
            raise InitializationError(name, "is already initialized but called as init")
        simulator.put_state(name, INITIALIZED_KEY, version)
    elif not is_initialized:
        raise InitializationError(
            name, "has not been initialized for this version, must call as init first"
        )
