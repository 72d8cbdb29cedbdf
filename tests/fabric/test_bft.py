"""A channel of Fabric's consensus type BFT, four orderers strong (wire.md §11, §18.2, §5.4)."""

import json
import secrets
import signal
import time
from asyncio.subprocess import Process
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import pytest
from tests.fabric.configtx import Section, organization, profile
from tests.fabric.conftest import Fabric
from tests.fabric.foundation import (
    CHANNEL,
    HOST,
    ONE,
    ORDERER,
    TWO,
    Foundation,
    Ports,
    generate_keys,
    new_ports,
)
from tests.fabric.real_nodes import (
    ChaincodeTerms,
    OurPeer,
    RealPeer,
    client_profile,
    deploy,
    service_package,
    serving_contract,
)
from tests.fabric.real_orderer import RealOrderer

from tallystick.client import Gateway
from tallystick.node.channel.config import BFT, BatchParameters, ChannelConfig
from tallystick.node.channel.config_delta import compute_update
from tallystick.node.channel.config_edits import with_batch, with_orderer_endpoints
from tallystick.node.channel.config_signing import unsigned_update, with_signature
from tallystick.node.channel.genesis import Endpoint
from tallystick.node.cluster.ports import free_ports
from tallystick.node.ledger.committed import recorded_commit_hash
from tallystick.protos.common.common_pb2 import SIGNATURES, Block, IdentifierHeader, Metadata
from tallystick.protos.common.configtx_pb2 import Config

