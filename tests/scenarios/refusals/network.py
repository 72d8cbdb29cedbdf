"""Two peers and an orderer behind gRPC with TLS, and every door through which requests come."""

import asyncio
import random
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Final
from unittest.mock import patch

import grpc
from tests.scenarios.refusals.people import (
    BANK,
    CLEARING,
    FOUNDED_NS,
    NOW_NS,
    ORDERER,
    People,
    found,
)

from tallystick.client.gateway import Gateway
from tallystick.client.identity import Identity, PrivateKeySigner
from tallystick.client.options import ClientOptions, Environment
from tallystick.node.cluster.administrator import Administrator
from tallystick.node.cluster.deployment import deploy, deployable
from tallystick.node.cluster.material import Founding, genesis_block
from tallystick.node.cluster.member_topology import ADMIN
from tallystick.node.cluster.peer_client import Source
from tallystick.node.cluster.topology import ChaincodeTopology, Topology
from tallystick.node.ledger.committed import recorded_codes, recorded_commit_hash
from tallystick.node.membership.signing_identity import SigningIdentity
from tallystick.node.orderer import OrdererNode
from tallystick.node.orderer_channel import OrdererEnvironment
from tallystick.node.orderer_program import serving_orderer
from tallystick.node.ordering.admission import Admitted, Submission
from tallystick.node.peer import PeerEnvironment, PeerNode
from tallystick.node.peer_program import serving_peer
from tallystick.node.policies.evaluate import SignedData
from tallystick.node.settings import (
    MspSettings,
    NodeSettings,
    OrdererSettings,
    PeerSettings,
    TlsSettings,
)
from tallystick.node.testing.connector import LocalConnector
from tallystick.node.testing.transport import LocalTransport
from tallystick.node.transport.local import LocalEndorser, LocalOrderer
from tallystick.node.transport.open_calls import OpenCalls
from tallystick.protos.common.common_pb2 import Block
from tallystick.wire.hashing import block_header_hash
from tallystick.wire.txid import NONCE_SIZE

CHANNEL_ID: Final = "securities"
CHAINCODE: Final = "notes"
MAX_ENVELOPE_BYTES: Final = 1024 * 1024

TOPOLOGY: Final = Topology.model_validate(
    {
        "channel": {
            "id": CHANNEL_ID,
            "endorsement": "ALL Endorsement",
            "lifecycle_endorsement": "ALL Endorsement",
            "batch": {
                "timeout_s": 0.01,
                "absolute_max_bytes": MAX_ENVELOPE_BYTES,
                "preferred_max_bytes": MAX_ENVELOPE_BYTES,
            },
        },
        "organizations": [
            {
                "msp_id": CLEARING,
                "domain": "clearing.example",
                "peers": [{"name": "peer0", "port": 7051, "operations_port": 7052}],
                "users": [{"name": "admin", "role": "admin"}, {"name": "client"}],
            },
            {
                "msp_id": BANK,
                "domain": "bank.example",
                "peers": [{"name": "peer0", "port": 8051, "operations_port": 8052}],
            },
            {
                "msp_id": ORDERER,
                "domain": "orderer.example",
                "orderers": [{"name": "orderer0", "port": 7050, "operations_port": 7060}],
            },
        ],
    }
)
NOTES: Final = ChaincodeTopology(
    name=CHAINCODE,
    entry="notes:NotesContract",
    source=Path(__file__).parent / "contract",
    endorsement=f"AND('{CLEARING}.peer', '{BANK}.peer')",
)

