"""Chaincode that works on a call, for whatever comes over its stream: shared with the tests."""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from tallystick.node.ledger.memory import MemoryStore
from tallystick.node.ledger.simulator import Simulator
from tallystick.node.ledger.state import LedgerState, UpdateBatch, state_entries
from tallystick.node.ledger.version import Version
from tallystick.node.runtime.lifecycle import ResolvedChaincode
from tallystick.node.runtime.runtime import Invocation
from tallystick.node.runtime.shim_handler import ShimHandler, StreamTransaction
from tallystick.protos.ledger.queryresult.kv_query_result_pb2 import KeyModification
from tallystick.protos.peer.chaincode_pb2 import ChaincodeID
from tallystick.protos.peer.chaincode_shim_pb2 import ChaincodeMessage
from tallystick.protos.peer.collection_pb2 import (
    CollectionConfig,
    CollectionConfigPackage,
    StaticCollectionConfig,
)
from tallystick.protos.peer.proposal_pb2 import SignedProposal

CHANNEL: Final = "ch"
TRANSACTION: Final = "t1"
_CHAINCODE: Final = "cc"
_PACKAGE_ID: Final = "cc:00"


class _History:
    """A history in which every key was changed as often."""

    def __init__(self, changes: int) -> None:
        self._changes = changes

    def modifications(self, _namespace: str, key: str) -> Iterator[KeyModification]:
        """Yield each change."""
        value = key.encode()
        return (KeyModification(tx_id=f"t{number}", value=value) for number in range(self._changes))


def new_simulator(keys: Sequence[str]) -> Simulator:
    """Return a simulator over a state with these keys, each with as many changes in its history."""
    store, updates = MemoryStore(), UpdateBatch()
    for key in keys:
        updates.put(_CHAINCODE, key, b"value", Version(1, 0))
    store.write(state_entries(updates))
    return Simulator(LedgerState(store), _History(len(keys)), TRANSACTION)


def begun(
    send: Callable[[ChaincodeMessage], None], simulator: Simulator, creator: bytes = b""
) -> tuple[ShimHandler, StreamTransaction]:
    """Return a handler whose chaincode has registered, and the call that it works on."""
    handler = ShimHandler(_PACKAGE_ID, send)
    register = ChaincodeID(name=_PACKAGE_ID).SerializeToString()
    handler.receive(ChaincodeMessage(type=ChaincodeMessage.REGISTER, payload=register))
    return handler, handler.begin(_invocation(simulator, creator))


def _definition(name: str) -> ResolvedChaincode:
    collection = StaticCollectionConfig(name="c")
    return ResolvedChaincode(
        name=name,
        sequence=1,
        version="1.0",
        package_id=_PACKAGE_ID,
        init_required=False,
        endorsement_plugin="escc",
        validation_parameter=b"",
        collections=CollectionConfigPackage(
            config=[CollectionConfig(static_collection_config=collection)]
        ),
    )


def _invocation(simulator: Simulator, creator: bytes) -> Invocation:
    return Invocation(
        channel_id=CHANNEL,
        transaction_id=TRANSACTION,
        chaincode=_CHAINCODE,
        args=[b"f"],
        is_init=False,
        transient={},
        creator=creator,
        timestamp_ns=7,
        entry_chaincode=_CHAINCODE,
        signed_proposal=SignedProposal(),
        simulator=simulator,
        resolve=_definition,
    )
