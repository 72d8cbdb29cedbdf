"""Packages, what running chaincode asks of its peer, and what callers ask of a contract."""

from collections.abc import Mapping
from itertools import chain
from typing import Final

from google.protobuf.message import DecodeError
from pydantic import ValidationError

from fuzz.running_chaincode import begun, new_simulator
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
from tallystick.node.runtime.packages import PackageRefusedError, check_package
from tallystick.node.runtime.service import service_endpoint
from tallystick.node.runtime.shim_errors import ShimProtocolError
from tallystick.protos.peer.chaincode_shim_pb2 import ChaincodeMessage

FUNCTIONS: Final[Mapping[str, ContractFunction]] = dict(
    chain.from_iterable(
        contract.functions.items()
        for contract in (IdentityContract, TokenContract, CashContract, SettlementContract)
    )
)


def _chaincode_messages(data: bytes) -> None:
    """As a peer takes the messages of chaincode that works on a call.

    Each message stands behind its length in two bytes.
    """
    handler, transaction = begun(lambda _: None, new_simulator(["key"]))
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
