"""A network of processes on ports of its own, whose nodes can be killed, stopped and started."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tallystick.client.errors import EvaluateError, EventStreamError
from tallystick.client.gateway import Gateway
from tallystick.client.options import ClientOptions, Deadlines
from tallystick.node.cluster.access import Access
from tallystick.node.cluster.deployment import deploy, deployable
from tallystick.node.cluster.launcher import Launcher
from tallystick.node.cluster.material import Founding
from tallystick.node.cluster.network import Network, create_network
from tallystick.node.cluster.node import Node
from tallystick.node.cluster.ports import on_free_ports
from tallystick.node.cluster.startup import system_source
from tallystick.node.cluster.topology import ChaincodeTopology, Topology, default_topology
from tallystick.node.ledger.committed import recorded_commit_hash
from tallystick.protos.common.common_pb2 import Block
from tallystick.protos.common.ledger_pb2 import BlockchainInfo
from tallystick.wire.hashing import block_header_hash

CHAINCODE: Final = "notes"
NOTES: Final = ChaincodeTopology(
    name=CHAINCODE,
    entry="notes:NotesContract",
    source=Path(__file__).parent / "crash_contract",
    endorsement="OutOf(2, 'ATSMSP.peer', 'ClearingMSP.peer', 'TransferAgentMSP.peer')",
)
CATCH_UP_TIMEOUT_S: Final = 30.0
STOP_TIMEOUT_S: Final = 10.0
END_TIMEOUT_S: Final = 60.0

_RETRY_INTERVAL_S: Final = 0.05
# A transaction that died with an orderer has no outcome: nobody waits a minute for it.
_OPTIONS: Final = ClientOptions(
    deadlines=Deadlines(evaluate_s=5.0, endorse_s=5.0, submit_s=5.0, commit_status_s=3.0)
)


@dataclass(frozen=True, slots=True)
class RunningNetwork:
    """The processes, and a client of each peer.

    Attributes:
        network: Its directory.
        launcher: Starts, kills and stops the nodes.
        gateways: A client of each peer, by the peer's name.
    """

    network: Network
    launcher: Launcher
    gateways: Mapping[str, Gateway]

    @property
    def nodes(self) -> Sequence[Node]:
        """The members of etcd, the orderers and the peers."""
        return self.network.nodes

    @property
    def peers(self) -> Sequence[Node]:
        """The peers."""
        return [node for node in self.nodes if node.kind == "peer"]

    @property
    def orderers(self) -> Sequence[Node]:
        """The orderers."""
        return [node for node in self.nodes if node.kind == "orderer"]

    @property
    def etcd(self) -> Sequence[Node]:
        """The members of etcd."""
        return [node for node in self.nodes if node.kind == "etcd"]

    @property
    def orderer(self) -> Node:
        """The only one."""
        (orderer,) = self.orderers
        return orderer

    async def start(self, node: Node) -> None:
        """Start a node and return when it works."""
        self.launcher.start(node)
        await self.launcher.wait_until_ready(node)

    async def stop(self, node: Node) -> int:
        """Stop a node with SIGTERM and return its exit code.

        Raises:
            TimeoutError: It takes longer than its grace period allows.
        """
        pid = self.pid(node)
        os.kill(pid, signal.SIGTERM)
        async with asyncio.timeout(STOP_TIMEOUT_S):
            return await exit_code(pid)

    async def kill(self, node: Node) -> None:
        """Kill a node and return when it is gone."""
        pid = self.pid(node)
        os.kill(pid, signal.SIGKILL)
        await exit_code(pid)

    def pid(self, node: Node) -> int:
        """Return the pid of a node's process."""
        pid = self.launcher.pid(node)
        assert pid is not None, f"{node.name} does not run"
        return pid

    async def height(self, peer: Node) -> int:
        """Return how many blocks a peer has, as soon as it answers."""
        contract = self.gateways[peer.name].network().contract("qscc")
        async with asyncio.timeout(CATCH_UP_TIMEOUT_S):
            while True:
                with suppress(EvaluateError):
                    answer = await contract.evaluate("GetChainInfo", self.network.channel_id)
                    return BlockchainInfo.FromString(answer).height
                await asyncio.sleep(_RETRY_INTERVAL_S)

    async def block(self, peer: Node, number: int) -> Block:
        """Return a block as soon as a peer has it.

        Raises:
            TimeoutError: The peer does not get there.
        """
        channel = self.gateways[peer.name].network()
        async with asyncio.timeout(CATCH_UP_TIMEOUT_S):
            while True:
                with suppress(EventStreamError):
                    async with channel.block_events(start_block=number) as blocks:
                        return await anext(blocks)
                await asyncio.sleep(_RETRY_INTERVAL_S)

    async def tips(self) -> Mapping[str, tuple[str, str]]:
        """Return by peer the header hash and the commit hash of the same block.

        It is the newest that any of them has now; the others are waited for. These two hashes cover
        all blocks before, the verdicts in them, and every update of the state.
        """
        number = max([await self.height(peer) for peer in self.peers]) - 1
        blocks = {peer.name: await self.block(peer, number) for peer in self.peers}
        return {
            name: (block_header_hash(block.header).hex(), recorded_commit_hash(block).hex())
            for name, block in blocks.items()
        }


