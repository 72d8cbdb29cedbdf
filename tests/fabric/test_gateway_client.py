"""The tests of Fabric's gateway client for Node, the same ones, against nodes of Fabric.

§5.1, §5.2, §5.3, §5.4, §5.5, §5.6, §5.7, §6. Clients cannot tell apart what passes here as well as
in tests/interop. Ours is only what nodes begin with, keys and the first block, and the chaincode.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
from tests.fabric.foundation import CHANNEL, HOST, ORDERER, Foundation, Ports
from tests.fabric.processes import reachable
from tests.fabric.real_nodes import (
    ChaincodeTerms,
    RealPeer,
    deploy,
    service_package,
    serving_contract,
)
from tests.fabric.real_orderer import real_orderer
from tests.interop.conftest import NodeServer, tally
from tests.interop.node_tests import HERE as INTEROP
from tests.interop.node_tests import SUBJECTS, pass_in_node

from tallystick.chaincode.package import package_id
from tallystick.client import Gateway
from tallystick.client.contract import Contract
from tallystick.client.errors import GatewayError
from tallystick.node.cluster.material import Founding
from tallystick.node.cluster.network import Network, create_network
from tallystick.node.cluster.ports import free_ports, on_free_ports
from tallystick.node.cluster.startup import system_source
from tallystick.node.cluster.topology import Topology, default_topology
from tallystick.protos.common.common_pb2 import Block

PEERS = ("ATSMSP", "ClearingMSP", "TransferAgentMSP")
CONTRACTS = INTEROP / "contracts"
TWO = "AND('ATSMSP.peer', 'ClearingMSP.peer')"
GOSSIP_TIMEOUT_S = 60


def our_topology() -> Topology:
    """Return the topology of the other tests, for the channel that Fabric's tools are told of."""
    topology = on_free_ports(default_topology())
    channel = topology.channel.model_copy(update={"id": CHANNEL, "chaincodes": ()})
    return topology.model_copy(update={"channel": channel})


def founded(directory: Path) -> tuple[Network, Foundation]:
    source = system_source()
    founding = Founding(source.now_ns(), source.nonce())
    network = create_network(our_topology(), directory, founding)
    genesis = Block.FromString(network.genesis_block.read_bytes())
    foundation = Foundation(network.material, genesis)
    foundation.genesis_file.write_bytes(network.genesis_block.read_bytes())
    return network, foundation


@asynccontextmanager
async def chaincode_in_node(package: bytes, port: int, log: Path) -> AsyncIterator[None]:
    server = NodeServer(package_id(package), port, log)
    server.start()
    try:
        await reachable(f"{HOST}:{port}")
        yield
    finally:
        server.kill()


async def until_peers_know_each_other(network: Network) -> None:
    """Return once each peer's gateway has heard, by gossip, who else runs the chaincode."""
    async with asyncio.timeout(GOSSIP_TIMEOUT_S):
        for msp_id in PEERS:
            async with await Gateway.from_profile(network.profile(msp_id)) as gateway:
                contract = gateway.network().contract("bridge")
                for other in PEERS:
                    await _until_asked(contract, other)


async def _until_asked(contract: Contract, msp_id: str) -> None:
    while True:
        try:
            await contract.evaluate("get", "x", endorsing_organizations=(msp_id,))
        except GatewayError as error:
            assert "no peers available" in str(error)  # noqa: PT017 -- others are faults
            await asyncio.sleep(0.2)
        else:
            return


async def test_the_client_works_with_fabric_as_with_us(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    outsider = tmp_path / "outsider"
    named = ("OutsiderMSP", "--domain", "outsider.example", "--output", str(outsider))
    tally("crypto", "organization", *named)
    network, foundation = founded(tmp_path / "network")
    (orderer,) = network.nodes_of(ORDERER)
    assert orderer.topology.admin_port is not None
    ports = Ports(orderer.topology.port, orderer.topology.admin_port, next(free_ports(1)), {})
    peers = [
        RealPeer(foundation, node.member.msp_id, "peer0", tmp_path / node.name, node.topology.port)
        for node in network.nodes
        if node.kind == "peer"
    ]

    async def passes(subject: str) -> bool:
        return await asyncio.to_thread(
            pass_in_node,
            subject,
            capsys,
            network=network.directory,
            outsider=outsider,
            peers="fabric",
        )

    async with AsyncExitStack() as stack:
        async with real_orderer(foundation, ports, tmp_path / "orderer"):
            for peer in peers:
                await stack.enter_async_context(peer.running())
                await peer.join()
            await install_chaincodes(stack, peers, ports, tmp_path)
            await until_peers_know_each_other(network)
            failed = [subject for subject in SUBJECTS if not await passes(subject)]
        assert await passes("orderer-down")
    assert failed == []


async def install_chaincodes(
    stack: AsyncExitStack, peers: list[RealPeer], ports: Ports, directory: Path
) -> None:
    """Run the chaincodes that the tests call, and bring their definitions into force."""
    package = service_package("assets_1", f"{HOST}:{ports.chaincode}")
    log = directory / "assets.log"
    await stack.enter_async_context(chaincode_in_node(package, ports.chaincode, log))
    terms = ChaincodeTerms("assets", TWO, CONTRACTS / "collections.json")
    await deploy(peers, ports, [package] * len(peers), terms)
    for name, policy in (
        ("bridge", TWO),
        ("orphan", "AND('ATSMSP.peer', 'BankMSP.peer')"),
    ):
        address = f"{HOST}:{next(free_ports(1))}"
        package = service_package(f"{name}_1", address)
        log = directory / f"{name}.log"
        serving = serving_contract(package, address, log, "bridge:Bridge", CONTRACTS)
        await stack.enter_async_context(serving)
        await deploy(peers, ports, [package] * len(peers), ChaincodeTerms(name, policy))
