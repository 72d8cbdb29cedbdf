"""A contract that means harm, on the peers of a network of processes that trades on (§9.2)."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import psutil
import pytest
from tests.scenarios.crash_network import CHAINCODE, RunningNetwork, running_network
from tests.scenarios.outcome import Outcome
from tests.unit.runtime.hostile import DENIED, FAILED, MAX_MESSAGE_BYTES, SOURCE, STOPPED

from tallystick.chaincode.package import build_package, package_id
from tallystick.client.errors import EvaluateError
from tallystick.client.options import ClientOptions, Deadlines
from tallystick.node.cluster.access import Access
from tallystick.node.cluster.administrator import Definition
from tallystick.node.cluster.node import Node
from tallystick.node.cluster.startup import system_source
from tallystick.node.runtime.packages import PackageStore

OWN: Final = "ATSMSP"
EXECUTE_TIMEOUT_S: Final = 2.0
SLOWEST_ALLOWED_S: Final = 15.0
USUALLY_ALLOWED_S: Final = 1.0
"""Most that a transaction may take, and most that half of them may take, on a busy machine too."""
OPTIONS: Final = ClientOptions(deadlines=Deadlines(commit_status_s=10.0))
SETTINGS: Final = f"""
[chaincode]
runtime = "process"
execute_timeout_s = {EXECUTE_TIMEOUT_S}
max_message_bytes = {MAX_MESSAGE_BYTES}
"""


@dataclass
class Trade:
    """Honest transactions of another chaincode, one after another, until ``stop``.

    Attributes:
        durations_s: How long each took from proposal to commit.
    """

    network: RunningNetwork
    durations_s: list[float] = field(default_factory=list)
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    _committed: asyncio.Event = field(default_factory=asyncio.Event)

    async def next_commit(self) -> None:
        """Return once one more has been committed."""
        self._committed.clear()
        await self._committed.wait()

    async def go_on(self) -> None:
        """Submit; whatever fails is raised."""
        peer = self.network.peers[0]
        notes = self.network.gateways[peer.name].network().contract(CHAINCODE)
        loop = asyncio.get_running_loop()
        while not self.stop.is_set():
            began = loop.time()
            await notes.submit("write", f"note-{len(self.durations_s)}", "text")
            self.durations_s.append(loop.time() - began)
            self._committed.set()


async def install_hostile(network: RunningNetwork, directory: Path) -> None:
    """Put the contract into force; its package gets past the check as if there were none."""
    (directory / "acme.py").write_text(SOURCE)
    chaincodes = {
        name: build_package(name, f"acme:{name.title()}", directory)
        for name in ("hostile", "steady")
    }
    for peer in network.peers:
        store = PackageStore(network.network.data_directory(peer) / "chaincode")
        for package in chaincodes.values():
            store._path(package_id(package)).write_bytes(package)
    channel = network.network.topology.channel
    async with Access(network.network, system_source()) as access:
        administrators = await access.administrators(channel)
        for name, package in chaincodes.items():
            definition = Definition(name, "1.0", endorsement=f"OR('{OWN}.peer')")
            for administrator in administrators:
                await administrator.approve(channel.id, definition, package_id(package))
            endorsers = [administrator.msp_id for administrator in administrators]
            landed = await administrators[0].commit(channel.id, definition, endorsers)
            for administrator in administrators:
                await administrator.wait_for(channel.id, landed)


@pytest.fixture
async def network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[RunningNetwork]:
    (tmp_path / "temporary").mkdir()
    (tmp_path / "sources").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    async with running_network(
        tmp_path / "network", options=OPTIONS, peer_settings=SETTINGS
    ) as network:
        await install_hostile(network, tmp_path / "sources")
        yield network


async def call(network: RunningNetwork, *args: str, chaincode: str = "hostile") -> str:
    """Call a contract at one peer; return its answer, or what that peer says instead."""
    contract = network.gateways[network.peers[0].name].network().contract(chaincode)
    try:
        answer = await contract.evaluate(args[0], *args[1:], endorsing_organizations=[OWN])
    except EvaluateError as error:
        return str(error)
    return answer.decode()


@pytest.mark.slow
async def test_trade_goes_on_whatever_a_contract_does_and_nothing_of_it_stays(
    outcome: Outcome, network: RunningNetwork, tmp_path: Path
) -> None:
    peer = network.peers[0]
    process = psutil.Process(network.pid(peer))
    assert await call(network, "move", "k", "v") == ""
    assert await call(network, "move", "k", "v", chaincode="steady") == ""
    trade = Trade(network)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(trade.go_on())
        await trade.next_commit()
        contracts = len(process.children(recursive=True))
        for deed in (*STOPPED, *FAILED, *DENIED):
            told = await call(network, "do", deed)
            assert told, deed
            outcome.saw(told)
            assert await call(network, "move", "k", "v") == "", f"it works again after {deed}"
            await trade.next_commit()
        trade.stop.set()

    durations_s = sorted(trade.durations_s[1:])  # before the first, its contract had to start
    assert durations_s[-1] < SLOWEST_ALLOWED_S
    assert durations_s[len(durations_s) // 2] < USUALLY_ALLOWED_S
    assert len(process.children(recursive=True)) == contracts, "no stray process"
    assert len(set(await tips(network))) == 1
    notes = network.gateways[network.peers[1].name].network().contract(CHAINCODE)
    kept = [await notes.evaluate("read", f"note-{each}") for each in range(len(trade.durations_s))]
    outcome.counted(lost=kept.count(b""), acknowledged=len(kept))
    folders = list((tmp_path / "temporary").glob("tally-*"))
    ours = sum(len(psutil.Process(network.pid(one)).children()) for one in network.peers)
    assert len(folders) == ours, "a folder for each contract that runs"
    await its_contracts_end_with(peer, network, process)
    outcome.keep(
        f"a contract does harm in {len(STOPPED + FAILED + DENIED)} ways, while others trade"
    )


async def its_contracts_end_with(
    peer: Node, network: RunningNetwork, process: psutil.Process
) -> None:
    """Stop a peer, see that no process of its contracts is left, and start it again."""
    children = process.children(recursive=True)
    assert await network.stop(peer) == 0
    assert not [child for child in children if child.is_running()], "they end with their peer"
    await network.start(peer)


async def tips(network: RunningNetwork) -> list[tuple[str, str]]:
    return list((await network.tips()).values())
