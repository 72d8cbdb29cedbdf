"""An orderer that has ordered alone shares its order, as docs/etcd.md says under that heading.

Then an organisation that the first block does not name begins to order, and ceases to.
"""

import asyncio
import re
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.documents import Reader, documents
from tests.scenarios.crash_audit import check_chain, ordered_blocks
from tests.scenarios.metrics import level, one_leads

from tallystick.node.cluster.launcher import Launcher, fault_of
from tallystick.node.cluster.material import Founding, genesis_block
from tallystick.node.cluster.network import (
    DEFAULT_DIRECTORY,
    Network,
    create_network,
    write_genesis,
)
from tallystick.node.cluster.node import Node
from tallystick.node.cluster.orderers import with_orderers
from tallystick.node.cluster.ports import on_free_ports
from tallystick.node.cluster.startup import system_source
from tallystick.node.cluster.topology import default_topology
from tallystick.node.transport.channels import ChannelPool
from tallystick.node.transport.credentials import ClientTls
from tallystick.node.transport.remote import RemoteOrderer
from tallystick.node.transport.tasks import supervised_tasks
from tallystick.protos.common.common_pb2 import DELIVER_SEEK_INFO, ChannelHeader
from tallystick.protos.orderer.ab_pb2 import SeekInfo, SeekNewest, SeekPosition
from tallystick.wire.envelope import build_payload, signed_envelope
from tallystick.wire.hashing import block_header_hash
from tallystick.wire.messages import timestamp_from_ns

pytestmark = [pytest.mark.slow, pytest.mark.cluster]

PATIENCE_S = 20
SECTION = "## From one orderer to several\n"
NEWCOMERS = "## An organisation that orders comes or goes\n"
ETCD = "[etcd]\n"


@dataclass(frozen=True)
class Operator:
    """Who runs all the nodes."""

    network: Network
    launcher: Launcher
    reader: Reader

    def nodes(self, *kinds: str) -> list[Node]:
        return [node for node in self.network.nodes if node.kind in kinds]

    async def start(self, *nodes: Node) -> None:
        for node in nodes:
            self.launcher.start(node)
        for node in nodes:
            await self.launcher.wait_until_ready(node)

    async def lose(self, orderer: Node, others: Sequence[Node]) -> None:
        """Kill an orderer, and return once one of the others leads."""
        await self.launcher.kill(orderer)
        await one_leads(others)

    def chain(self, orderer: Node) -> list[bytes]:
        """Return the header hashes of a stopped orderer, whose chain is checked."""
        blocks = ordered_blocks(self.network, orderer)
        check_chain(blocks)
        return [block_header_hash(block.header) for block in blocks]

    def set_address(self, orderer: Node, host: str) -> str:
        """Let the channel name an orderer by another name of its machine; it is ordered."""
        address = f"{host}:{orderer.topology.port}"
        return self.reader.run(f"tally channel set-orderers {orderer.member.msp_id} {address}")

    def signers(self, command: str) -> list[str]:
        """Return whose administrators have signed what a command puts into force."""
        return self.reader.run(command).strip().partition("signed by ")[2].split(", ")

    def height(self, orderer: Node) -> int:
        """Return how many blocks a stopped orderer has, as the manual has it asked."""
        data = self.network.data_directory(orderer) / "channels" / self.network.channel_id
        found = re.match(r"(\d+) blocks", self.reader.run(f"tally ledger verify {data}"))
        assert found is not None
        return int(found[1])

    async def newest_delivered(self, orderer: Node) -> int:
        """Return the number of the last block that an orderer delivers to a member."""
        source, signer = system_source(), self.network.user("ATSMSP", "client")
        newest = SeekPosition(newest=SeekNewest())
        header = ChannelHeader(
            type=DELIVER_SEEK_INFO,
            channel_id=self.network.channel_id,
            timestamp=timestamp_from_ns(source.now_ns()),
        )
        seek = SeekInfo(start=newest, stop=newest).SerializeToString()
        request = signed_envelope(build_payload(header, seek, creator=signer.identity), signer)
        tls = ClientTls(self.network.tls_roots(orderer.member.msp_id))
        async with AsyncExitStack() as stack:
            pool = await stack.enter_async_context(ChannelPool())
            tasks = await stack.enter_async_context(supervised_tasks())
            channel = pool.channel(orderer.address, tls)
            connection = await stack.enter_async_context(
                RemoteOrderer(channel, endpoint=orderer.address, tasks=tasks)
            )
            async with aclosing(connection.deliver(request.SerializeToString())) as responses:
                return (await anext(responses)).block.header.number


@pytest.fixture
async def operator(tmp_path: Path, orderers: int) -> AsyncIterator[Operator]:
    source = system_source()
    founding = Founding(source.now_ns(), source.nonce())
    topology = on_free_ports(with_orderers(default_topology(), orderers))
    network = create_network(topology, tmp_path / DEFAULT_DIRECTORY, founding)
    launcher = Launcher(network)
    yield Operator(network, launcher, Reader(tmp_path))
    for node in network.nodes:
        await launcher.kill(node)


