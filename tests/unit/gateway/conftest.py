"""A gateway whose peers, orderers and ledger say what a test wants."""

import asyncio
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import TypeVar, cast

import grpc
import pytest
from tests.unit.conftest import CHANNEL_ID, NOW_NS, ChannelMaterial

from tallystick.node.channel.config import ChannelConfig
from tallystick.node.deliver.height import HeightWatch
from tallystick.node.gateway.channel import GatewayChannel
from tallystick.node.gateway.commit_notifier import CommitNotifier, CommitOutcome
from tallystick.node.gateway.endorsers import EndorsingPeer, PeerDirectory
from tallystick.node.gateway.errors import GatewayError
from tallystick.node.gateway.planner import Planner
from tallystick.node.gateway.service import GatewayLimits, GatewayService
from tallystick.node.ledger.ledger import Ledger
from tallystick.node.ledger.transaction_index import TransactionLocation
from tallystick.node.limits.rates import ClientRates
from tallystick.node.limits.streams import ClientStreams
from tallystick.node.limits.waiting_room import RoomLimits
from tallystick.node.policies.parser import parse_policy
from tallystick.node.settings import ClientRateSettings
from tallystick.protos.common.common_pb2 import Block, Envelope
from tallystick.protos.gateway import gateway_pb2
from tallystick.protos.orderer.ab_pb2 import BroadcastResponse, DeliverResponse
from tallystick.protos.peer.collection_pb2 import (
    CollectionConfig,
    CollectionConfigPackage,
    CollectionPolicyConfig,
    StaticCollectionConfig,
)
from tallystick.protos.peer.policy_pb2 import ApplicationPolicy
from tallystick.protos.peer.proposal_pb2 import ChaincodeAction, SignedProposal
from tallystick.protos.peer.proposal_response_pb2 import (
    ChaincodeCall,
    ChaincodeInterest,
    Endorsement,
    ProposalResponse,
    ProposalResponsePayload,
    Response,
)
from tallystick.wire.envelope import ProposalArguments, build_proposal
from tallystick.wire.signing import Signer

T = TypeVar("T")

CHAINCODE = "token"
LOCAL = "A"
SOON_S = 0.01
"""A deadline for tests in which it expires."""
ONE_AT_A_TIME = RoomLimits(working=1, waiting=0, waiting_bytes=1, wait_s=60, unfinished=1)
SECRET = {"price": b"7"}
"""Transient data."""

Said = ProposalResponse | Exception | None
"""What an endorser does with a proposal: answer, fail, or never come back."""


@dataclass
class ScriptedEndorser:
    """An ``EndorserConnection`` that says the same every time."""

    said: Said
    calls: int = 0

    async def process_proposal(self, proposal: SignedProposal) -> ProposalResponse:  # noqa: ARG002
        self.calls += 1
        if self.said is None:
            await asyncio.Event().wait()
        if isinstance(self.said, Exception):
            raise self.said
        assert self.said is not None
        return ProposalResponse.FromString(self.said.SerializeToString())


@dataclass
class ScriptedOrderer:
    """An ``OrdererConnection`` that says the same every time."""

    endpoint: str
    said: BroadcastResponse | Exception | None
    envelopes: list[bytes] = field(default_factory=list)

    async def broadcast(self, envelope: bytes) -> BroadcastResponse:
        self.envelopes.append(envelope)
        if self.said is None:
            await asyncio.Event().wait()
        if isinstance(self.said, Exception):
            raise self.said
        assert self.said is not None
        return self.said

    def deliver(self, seek_envelope: bytes) -> AsyncGenerator[DeliverResponse, None]:
        raise AssertionError(f"a gateway asks no orderer for blocks: {seek_envelope!r}")


class ScriptedLedger:
    """Committed blocks, and the blocks of transactions by id."""

    def __init__(self) -> None:
        self.first_block = 0
        self.blocks: list[Block] = []
        self.reads = 0
        self.transactions: dict[str, TransactionLocation] = {}

    @property
    def height(self) -> int:
        return len(self.blocks)

    def block(self, number: int) -> Block:
        self.reads += 1
        return self.blocks[number]

    def location(self, transaction_id: str) -> TransactionLocation | None:
        return self.transactions.get(transaction_id)


