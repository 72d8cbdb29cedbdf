"""Three organisations with a peer each, on one channel with real keys and real ledgers."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from google.protobuf.message import Message

from tallystick.node.channel.config import ChannelConfig
from tallystick.node.channel.genesis import (
    ApplicationOrganization,
    ChannelProfile,
    Endpoint,
    OrdererOrganization,
    build_genesis_block,
)
from tallystick.node.endorsement.channel import EndorserChannel
from tallystick.node.endorsement.endorser import Endorser, EndorserLimits, EndorserNode
from tallystick.node.endorsement.proposal import unpack
from tallystick.node.ledger.ledger import CommittableBlock, Ledger
from tallystick.node.ledger.memory import MemoryStore
from tallystick.node.ledger.rwset import parse_results
from tallystick.node.ledger.simulator import Simulator
from tallystick.node.ledger.state import UpdateBatch
from tallystick.node.ledger.version import Version
from tallystick.node.limits.rates import ClientRates
from tallystick.node.membership.ca import CertificateAuthority, CertificateRequest
from tallystick.node.membership.certificates import to_pem
from tallystick.node.membership.msp import Msp
from tallystick.node.membership.registry import MspRegistry
from tallystick.node.membership.signature_checker import SignatureChecker
from tallystick.node.membership.signing_identity import SigningIdentity
from tallystick.node.observability.metrics import PeerMetrics
from tallystick.node.privacy.node import MemberPeer, PrivacyNode
from tallystick.node.privacy.privacy import Privacy, PrivacyPeers
from tallystick.node.privacy.reconciliation import ReconciliationPace
from tallystick.node.runtime.collections import blocks_to_live
from tallystick.node.runtime.lifecycle import DefinitionCache
from tallystick.node.runtime.packages import PackageStore, build_package
from tallystick.node.runtime.runtime import ChaincodeRuntime, Invocation, InvocationResult
from tallystick.node.settings import ClientRateSettings
from tallystick.node.system.access import AccessControl
from tallystick.node.system.configuration import Membership
from tallystick.node.system.registry import system_chaincodes
from tallystick.node.system.snapshot_joining import JoiningPlace, SnapshotJoining
from tallystick.protos.common.common_pb2 import Block, BlockData, BlockHeader, BlockMetadata
from tallystick.protos.msp.msp_config_pb2 import (
    FabricMSPConfig,
    FabricNodeOUs,
    FabricOUIdentifier,
    MSPConfig,
)
from tallystick.protos.peer.chaincode_event_pb2 import ChaincodeEvent
from tallystick.protos.peer.lifecycle import lifecycle_pb2
from tallystick.protos.peer.proposal_pb2 import SignedProposal
from tallystick.protos.peer.proposal_response_pb2 import ProposalResponse, Response
from tallystick.wire.envelope import (
    ProposalArguments,
    build_proposal,
    build_transaction_payload,
    chaincode_action_of,
    signed_envelope,
)
from tallystick.wire.hashing import block_data_hash, block_header_hash
from tallystick.wire.signing import Signer

CHANNEL_ID = "trades"
ORGANIZATIONS = ("OneMSP", "TwoMSP", "ThreeMSP")
NOW = datetime(2026, 8, 1, 12, tzinfo=UTC)
NOW_NS = int(NOW.timestamp()) * 1_000_000_000
SECOND_NS = 1_000_000_000

GOOD_SOURCE = """
from tallystick.chaincode import Context, Contract, transaction

class Token(Contract):
    name = "token"

    @transaction
    def put(self, ctx: Context, key: str, value: str) -> str:
        ctx.state.put(key, value.encode())
        return value
"""
BAD_SOURCE = GOOD_SOURCE.replace("class Token", "import random\n\nclass Token")


class Organization:
    """A CA and its members."""

    def __init__(self, msp_id: str) -> None:
        self.msp_id = msp_id
        self._authority = CertificateAuthority.create(f"ca.{msp_id}", msp_id, now=NOW)
        self.peer = self.issue("peer")
        self.client = self.issue("client")
        self.admin = self.issue("admin")

    def issue(self, role: str, lifetime: timedelta = timedelta(days=30)) -> SigningIdentity:
        request = CertificateRequest(
            common_name=f"{role}.{self.msp_id}", organizational_units=(role,), lifetime=lifetime
        )
        pair = self._authority.issue(request, now=NOW)
        return SigningIdentity.from_pem(self.msp_id, pair.certificate_pem, pair.key_pem)

    def msp(self) -> MSPConfig:
        units = {
            f"{role}_ou_identifier": FabricOUIdentifier(organizational_unit_identifier=role)
            for role in ("client", "peer", "admin", "orderer")
        }
        config = FabricMSPConfig(
            name=self.msp_id,
            root_certs=[to_pem(self._authority.certificate)],
            fabric_node_ous=FabricNodeOUs(enable=True, **units),
        )
        return MSPConfig(config=config.SerializeToString())


class Keys:
    """Everybody's keys and the genesis block. Made once: certificates cost time."""

    def __init__(self) -> None:
        self.organizations = {msp_id: Organization(msp_id) for msp_id in ORGANIZATIONS}
        self.outsider = Organization("OutsiderMSP")
        orderer = Organization("OrdererMSP")
        self.genesis = self.genesis_of(CHANNEL_ID, orderer)

    def genesis_of(self, channel_id: str, orderer: Organization | None = None) -> Block:
        endpoint = Endpoint("orderer.test", 7050)
        orderer_msp = (orderer or Organization("OrdererMSP")).msp()
        return build_genesis_block(
            ChannelProfile(
                channel_id=channel_id,
                application=tuple(
                    ApplicationOrganization(one.msp_id, one.msp())
                    for one in self.organizations.values()
                ),
                orderers=(OrdererOrganization("OrdererMSP", orderer_msp, (endpoint,)),),
            ),
            nonce=bytes(24),
            timestamp_ns=NOW_NS,
        )


