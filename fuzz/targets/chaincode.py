"""Packages, what running chaincode asks of its peer, and what callers ask of a contract."""

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Final

from google.protobuf.message import DecodeError
from pydantic import ValidationError

from fuzz.target import Target
from tallystick.chaincode.client_identity import ClientIdentity
from tallystick.chaincode.contract import ContractFunction
from tallystick.chaincode.determinism import check_sources
from tallystick.chaincode.errors import Refusal
from tallystick.chaincode.events import unpack
from tallystick.chaincode.package import ChaincodePackage, PackageError, compressed, members_of
from tallystick.contracts.cash import CashContract
from tallystick.contracts.identity import IdentityContract
from tallystick.contracts.settlement import SettlementContract
from tallystick.contracts.token import TokenContract
from tallystick.node.ledger.memory import MemoryStore
from tallystick.node.ledger.simulator import Simulator
from tallystick.node.ledger.state import LedgerState, UpdateBatch, state_entries
from tallystick.node.ledger.version import Version
from tallystick.node.runtime.lifecycle import ResolvedChaincode
from tallystick.node.runtime.packages import PackageRefusedError, check_package
from tallystick.node.runtime.runtime import Invocation
from tallystick.node.runtime.service import service_endpoint
from tallystick.node.runtime.shim_errors import ShimProtocolError
from tallystick.node.runtime.shim_handler import ShimHandler
from tallystick.protos.ledger.queryresult.kv_query_result_pb2 import KeyModification
from tallystick.protos.peer.chaincode_pb2 import ChaincodeID
from tallystick.protos.peer.chaincode_shim_pb2 import ChaincodeMessage
from tallystick.protos.peer.collection_pb2 import (
    CollectionConfig,
    CollectionConfigPackage,
    StaticCollectionConfig,
)
from tallystick.protos.peer.proposal_pb2 import SignedProposal

PACKAGE_ID: Final = "cc:00"
COLLECTION: Final = StaticCollectionConfig(name="c")
FUNCTIONS: Final[Mapping[str, ContractFunction]] = dict(
    chain.from_iterable(
        contract.functions.items()
        for contract in (IdentityContract, TokenContract, CashContract, SettlementContract)
    )
)


class _History:
    """A history in which every key was changed once."""

    def modifications(self, _namespace: str, key: str) -> Iterator[KeyModification]:
        yield KeyModification(tx_id="t0", value=key.encode())


def _definition(name: str) -> ResolvedChaincode:
    return ResolvedChaincode(
        name=name,
        sequence=1,
        version="1.0",
        package_id=PACKAGE_ID,
        init_required=False,
        endorsement_plugin="escc",
        validation_parameter=b"",
        collections=CollectionConfigPackage(
            config=[CollectionConfig(static_collection_config=COLLECTION)]
        ),
    )


def _invocation() -> Invocation:
    store, updates = MemoryStore(), UpdateBatch()
    updates.put("cc", "key", b"value", Version(1, 0))
    store.write(state_entries(updates))
    return Invocation(
        channel_id="ch",
        transaction_id="t1",
        chaincode="cc",
        args=[b"f"],
        is_init=False,
        transient={},
        creator=b"",
        timestamp_ns=7,
        entry_chaincode="cc",
        signed_proposal=SignedProposal(),
        simulator=Simulator(LedgerState(store), _History(), "t1"),
        resolve=_definition,
    )


def _chaincode_messages(data: bytes) -> None:
    """As a peer takes the messages of chaincode that works on a call.

    Each message stands behind its length in two bytes.
    """
    handler = ShimHandler(PACKAGE_ID, lambda _: None)
    register = ChaincodeID(name=PACKAGE_ID).SerializeToString()
    handler.receive(ChaincodeMessage(type=ChaincodeMessage.REGISTER, payload=register))
    transaction = handler.begin(_invocation())
    while data and not transaction.calling:
        end = 2 + int.from_bytes(data[:2])
        handler.receive(ChaincodeMessage.FromString(data[2:end]))
        data = data[end:]


def _archive(data: bytes) -> None:
    """As a package is unpacked; compressed here, since a fuzzer seldom finds a checksum."""
    dict(members_of(compressed(data)))


def _source(data: bytes) -> None:
    """As the Python in a package is searched for what differs between peers."""
    check_sources({"contract.py": data})


def _connection(data: bytes) -> None:
    """As a peer reads where a chaincode serves."""
    files = {"connection.json": data}
    service_endpoint(ChaincodePackage("a:0", "a", "ccaas", entry="", sources=files))


def _arguments(data: bytes) -> None:
    """As a contract reads a call: the function's name and the arguments, with zeros between."""
    name, *arguments = data.split(b"\0")
    function = FUNCTIONS.get(name.decode(errors="replace"))
    if function is not None:
        function.decode(arguments)


TARGETS = (
    Target("package", check_package, (PackageRefusedError,)),
    Target("archive", _archive, (PackageError,)),
    Target("source", _source),
    Target("connection", _connection, (PackageError,)),
    Target("chaincode_messages", _chaincode_messages, (ShimProtocolError, DecodeError)),
    Target("arguments", _arguments, (Refusal,)),
    Target("caller", ClientIdentity.of, (ValueError,)),
    Target("event", unpack, (ValidationError,)),
)
