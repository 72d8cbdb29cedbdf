"""Run contracts in memory, without a node: what an author's unit tests need.

``MemoryLedger`` holds several chaincodes that may call each other and commits what they write;
``make_client`` makes the identities that call them; ``MemoryStub`` is one call, for tests of a
single function.
"""

from tallystick.chaincode.testing.clients import Client, make_client
from tallystick.chaincode.testing.ledger import MemoryLedger, NonDeterministicError, Outcome
from tallystick.chaincode.testing.stub import MemoryStub
from tallystick.chaincode.testing.world import MemoryWorld

__all__ = [
    "Client",
    "MemoryLedger",
    "MemoryStub",
    "MemoryWorld",
    "NonDeterministicError",
    "Outcome",
    "make_client",
]
