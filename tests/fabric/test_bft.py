"""A channel of Fabric's consensus type BFT, four orderers strong (wire.md §11, §18.2, §5.4)."""

import json
from collections.abc import Iterable, Mapping, Sequence
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
    deploy,
    service_package,
    serving_contract,
)
from tests.fabric.real_orderer import RealOrderer

from tallystick.client import Gateway
from tallystick.node.channel.config import BFT
from tallystick.node.cluster.ports import free_ports
from tallystick.node.ledger.committed import recorded_commit_hash
from tallystick.protos.common.common_pb2 import SIGNATURES, Block, IdentifierHeader, Metadata

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


async def fetched(peer: RealPeer, number: int) -> Block:
    file = peer.directory / f"{number}.block"
    await peer.tool("channel", "fetch", str(number), str(file), "-c", CHANNEL)
    return Block.FromString(file.read_bytes())


def client_profile(foundation: Foundation, peer: RealPeer) -> Path:
    user = foundation.user(TWO, "client") / "msp"
    (certificate,) = (user / "signcerts").iterdir()
    (key,) = (user / "keystore").iterdir()
    file = foundation.directory / "client.json"
    content = {
        "msp_id": TWO,
        "channel": CHANNEL,
        "gateway": peer.address,
        "tls_ca": str(foundation.tls_root(TWO)),
        "certificate": str(certificate),
        "key": str(key),
    }
    file.write_text(json.dumps(content))
    return file


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


async def start(orderers: Iterable[RealOrderer], stack: AsyncExitStack) -> None:
    for orderer in orderers:
        await stack.enter_async_context(orderer.running())
        await orderer.join()


async def test_our_peer_follows_a_quorum_of_orderers_and_submits_to_it(
    channel: Channel, tmp_path: Path
) -> None:
    foundation, ports = channel.foundation, channel.ports
    theirs = RealPeer(foundation, ONE, "peer0", tmp_path / ONE, ports.peers[ONE, "peer0"])
    ours = OurPeer(foundation, TWO, "peer0", tmp_path / TWO, ports.peers[TWO, "peer0"])
    address = f"{HOST}:{ports.chaincode}"
    package = service_package("probe_1", address)
    async with AsyncExitStack() as lost, AsyncExitStack() as stack:
        first, *others = channel.orderers
        await start([first], lost)
        await start(others, stack)
        await stack.enter_async_context(serving_contract(package, address, tmp_path / "cc.log"))
        for peer in (theirs, ours):
            await stack.enter_async_context(peer.running())
            await peer.join()
        terms = ChaincodeTerms("probe", f"AND('{ONE}.peer','{TWO}.peer')")
        through = replace(ports, orderer=others[0].port)
        await deploy((theirs, ours), through, [package, package], terms)
        async with await Gateway.from_profile(client_profile(foundation, ours)) as gateway:
            probe = gateway.network().contract("probe")
            await probe.submit("put", "all", "four orderers")
            await lost.aclose()  # our peer was following this one
            await probe.submit("put", "still", "three orderers")
        height = await ours.height()
        await theirs.wait_for(height)
        for number in range(1, height):
            mine, other = await fetched(ours, number), await fetched(theirs, number)
            assert len(votes_for(mine)) >= 3
            assert recorded_commit_hash(mine) == recorded_commit_hash(other) != b""