class ScriptedDefinitions:
    """Chaincode definitions that a test fills in."""

    def __init__(self) -> None:
        self.generation = 0
        self.policies: dict[str, bytes] = {}
        self.packages: dict[str, CollectionConfigPackage] = {}

    def validation_policy(self, namespace: str) -> bytes | None:
        return self.policies.get(namespace)

    def collections(self, namespace: str) -> CollectionConfigPackage | None:
        return self.packages.get(namespace)

    def define(self, policy: str, chaincode: str = CHAINCODE) -> None:
        self.policies[chaincode] = application_policy(policy).SerializeToString()

    def define_collection(
        self, name: str, members: str, endorsement: str = "", chaincode: str = CHAINCODE
    ) -> None:
        config = StaticCollectionConfig(
            name=name,
            member_orgs_policy=CollectionPolicyConfig(signature_policy=parse_policy(members)),
        )
        if endorsement:
            config.endorsement_policy.CopyFrom(application_policy(endorsement))
        package = self.packages.setdefault(chaincode, CollectionConfigPackage())
        package.config.append(CollectionConfig(static_collection_config=config))


class Unshuffled(Random):
    """Leaves orderers in the order in which they joined."""

    def sample(
        self, population: Sequence[T], k: int, *, counts: Iterable[int] | None = None
    ) -> list[T]:
        assert (k, counts) == (len(population), None)
        return list(population)


@dataclass
class Setting:
    """A gateway and all that is around it. Peers are listed in the order in which they joined."""

    material: ChannelMaterial
    config: ChannelConfig
    definitions: ScriptedDefinitions = field(default_factory=ScriptedDefinitions)
    ledger: ScriptedLedger = field(default_factory=ScriptedLedger)
    watch: HeightWatch = field(default_factory=lambda: HeightWatch(0))
    outcomes: dict[str, CommitOutcome] = field(default_factory=dict)
    peers: list[EndorsingPeer] = field(default_factory=list)
    orderers: list[ScriptedOrderer] = field(default_factory=list)
    limits: GatewayLimits = field(default_factory=GatewayLimits)
    random: Random = field(default_factory=Unshuffled)
    rate: ClientRateSettings = field(default_factory=ClientRateSettings)
    streams: int = 100

    def __post_init__(self) -> None:
        self.notifier = CommitNotifier(self.outcomes.get)

    def add_peer(
        self, msp_id: str, said: Said, *, name: str = "peer0", local: bool = False
    ) -> ScriptedEndorser:
        """Let a peer join; it is the gateway's own if ``local``."""
        endorser = ScriptedEndorser(said)
        self.peers.append(EndorsingPeer(msp_id, f"{name}.{msp_id}", endorser, local=local))
        return endorser

    def add_orderer(
        self, said: BroadcastResponse | Exception | None, endpoint: str = "orderer0"
    ) -> ScriptedOrderer:
        orderer = ScriptedOrderer(endpoint, said)
        self.orderers.append(orderer)
        return orderer

    @property
    def directory(self) -> PeerDirectory:
        return PeerDirectory(self.peers, local_msp_id=LOCAL)

    @property
    def planner(self) -> Planner:
        return Planner(lambda: self.config, self.definitions)

    def service(self) -> GatewayService:
        """Return the gateway. Later changes of peers, orderers and limits are not seen by it."""
        channel = GatewayChannel(
            current=lambda: self.config,
            ledger=cast("Ledger", self.ledger),
            definitions=self.definitions,
            height=self.watch,
            notifier=self.notifier,
            peers=self.directory,
            orderers=self.orderers,
            planner=self.planner,
        )
        rates = ClientRates.on_loop(self.rate)
        streams = ClientStreams(self.streams)
        return GatewayService({CHANNEL_ID: channel}, self.random, rates, self.limits, streams)

    def hurry(self) -> None:
        """Let every deadline expire at once."""
        self.limits = replace(self.limits, endorsement_timeout_s=SOON_S, broadcast_timeout_s=SOON_S)

    async def evaluate(
        self, proposal: SignedProposal | None = None, organizations: Sequence[str] = ()
    ) -> Response:
        request = gateway_pb2.EvaluateRequest(
            proposed_transaction=proposal or signed_proposal(), target_organizations=organizations
        )
        return (await self.service().evaluate(request)).result

    async def endorse(
        self, proposal: SignedProposal | None = None, organizations: Sequence[str] = ()
    ) -> Envelope:
        request = gateway_pb2.EndorseRequest(
            proposed_transaction=proposal or signed_proposal(),
            endorsing_organizations=organizations,
        )
        return (await self.service().endorse(request)).prepared_transaction

    async def submit(
        self, envelope: Envelope | None = None, channel_id: str = CHANNEL_ID
    ) -> gateway_pb2.SubmitResponse:
        prepared = envelope or Envelope(payload=b"transaction", signature=b"signature")
        request = gateway_pb2.SubmitRequest(channel_id=channel_id, prepared_transaction=prepared)
        return await self.service().submit(request)

    def tired_service(self) -> GatewayService:
        """Return a gateway of which the client has asked all that it may ask for 10 s."""
        self.rate = ClientRateSettings(calls_per_s=0.1, burst=1)
        service = self.service()
        service.rates.charge(self.config.msps.identity(self.material.client.identity))
        return service

    def client_proposal(self) -> SignedProposal:
        """Return a proposal of the client, whose signature nobody looks at."""
        built = build_proposal(
            ProposalArguments(CHANNEL_ID, CHAINCODE, (b"transfer",), {}),
            creator=self.material.client.identity,
            nonce=bytes(24),
            timestamp_ns=NOW_NS,
        )
        return SignedProposal(proposal_bytes=built.proposal_bytes, signature=b"signature")

    def commit_status_request(
        self, transaction_id: str = "t1", *, signer: Signer | None = None, **changes: object
    ) -> gateway_pb2.SignedCommitStatusRequest:
        """Return a signed request; ``changes`` replace its fields."""
        creator = signer or self.material.client
        fields: dict[str, object] = {
            "identity": creator.identity,
            "channel_id": CHANNEL_ID,
            "transaction_id": transaction_id,
        } | changes
        request = gateway_pb2.CommitStatusRequest(**fields).SerializeToString()  # type: ignore[arg-type]
        return gateway_pb2.SignedCommitStatusRequest(
            request=request, signature=creator.sign(request)
        )

    def events_request(
        self, signer: Signer | None = None, /, **changes: object
    ) -> gateway_pb2.SignedChaincodeEventsRequest:
        """Return a signed request; ``changes`` replace its fields."""
        creator = signer or self.material.client
        fields: dict[str, object] = {
            "identity": creator.identity,
            "channel_id": CHANNEL_ID,
            "chaincode_id": CHAINCODE,
        } | changes
        request = gateway_pb2.ChaincodeEventsRequest(**fields).SerializeToString()  # type: ignore[arg-type]
        return gateway_pb2.SignedChaincodeEventsRequest(
            request=request, signature=creator.sign(request)
        )