_UNLIMITED: Final = [("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1)]
_TIMEOUT_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class Tip:
    """Where a ledger stands.

    Attributes:
        height: How many blocks there are.
        header_hash: Of the last block; it covers all blocks.
        commit_hash: Recorded in the last block; it covers all verdicts and updates.
    """

    height: int
    header_hash: bytes
    commit_hash: bytes


@dataclass(frozen=True, slots=True)
class RefusalNetwork:
    """A network with the contract ``notes``, which both organisations must endorse.

    Attributes:
        people: Everybody.
        peers: By MSP id.
        orderer: The only one.
        peer_channel: A client's connection to the peer of the clearing firm, without limits.
        orderer_channel: Likewise to the orderer.
        nonces: Draws a number that was not drawn before.
    """

    people: People
    peers: Mapping[str, PeerNode]
    orderer: OrdererNode
    peer_channel: grpc.aio.Channel
    orderer_channel: grpc.aio.Channel
    nonces: "count[int]"

    def nonce(self) -> bytes:
        """Return bytes that were not drawn before."""
        return next(self.nonces).to_bytes(NONCE_SIZE, "big")

    @property
    def height(self) -> int:
        """How many blocks the peer of the clearing firm has."""
        return self.peers[CLEARING].channels[CHANNEL_ID].ledger.height

    @property
    def tip(self) -> Tip:
        """Where the ledger of that peer stands."""
        return self.tip_at(self.height)

    def tip_at(self, height: int) -> Tip:
        """Return where it stood when it had so many blocks."""
        block = self.peers[CLEARING].channels[CHANNEL_ID].ledger.block(height - 1)
        return Tip(height, block_header_hash(block.header), recorded_commit_hash(block))

    async def order(self, *entries: bytes) -> list[int]:
        """Have ``entries`` ordered whatever they are, as by an orderer that checks nothing.

        Returns:
            The code of each entry, on which both peers agree.
        """
        before = self.height
        channel = self.orderer.channels[CHANNEL_ID]
        with patch.object(channel.admission, "admit", _admit_whatever_it_is):
            for entry in entries:
                channel.chain.order(_unread(entry))
        codes: list[int] = []
        number = before
        while len(codes) < len(entries):
            block, other = [
                await self._block(peer, number) for peer in (self.peers[CLEARING], self.peers[BANK])
            ]
            assert recorded_codes(block) == recorded_codes(other)
            codes += recorded_codes(block)
            number += 1
        return codes

    def value(self, key: str) -> bytes | None:
        """Return the note under ``key``."""
        found = self.peers[CLEARING].channels[CHANNEL_ID].ledger.state.get(CHAINCODE, key)
        return None if found is None else found.value

    async def _block(self, peer: PeerNode, number: int) -> Block:
        channel = peer.channels[CHANNEL_ID]
        async with asyncio.timeout(_TIMEOUT_S):
            await channel.watch.wait_for(number + 1)
        return channel.ledger.block(number)


@asynccontextmanager
async def refusal_network(directory: Path) -> AsyncIterator[RefusalNetwork]:
    """Found a network in ``directory``, run it and deploy its contract."""
    people = found(TOPOLOGY, directory / "crypto")
    founding = Founding(FOUNDED_NS, bytes(NONCE_SIZE))
    genesis = genesis_block(TOPOLOGY, people.directory, founding)
    nonces = count(1)
    async with AsyncExitStack() as stack:
        orderer = _orderer(people, genesis, nonces)
        await stack.enter_async_context(orderer)
        peers = _peers(people, genesis, orderer.connection())
        for peer in peers.values():
            await stack.enter_async_context(peer)
        peer_port = await stack.enter_async_context(
            serving_peer(peers[CLEARING], _peer_settings(people, CLEARING), OpenCalls())
        )
        orderer_port = await stack.enter_async_context(
            serving_orderer(orderer, _orderer_settings(people), OpenCalls())
        )
        network = RefusalNetwork(
            people=people,
            peers=peers,
            orderer=orderer,
            peer_channel=await _connected(people, CLEARING, peer_port, stack),
            orderer_channel=await _connected(people, ORDERER, orderer_port, stack),
            nonces=nonces,
        )
        await deploy(
            CHANNEL_ID,
            [deployable(NOTES)],
            [_administrator(network, msp_id) for msp_id in (CLEARING, BANK)],
        )
        yield network


def _unread(entry: bytes) -> Submission:
    return Submission(entry, len(entry), CHANNEL_ID, 0, SignedData(b"", b"", b""))


def _admit_whatever_it_is(submission: Submission) -> Admitted:
    return Admitted(submission.envelope, submission.size_bytes)


def _orderer(people: People, genesis: Block, nonces: "count[int]") -> OrdererNode:
    environment = OrdererEnvironment(
        clock=lambda: NOW_NS, new_nonce=lambda: next(nonces).to_bytes(NONCE_SIZE, "big")
    )
    return OrdererNode(_orderer_settings(people), people.orderer, [genesis], environment)


def _peers(people: People, genesis: Block, orderer: LocalOrderer) -> dict[str, PeerNode]:
    peers: dict[str, PeerNode] = {}
    for msp_id, signer in ((CLEARING, people.clearing_peer), (BANK, people.bank_peer)):
        environment = PeerEnvironment(
            clock=lambda: NOW_NS,
            random=random.Random(0),
            connector=LocalConnector(msp_id, [orderer], peers),
        )
        peers[msp_id] = PeerNode(_peer_settings(people, msp_id), signer, [genesis], environment)
    return peers


def _peer_settings(people: People, msp_id: str) -> PeerSettings:
    return PeerSettings.model_validate(_settings(people, msp_id, "peers/peer0"))


def _orderer_settings(people: People) -> OrdererSettings:
    return OrdererSettings.model_validate(_settings(people, ORDERER, "orderers/orderer0"))


def _settings(people: People, msp_id: str, node: str) -> Mapping[str, object]:
    material = people.directory / msp_id / node
    tls = TlsSettings(
        certificate=material / "tls" / "server.crt",
        private_key=material / "tls" / "server.key",
        root_certificates=material / "tls" / "ca.crt",
    )
    settings = NodeSettings(
        listen_address="localhost:0",
        data_directory=people.directory.parent / "data" / msp_id,
        store="memory",
        genesis_blocks=(people.directory / "genesis.block",),
        msp=MspSettings(id=msp_id, directory=material / "msp"),
        tls=tls,
    )
    return dict(settings)


async def _connected(
    people: People, msp_id: str, port: int, lifetime: AsyncExitStack
) -> grpc.aio.Channel:
    (roots,) = (people.directory / msp_id / "msp" / "tlscacerts").glob("*.pem")
    return await lifetime.enter_async_context(
        grpc.aio.secure_channel(
            f"localhost:{port}",
            grpc.ssl_channel_credentials(roots.read_bytes()),
            options=_UNLIMITED,
        )
    )


def _administrator(network: RefusalNetwork, msp_id: str) -> Administrator:
    peer = network.peers[msp_id]
    msp = network.people.directory / msp_id / "users" / ADMIN / "msp"
    environment = Environment(
        now_ns=lambda: NOW_NS, nonce=network.nonce, random=random.Random(0), sleep=asyncio.sleep
    )
    gateway = Gateway.over(
        LocalTransport(peer, network.peers.values()),
        identity=Identity.from_file(msp_id, next((msp / "signcerts").glob("*.pem"))),
        signer=PrivateKeySigner.from_file(msp / "keystore" / "priv_sk"),
        options=ClientOptions(environment=environment),
    )
    return Administrator(
        msp_id=msp_id,
        signer=SigningIdentity.from_directory(msp, msp_id),
        endorsers=[LocalEndorser(peer.endorser.process)],
        gateway=gateway,
        source=Source(now_ns=lambda: NOW_NS, nonce=network.nonce),
    )