# All must be given. Those of Fabric are for wide networks: losing the leader costs a minute there.
OPTIONS: Final[Section] = {
    "RequestBatchMaxInterval": "200ms",
    "RequestForwardTimeout": "1s",
    "RequestComplainTimeout": "3s",
    "RequestAutoRemoveTimeout": "3m0s",
    "ViewChangeResendInterval": "1s",
    "ViewChangeTimeout": "5s",
    "LeaderHeartbeatTimeout": "5s",
    "LeaderHeartbeatCount": 10,
    "CollectTimeout": "1s",
    "IncomingMessageBufferSize": 200,
    "RequestPoolSize": 1000,
}
NAMES: Final = ("orderer0", "orderer1", "orderer2", "orderer3")


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel, and who votes on its blocks."""

    foundation: Foundation
    ports: Ports
    orderers: Sequence[RealOrderer]


def consenter(directory: Path, number: int, port: int) -> Section:
    node = directory / ORDERER / "orderers" / NAMES[number]
    (identity,) = (node / "msp" / "signcerts").iterdir()
    certificate = str(node / "tls" / "server.crt")
    return {
        "ID": number + 1,
        "Host": HOST,
        "Port": port,
        "MSPID": ORDERER,
        "Identity": str(identity),
        "ClientTLSCert": certificate,
        "ServerTLSCert": certificate,
    }


def begin_channel(
    fabric: Fabric, directory: Path, orderers: Mapping[str, int], ports: Ports
) -> Foundation:
    """Make all keys, and the first block of a channel with a vote for each orderer."""
    generate_keys(directory, NAMES)
    numbered = enumerate(orderers.values())
    members = [
        {
            **organization(msp_id, directory / msp_id / "msp"),
            "AnchorPeers": [{"Host": HOST, "Port": ports.peers[msp_id, "peer0"]}],
        }
        for msp_id in (ONE, TWO)
    ]
    votes = profile(
        {
            "OrdererType": BFT,
            "SmartBFT": OPTIONS,
            "ConsenterMapping": [consenter(directory, *one) for one in numbered],
        },
        organization(
            ORDERER, directory / ORDERER / "msp", [f"{HOST}:{one}" for one in orderers.values()]
        ),
        members,
        level="V3_0",
    )
    (directory / "configtx.yaml").write_text(json.dumps({"Profiles": {"Votes": votes}}))
    file = directory / "genesis.block"
    fabric.run(
        *("configtxgen", "-configPath", directory, "-profile", "Votes", "-channelID", CHANNEL),
        *("-outputBlock", file),
    ).succeeded()
    return Foundation(directory, Block.FromString(file.read_bytes()))


def votes_for(block: Block) -> set[int]:
    """Return the numbers of the consenters who signed a block."""
    metadata = Metadata.FromString(block.metadata.metadata[SIGNATURES])
    headers = [signature.identifier_header for signature in metadata.signatures]
    return {IdentifierHeader.FromString(header).identifier for header in headers}


async def fetched(peer: RealPeer, which: int | str) -> Block:
    file = peer.directory / f"{which}.block"
    await peer.tool("channel", "fetch", str(which), str(file), "-c", CHANNEL)
    return Block.FromString(file.read_bytes())


@pytest.fixture
def channel(fabric: Fabric, tmp_path: Path) -> Channel:
    free = free_ports(2 * len(NAMES), HOST)
    addresses = {name: next(free) for name in NAMES}
    ports = new_ports()
    foundation = begin_channel(fabric, tmp_path / "crypto", addresses, ports)
    orderers = [
        RealOrderer(foundation, name, tmp_path / name, port, next(free))
        for name, port in addresses.items()
    ]
    return Channel(foundation, ports, orderers)


async def start(orderer: RealOrderer, stack: AsyncExitStack) -> Process:
    running = await stack.enter_async_context(orderer.running())
    await orderer.join()
    return running


def freeze(leader: Process) -> None:
    """Let a process stay and do nothing: its connections stand, and nothing comes of them."""
    leader.send_signal(signal.SIGSTOP)


def resume(leader: Process) -> None:
    """Let a frozen process end when it is told to."""
    if leader.returncode is None:
        leader.send_signal(signal.SIGCONT)


@pytest.mark.parametrize("lose", [Process.kill, freeze])
async def test_our_peer_follows_a_quorum_of_orderers_and_submits_to_it(
    channel: Channel, tmp_path: Path, lose: Callable[[Process], None]
) -> None:
    foundation, ports = channel.foundation, channel.ports
    theirs = RealPeer(foundation, ONE, "peer0", tmp_path / ONE, ports.peers[ONE, "peer0"])
    ours = OurPeer(foundation, TWO, "peer0", tmp_path / TWO, ports.peers[TWO, "peer0"])
    address = f"{HOST}:{ports.chaincode}"
    package = service_package("probe_1", address)
    async with AsyncExitStack() as stack:
        leader, *followers = [await start(orderer, stack) for orderer in channel.orderers]
        stack.callback(resume, leader)
        await stack.enter_async_context(serving_contract(package, address, tmp_path / "cc.log"))
        for peer in (theirs, ours):
            await stack.enter_async_context(peer.running())
            await peer.join()
        terms = ChaincodeTerms("probe", f"AND('{ONE}.peer','{TWO}.peer')")
        through = replace(ports, orderer=channel.orderers[1].port)
        await deploy((theirs, ours), through, [package, package], terms)
        async with await Gateway.from_profile(client_profile(ours)) as gateway:
            probe = gateway.network().contract("probe")
            await probe.submit("put", "all", "four orderers")
            lose(leader)  # the first of the channel's orderers, whom our peer follows
            await probe.submit("put", "still", "three orderers")
        height = await ours.height()
        await theirs.wait_for(height)
        for number in range(1, height):
            mine, other = await fetched(ours, number), await fetched(theirs, number)
            assert len(votes_for(mine)) >= 3
            assert recorded_commit_hash(mine) == recorded_commit_hash(other) != b""
    assert all(follower.returncode == 0 for follower in followers)


async def reconfigure(
    peer: RealPeer, through: RealOrderer, change: Callable[[Config], Config]
) -> None:
    """Let the orderers' administrator sign a change, and hand it to Fabric's tool and orderers."""
    current = await fetched(peer, "config")
    config = ChannelConfig.from_block(current).config
    envelope = with_signature(
        unsigned_update(compute_update(CHANNEL, config, change(config))),
        peer.foundation.signer(ORDERER, "admin"),
        new_nonce=lambda: secrets.token_bytes(24),
        now_ns=time.time_ns(),  # noqa: TID251 - real nodes have real clocks
    )
    file = peer.directory / "update.pb"
    file.write_bytes(envelope.SerializeToString())
    height = await peer.height()
    root = str(peer.foundation.tls_root(ORDERER))
    orderer = ("-o", f"{HOST}:{through.port}", "--tls", "--cafile", root)
    await peer.tool("channel", "update", "-f", str(file), "-c", CHANNEL, *orderer)
    await peer.wait_for(height + 1)


async def test_our_peer_goes_to_the_orderers_that_a_new_configuration_names(
    channel: Channel, tmp_path: Path
) -> None:
    foundation, ports = channel.foundation, channel.ports
    peer = OurPeer(foundation, TWO, "peer0", tmp_path / TWO, ports.peers[TWO, "peer0"])
    _, through, *_ = channel.orderers
    places = [Endpoint(HOST, orderer.port) for orderer in channel.orderers[1:]]
    async with AsyncExitStack() as stack:
        for orderer in channel.orderers:
            await start(orderer, stack)
        await stack.enter_async_context(peer.running())
        await peer.join()
        await reconfigure(
            peer,
            through,
            lambda config: with_orderer_endpoints(CHANNEL, config, ORDERER, places),
        )
        batch = BatchParameters(max_message_count=7)
        await reconfigure(peer, through, lambda config: with_batch(config, batch))
        assert "the channel has other orderers now" in peer.log.read_text()
        newest = ChannelConfig.from_block(await fetched(peer, "config"))
        assert newest.batch.max_message_count == 7
        assert newest.orderer_endpoints == tuple(map(str, places))