def application_policy(policy: str) -> ApplicationPolicy:
    if policy.startswith("/"):
        return ApplicationPolicy(channel_config_policy_reference=policy)
    return ApplicationPolicy(signature_policy=parse_policy(policy))


def signed_proposal(
    chaincode: str = CHAINCODE,
    *,
    channel_id: str = CHANNEL_ID,
    transient: Mapping[str, bytes] | None = None,
) -> SignedProposal:
    """Return a proposal that no scripted peer looks at."""
    arguments = ProposalArguments(channel_id, chaincode, (b"transfer",), transient or {})
    built = build_proposal(arguments, creator=b"client", nonce=bytes(24), timestamp_ns=NOW_NS)
    return SignedProposal(proposal_bytes=built.proposal_bytes, signature=b"signature")


def endorsement(
    result: bytes = b"done", *, by: str = LOCAL, interest: ChaincodeInterest | None = None
) -> ProposalResponse:
    """Return the answer of a peer that endorses ``result``."""
    action = ChaincodeAction(response=Response(status=200, payload=result))
    payload = ProposalResponsePayload(extension=action.SerializeToString())
    return ProposalResponse(
        response=Response(status=200),
        payload=payload.SerializeToString(),
        endorsement=Endorsement(endorser=by.encode(), signature=b"signature"),
        interest=interest or touched(),
    )


def touched(*collections: str, reads: bool = False) -> ChaincodeInterest:
    """Return the interest of a transaction that wrote public keys, or these collections."""
    calls = [
        ChaincodeCall(name=CHAINCODE, collection_names=[name], no_private_reads=not reads)
        for name in collections
    ]
    return ChaincodeInterest(chaincodes=calls or [ChaincodeCall(name=CHAINCODE)])


def refusal(status: int, message: str, payload: bytes = b"") -> ProposalResponse:
    """Return an answer that endorses nothing; without a payload, 500 is the peer's own failure."""
    return ProposalResponse(response=Response(status=status, message=message), payload=payload)


def rpc_failure(code: grpc.StatusCode, text: str) -> grpc.aio.AioRpcError:
    return grpc.aio.AioRpcError(code, grpc.aio.Metadata(), grpc.aio.Metadata(), details=text)


DOWN = rpc_failure(grpc.StatusCode.UNAVAILABLE, "connection refused")
BROKEN = refusal(500, "error in simulation: the disk is full")


def messages_of(error: GatewayError) -> list[str]:
    return [detail.message for detail in error.details]


@pytest.fixture
def setting(channel_material: ChannelMaterial) -> Setting:
    """A gateway without peers and orderers; any peer may endorse its one chaincode."""
    setting = Setting(channel_material, channel_material.config())
    setting.definitions.define("OR('A.peer','B.peer','C.peer')")
    return setting