@pytest.mark.parametrize("orderers", [3])
async def test_one_orderer_becomes_several_and_its_blocks_stay(operator: Operator) -> None:
    first, *others = operator.nodes("orderer")
    settings = operator.network.settings_file(first)
    shared = settings.read_text(encoding="utf-8")
    alone, _, _ = shared.partition(ETCD)
    settings.write_text(alone, encoding="utf-8")
    await operator.start(first, *operator.nodes("peer"))

    for other in others:  # the channel names those to come while the one still orders
        operator.set_address(other, "127.0.0.1")
    await operator.launcher.stop(first)
    height = operator.height(first)
    before = operator.chain(first)
    assert len(before) == height

    data = operator.network.data_directory
    for other in others:
        shutil.copytree(data(first), data(other))
    settings.write_text(shared, encoding="utf-8")
    for node in (first, *others):
        with operator.network.settings_file(node).open("a", encoding="utf-8") as file:
            file.write(f"begin_at = {{ {operator.network.channel_id} = {height} }}\n")
    await operator.start(*operator.nodes("etcd", "orderer"))

    await operator.lose(first, others)
    operator.set_address(others[0], "localhost")
    for node in (first, *others):  # the line can go
        text = operator.network.settings_file(node).read_text(encoding="utf-8")
        operator.network.settings_file(node).write_text(re.sub("begin_at.*\n", "", text))
    await operator.start(first)
    operator.set_address(others[1], "localhost")
    for node in operator.nodes("orderer"):
        await operator.launcher.restart(node)
        await operator.launcher.wait_until_ready(node)
    for node in operator.nodes("orderer"):
        await operator.launcher.stop(node)
    chains = [operator.chain(node) for node in (first, *others)]
    assert chains[0] == chains[1] == chains[2]
    assert chains[0][:height] == before
    assert len(chains[0]) == height + 2


def let_the_first_alone_found(network: Network) -> None:
    """Begin the channel with a block that names only the first of the organisations that order."""
    source = system_source()
    first = network.topology.orderer_organizations[0]
    founders = (*network.topology.application_organizations, first)
    topology = network.topology.model_copy(update={"organizations": founders})
    founding = Founding(source.now_ns(), source.nonce())
    block = genesis_block(topology, network.material, founding)
    write_genesis(network, network.topology.channel, block)


async def answers(operator: Operator, orderer: Node) -> str:
    """Return what an orderer that was started complains of, once it answers."""
    async with asyncio.timeout(PATIENCE_S):
        while (fault := await fault_of(orderer)).startswith("no answer"):
            assert operator.launcher.pid(orderer) is not None, "it does not start"
            await asyncio.sleep(0.1)
    return fault


async def let_the_second_order_too(operator: Operator) -> None:
    """Add the organisation of the second orderer to a channel that the first has begun alone."""
    network, launcher = operator.network, operator.launcher
    let_the_first_alone_found(network)
    first, newcomer = operator.nodes("orderer")
    settings = network.settings_file(first)
    shared = settings.read_text(encoding="utf-8")
    settings.write_text(shared.partition(ETCD)[0], encoding="utf-8")
    await operator.start(first, operator.nodes("peer")[0])

    msp = network.material / newcomer.member.msp_id / "msp"
    signers = operator.signers(
        f"tally channel add-orderer-org {newcomer.member.msp_id} {newcomer.address} --msp {msp}"
    )
    assert newcomer.member.msp_id not in signers
    await launcher.stop(first)
    height = operator.height(first)
    settings.write_text(shared, encoding="utf-8")
    for node in (first, newcomer):
        with network.settings_file(node).open("a", encoding="utf-8") as file:
            file.write(f"begin_at = {{ {network.channel_id} = {height} }}\n")
    await operator.start(*operator.nodes("etcd"))
    launcher.start(newcomer)  # not ready before it has copied the block that names it
    await operator.start(first)


@pytest.mark.parametrize("orderers", [2])
async def test_an_organisation_that_the_first_block_does_not_name_orders_until_it_is_taken_out(
    operator: Operator,
) -> None:
    launcher = operator.launcher
    await let_the_second_order_too(operator)
    first, newcomer = operator.nodes("orderer")
    operator.set_address(first, "127.0.0.1")
    await level([first, newcomer])  # it has copied the chain
    await launcher.wait_until_ready(newcomer)
    await launcher.stop(first)
    await one_leads([newcomer])
    operator.set_address(newcomer, "127.0.0.1")  # it orders
    await operator.start(first)
    operator.set_address(first, "localhost")  # the first one forwards to it
    await level([first, newcomer])

    operator.signers(f"tally channel remove-orderer-org {newcomer.member.msp_id}")
    await level([first, newcomer])
    last = await operator.newest_delivered(newcomer)
    await launcher.stop(newcomer)
    launcher.start(newcomer)
    await answers(operator, newcomer)
    assert await operator.newest_delivered(newcomer) >= last
    address = f"127.0.0.1:{first.topology.port}"
    change = f"tally channel set-orderers {first.member.msp_id} {address}"
    assert newcomer.member.msp_id not in operator.signers(change)
    assert await operator.newest_delivered(first) == last + 1
    await answers(operator, newcomer)
    for node in (first, newcomer):
        await launcher.stop(node)
    chains = [operator.chain(node) for node in (first, newcomer)]
    assert chains[0][: len(chains[1])] == chains[1]


@pytest.mark.parametrize(
    ("section", "words"),
    [
        pytest.param(
            SECTION,
            ["set-orderers", "Stop the", "ledger verify", "copy its data", "begin_at", "start"],
            id="from one to several",
        ),
        pytest.param(
            NEWCOMERS,
            ["--trusted-ca-file", "add-orderer-org", "[etcd]", "started", "remove-orderer-org"],
            id="an organisation comes and goes",
        ),
        pytest.param(
            "an orderer moves one step at a time",
            [
                "certificate",
                "old and new address, on every channel",
                "in force since block",
                "`listen_address`",
                "`advertised_address`",
                "the channel names no orderer",
                "without the old address, on every channel",
            ],
            id="an orderer moves",
        ),
    ],
)
def test_the_steps_are_those_of_the_manual(section: str, words: list[str]) -> None:
    steps = documents()["docs/etcd.md"].partition(section)[2]
    places = [steps.index(word) for word in words]
    assert places == sorted(places)
