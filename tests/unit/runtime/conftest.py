"""The runtimes of a peer, for contracts that no check at installation would let in."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from tests.unit.runtime.hostile import MAX_MESSAGE_BYTES

from tallystick.chaincode.package import build_package, package_id
from tallystick.chaincode.testing import make_client
from tallystick.node.ledger.memory import MemoryStore
from tallystick.node.ledger.simulator import Simulator
from tallystick.node.ledger.state import LedgerState, UpdateBatch, state_entries
from tallystick.node.ledger.version import Version
from tallystick.node.runtime.confinement import Limits
from tallystick.node.runtime.connection import CallRules
from tallystick.node.runtime.lifecycle import ResolvedChaincode
from tallystick.node.runtime.packages import PackageStore
from tallystick.node.runtime.process import ProcessRules
from tallystick.node.runtime.registry import RuntimeRegistry, RuntimeRules
from tallystick.node.runtime.runtime import Invocation, InvocationResult
from tallystick.protos.common.common_pb2 import ChannelHeader, Header, SignatureHeader
from tallystick.protos.peer.chaincode_pb2 import (
    ChaincodeID,
    ChaincodeInput,
    ChaincodeInvocationSpec,
    ChaincodeSpec,
)
from tallystick.protos.peer.proposal_pb2 import (
    ChaincodeProposalPayload,
    Proposal,
    SignedProposal,
)
from tallystick.wire.messages import timestamp_from_ns

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tallystick.protos.ledger.queryresult.kv_query_result_pb2 import KeyModification


ALICE = make_client("BrokerMSP", "alice")
TIMEOUT_S = 3.0
MEMORY_BYTES = 1024**3


class NoHistory:
    def modifications(self, _namespace: str, _key: str) -> Iterator[KeyModification]:
        return iter(())


@dataclass
class Peer:
    """The runtimes of a peer, on a state with a few rows."""

    directory: Path
    source: str
    entries: Mapping[str, str]
    package_ids: dict[str, str] = field(default_factory=dict)
    calls: int = 0
    confined: bool = True
    start_timeout_s: float = 20.0

    def __post_init__(self) -> None:
        store, updates = MemoryStore(), UpdateBatch()
        for number in range(250):
            updates.put("wild", f"{number:03}", b"old", Version(1, 0))
        store.write(state_entries(updates))
        self.store = store
        self.state = LedgerState(store)
        (self.directory / "acme.py").write_text(self.source)
        packages = self.directory / "installed"
        packages.mkdir()
        self.packages = PackageStore(packages)
        for name, entry in self.entries.items():
            self.install(name, build_package(name, entry, self.directory))
        rules = RuntimeRules(
            python="process",
            calls=CallRules(timeout_s=TIMEOUT_S, start_timeout_s=self.start_timeout_s),
            processes=ProcessRules(
                Limits(MEMORY_BYTES, 60, 128, 100_000),
                confined=self.confined,
                max_message_bytes=MAX_MESSAGE_BYTES,
            ),
        )
        self.runtime = RuntimeRegistry(self.packages, rules, Random(1))

    def committed(self) -> dict[bytes, bytes]:
        """Return every row of the state."""
        return dict(self.store.range(b"", b""))

    def install(self, name: str, package: bytes) -> None:
        """Install a package without the check that would refuse a hostile one."""
        self.package_ids[name] = package_id(package)
        self.packages._path(self.package_ids[name]).write_bytes(package)

    def resolve(self, name: str) -> ResolvedChaincode | None:
        if name not in self.package_ids:
            return None
        return ResolvedChaincode(
            name=name,
            sequence=1,
            version="1.0",
            package_id=self.package_ids[name],
            init_required=False,
            endorsement_plugin="escc",
            validation_parameter=b"",
            collections=None,
        )

    async def run(self, chaincode: str, *args: str) -> tuple[InvocationResult, Simulator]:
        self.calls += 1
        transaction_id = f"t{self.calls}"
        simulator = Simulator(self.state, NoHistory(), transaction_id)
        arguments = [arg.encode() for arg in args]
        invocation = Invocation(
            channel_id="securities",
            transaction_id=transaction_id,
            chaincode=chaincode,
            args=arguments,
            is_init=False,
            transient={},
            creator=ALICE.creator,
            timestamp_ns=7,
            entry_chaincode=chaincode,
            signed_proposal=proposal(transaction_id, chaincode, arguments),
            simulator=simulator,
            resolve=self.resolve,
        )
        return await self.runtime.execute(self.package_ids[chaincode], invocation), simulator

    async def answer(self, chaincode: str, *args: str) -> str:
        result, _ = await self.run(chaincode, *args)
        assert result.response.status == 200, result.response.message
        return result.response.payload.decode()


def proposal(transaction_id: str, chaincode: str, args: list[bytes]) -> SignedProposal:
    channel = ChannelHeader(
        type=3, channel_id="securities", tx_id=transaction_id, timestamp=timestamp_from_ns(7)
    )
    header = Header(
        channel_header=channel.SerializeToString(),
        signature_header=SignatureHeader(creator=ALICE.creator, nonce=b"n").SerializeToString(),
    )
    spec = ChaincodeSpec(chaincode_id=ChaincodeID(name=chaincode), input=ChaincodeInput(args=args))
    payload = ChaincodeProposalPayload(
        input=ChaincodeInvocationSpec(chaincode_spec=spec).SerializeToString()
    )
    content = Proposal(
        header=header.SerializeToString(), payload=payload.SerializeToString()
    ).SerializeToString()
    return SignedProposal(proposal_bytes=content)