@asynccontextmanager
async def running_network(  # noqa: PLR0913, PLR0917 -- what differs between scenarios
    directory: Path,
    topology: Topology | None = None,
    options: ClientOptions = _OPTIONS,
    peer_settings: str = "",
    orderer_settings: str = "",
    new_launcher: Callable[[Network], Launcher] = Launcher,
) -> AsyncIterator[RunningNetwork]:
    """Run a new network, by default with the contract ``notes`` and three peers.

    Any two of them endorse it. ``options`` are those of the clients; ``peer_settings`` and
    ``orderer_settings``, TOML, are added to the settings of each peer and orderer; what
    ``new_launcher`` returns starts the nodes.
    """
    topology = topology or default_topology().model_copy(update={"chaincodes": (NOTES,)})
    source = system_source()
    founding = Founding(source.now_ns(), source.nonce())
    network = create_network(on_free_ports(topology), directory, founding)
    launcher = new_launcher(network)
    async with AsyncExitStack() as stack:
        for node in network.nodes:
            if node.kind != "etcd":
                more = peer_settings if node.kind == "peer" else orderer_settings
                with network.settings_file(node).open("a", encoding="utf-8") as settings:
                    settings.write(more)
            stack.push_async_callback(launcher.kill, node)
            launcher.start(node)
        for node in network.nodes:
            await launcher.wait_until_ready(node)
        async with Access(network, source) as access:
            await deploy(
                network.channel_id,
                [deployable(each) for each in topology.chaincodes],
                await access.administrators(network.topology.channel),
            )
        gateways = {
            node.name: await stack.enter_async_context(await _gateway(network, node, options))
            for node in network.nodes
            if node.kind == "peer"
        }
        yield RunningNetwork(network, launcher, gateways)


async def _gateway(network: Network, peer: Node, options: ClientOptions) -> Gateway:
    profile = network.profile(peer.member.msp_id)
    return await Gateway.from_profile(profile, options, address=peer.address)


async def exit_code(pid: int) -> int:
    """Return the exit code of a child process as soon as it ends; that of a killed one is negative.

    Then the pid is free, and so are the ports and files of the process.

    Raises:
        TimeoutError: It does not end.
    """
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    descriptor = os.pidfd_open(pid)
    try:
        loop.add_reader(descriptor, ended.set)
        async with asyncio.timeout(END_TIMEOUT_S):
            await ended.wait()
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)
    return _exit_code_of_ended(pid)


def _exit_code_of_ended(pid: int) -> int:
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status)
