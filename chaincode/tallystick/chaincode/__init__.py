"""What the author of a contract imports.

A contract is a class; its decorated methods are the functions that clients submit or evaluate; the
context gives them the world state, the client and the time, and nothing else: a contract function
must do the same on every peer, so there is no clock, no randomness and no I/O.
"""

from tallystick.chaincode.client_identity import ClientIdentity
from tallystick.chaincode.context import Context
from tallystick.chaincode.contract import Contract
from tallystick.chaincode.contract_chaincode import ContractChaincode
from tallystick.chaincode.decorators import query, transaction
from tallystick.chaincode.errors import CalleeRefusal, Refusal
from tallystick.chaincode.events import DomainEvent
from tallystick.chaincode.keys import composite_key, split_composite_key
from tallystick.chaincode.private_state import PrivateState
from tallystick.chaincode.state import State
from tallystick.chaincode.stub import KeyModification, Page
from tallystick.chaincode.values import Value

__all__ = [
    "CalleeRefusal",
    "ClientIdentity",
    "Context",
    "Contract",
    "ContractChaincode",
    "DomainEvent",
    "KeyModification",
    "Page",
    "PrivateState",
    "Refusal",
    "State",
    "Value",
    "composite_key",
    "query",
    "split_composite_key",
    "transaction",
]