@dataclass
class ScriptedRuntime(ChaincodeRuntime):
    """Answers what a test wants; remembers what it was asked."""

    response: Response = field(default_factory=lambda: Response(status=200, payload=b"done"))
    event: ChaincodeEvent | None = None
    act: Callable[[Simulator], object] = lambda simulator: simulator.put_state("token", "k", b"v")
    invocations: list[tuple[str, Invocation]] = field(default_factory=list)

    async def execute(self, package_id: str, invocation: Invocation) -> InvocationResult:
        self.invocations.append((package_id, invocation))
        self.act(invocation.simulator)
        return InvocationResult(self.response, self.event)


class Peer:
    """A peer of one organisation: its ledger, its definitions and its endorser."""

    def __init__(self, keys: Keys, msp_id: str, directory: Path) -> None:
        organization = keys.organizations[msp_id]
        self.msp_id = msp_id
        self.signer: Signer = organization.peer
        self.checker = SignatureChecker()
        config = ChannelConfig.from_block(keys.genesis, self.checker)
        self.ledger = Ledger.open(directory / "ledger", MemoryStore(), blocks_to_live)
        self.definitions = DefinitionCache(self.ledger.state, msp_id)
        self.channel = EndorserChannel(config, self.ledger, self.definitions)
        self.channels = {CHANNEL_ID: self.channel}
        self.packages = PackageStore(directory / "packages")
        self.access = AccessControl(MspRegistry([Msp.from_config(organization.msp())]), msp_id)
        self.runtime = ScriptedRuntime()
        self.joined: list[Block] = []
        self.from_snapshots = SnapshotJoining(
            JoiningPlace(self.channels, directory.joinpath, "sqlite", self._open)
        )
        self.now_ns = NOW_NS
        self.others: list[MemberPeer] = []
        self.privacy = Privacy(
            self.channels,
            PrivacyNode(msp_id, self.signer, self.checker, lambda: self.now_ns),
            PrivacyPeers(
                lambda _: self.others, random.Random(0), 1.0, ReconciliationPace(60.0, 1.0)
            ),
        )
        self.endorser = self.new_endorser()

    def new_endorser(
        self,
        limits: EndorserLimits | None = None,
        runtime: ChaincodeRuntime | None = None,
        rates: ClientRates | None = None,
    ) -> Endorser:
        return Endorser(
            self.channels,
            EndorserNode(
                runtime=runtime or self.runtime,
                packages=self.packages,
                system=system_chaincodes(
                    self.packages,
                    self.access,
                    self.channels,
                    Membership(self._join, self.from_snapshots),
                ),
                access=self.access,
                signer=self.signer,
                checker=self.checker,
                private_data=self.privacy.dissemination,
                rates=rates or ClientRates.on_loop(ClientRateSettings()),
                clock=lambda: self.now_ns,
                metrics=PeerMetrics(),
            ),
            limits,
        )

    async def commit(self, entry: bytes, transaction_id: str, results: bytes) -> None:
        """Commit a block with this one transaction, which is taken to be valid."""
        number = self.ledger.height
        updates = UpdateBatch()
        parse_results(results).apply_to(updates, Version(number, 0), self.ledger.state)
        header = BlockHeader(
            number=number,
            previous_hash=block_header_hash(self.ledger.block(number - 1).header),
            data_hash=block_data_hash([entry]),
        )
        block = Block(
            header=header,
            data=BlockData(data=[entry]),
            metadata=BlockMetadata(metadata=[b""] * 5),
        )
        await self.ledger.commit(
            CommittableBlock(
                block=block, codes=b"\x00", updates=updates, transaction_ids=[transaction_id]
            )
        )
        self.definitions.block_committed(updates)

    async def _open(self, channel_id: str) -> None:
        raise AssertionError(f"no test here joins {channel_id} from a snapshot")

    async def _join(self, block: Block) -> None:
        self.joined.append(block)


class World:
    """The peers of all organisations, and what their staff does with them."""

    def __init__(self, keys: Keys, directory: Path) -> None:
        self.keys = keys
        self.directory = directory
        self.peers = {
            msp_id: Peer(keys, msp_id, directory / msp_id) for msp_id in keys.organizations
        }
        self.one, self.two, self.three = self.peers.values()
        for peer in self.peers.values():
            peer.others.extend(
                MemberPeer(other.msp_id, other.msp_id.lower(), other.privacy.service)
                for other in self.peers.values()
                if other is not peer
            )
        self._proposals = 0

    async def open(self) -> None:
        """Commit the genesis block everywhere."""
        for peer in self.peers.values():
            block = Block.FromString(self.keys.genesis.SerializeToString())
            await peer.ledger.commit(
                CommittableBlock(
                    block=block, codes=b"\x00", updates=UpdateBatch(), transaction_ids=[""]
                )
            )

    def proposal(
        self,
        arguments: ProposalArguments,
        creator: SigningIdentity | None = None,
        timestamp_ns: int = NOW_NS,
    ) -> SignedProposal:
        """Return a proposal, signed by a client of the first organisation unless told otherwise."""
        signer = creator or self.keys.organizations["OneMSP"].client
        self._proposals += 1
        built = build_proposal(
            arguments,
            creator=signer.identity,
            nonce=self._proposals.to_bytes(24, "big"),
            timestamp_ns=timestamp_ns,
        )
        return SignedProposal(
            proposal_bytes=built.proposal_bytes, signature=signer.sign(built.proposal_bytes)
        )

    def call(self, *args: bytes, chaincode: str = "token", **more: object) -> SignedProposal:
        """Return a proposal that calls a chaincode of the channel."""
        return self.proposal(ProposalArguments(CHANNEL_ID, chaincode, args, **more))  # type: ignore[arg-type]

    def lifecycle(
        self, function: str, argument: Message, *, msp_id: str = "OneMSP", channel: str = CHANNEL_ID
    ) -> SignedProposal:
        """Return an administrator's call of ``_lifecycle``."""
        args = (function.encode(), argument.SerializeToString())
        admin = self.keys.organizations[msp_id].admin
        return self.proposal(ProposalArguments(channel, "_lifecycle", args), admin)

    async def submit(self, proposal: SignedProposal, *endorsers: Peer) -> None:
        """Have a proposal endorsed by these peers and commit the transaction everywhere."""
        responses = [await peer.endorser.process(proposal) for peer in endorsers]
        await self.commit(proposal, responses)

    async def commit(self, proposal: SignedProposal, responses: Sequence[ProposalResponse]) -> None:
        """Commit a transaction on every peer."""
        for response in responses:
            assert response.response.status == 200, response.response.message
            assert response.payload == responses[0].payload, "endorsers disagree"
        payload = build_transaction_payload(
            proposal.proposal_bytes,
            responses[0].payload,
            [response.endorsement for response in responses],
        )
        envelope = signed_envelope(payload, self.keys.organizations["OneMSP"].client)
        results = chaincode_action_of(payload).results
        for peer in self.peers.values():
            await peer.commit(envelope.SerializeToString(), transaction_id_of(proposal), results)

    def package(self, label: str = "token_1", source: str = GOOD_SOURCE) -> bytes:
        """Return a chaincode package."""
        directory = self.directory / "sources" / label
        directory.mkdir(parents=True, exist_ok=True)
        (directory / "market.py").write_text(source)
        return build_package(label, "market:Token", directory)

    async def approve(self, msp_id: str, **changes: object) -> None:
        """Have an organisation approve a definition of ``token``."""
        proposal = self.lifecycle(
            "ApproveChaincodeDefinitionForMyOrg", approval(**changes), msp_id=msp_id
        )
        await self.submit(proposal, self.peers[msp_id])

    async def define(self, *, init_required: bool = False, sequence: int = 1) -> None:
        """Install a package on the first peer, then approve and commit it as ``token``."""
        package = self.package(f"token_{sequence}")
        package_id = self.one.packages.save(package)
        changes: dict[str, object] = {"sequence": sequence, "init_required": init_required}
        await self.approve("OneMSP", **changes, source=local(package_id))
        await self.approve("TwoMSP", **changes)
        definition = lifecycle_pb2.CommitChaincodeDefinitionArgs(
            name="token", version="1.0", sequence=sequence, init_required=init_required
        )
        proposal = self.lifecycle("CommitChaincodeDefinition", definition)
        await self.submit(proposal, self.one, self.two)


def approval(**changes: object) -> lifecycle_pb2.ApproveChaincodeDefinitionForMyOrgArgs:
    """Return the approval of version 1.0 of ``token``, with changes."""
    fields: dict[str, object] = {"name": "token", "version": "1.0", "sequence": 1} | changes
    return lifecycle_pb2.ApproveChaincodeDefinitionForMyOrgArgs(**fields)  # type: ignore[arg-type]


def local(package_id: str) -> lifecycle_pb2.ChaincodeSource:
    source = lifecycle_pb2.ChaincodeSource
    return source(local_package=source.Local(package_id=package_id))


def transaction_id_of(proposal: SignedProposal) -> str:

    return unpack(proposal).transaction_id


@pytest.fixture(scope="session")
def keys() -> Keys:
    return Keys()


@pytest.fixture
async def world(keys: Keys, tmp_path: Path) -> World:
    world = World(keys, tmp_path)
    await world.open()
    return world
