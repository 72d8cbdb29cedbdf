"""A fourth organisation joins a running network under load, by one command on each side."""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.scenarios.small_network import NOTES, member, orderer

from tallystick.client.gateway import Gateway
from tallystick.node.cli.main import main
from tallystick.node.cluster.network import open_network
from tallystick.node.cluster.ports import free_ports
from tallystick.protos.common.common_pb2 import Block
from tallystick.protos.common.ledger_pb2 import BlockchainInfo

pytestmark = [pytest.mark.cluster, pytest.mark.slow]

MEMBERS = ("OneMSP", "TwoMSP", "ThreeMSP")
NEWCOMER = "FourMSP"
CHANNEL = "market"
RULE = "OutOf(2, 'OneMSP.peer', 'TwoMSP.peer', 'ThreeMSP.peer', 'FourMSP.peer')"


def topology(ports: Iterator[int]) -> str:
    members = "".join(member(msp_id, next(ports), next(ports)) for msp_id in MEMBERS)
    return f"""
[channel]
id = "{CHANNEL}"
endorsement = "{RULE}"
lifecycle_endorsement = "OutOf(2, 'OneMSP.peer', 'TwoMSP.peer', 'ThreeMSP.peer')"
{members}{orderer(next(ports), next(ports))}
[[chaincodes]]
name = "notes"
entry = "notes:Notes"
source = "."
endorsement = "{RULE}"
"""


@pytest.fixture
def ports() -> Iterator[int]:
    return free_ports(2 * len(MEMBERS) + 4)


@pytest.fixture
def members(tmp_path: Path, ports: Iterator[int]) -> Iterator[Path]:
    """The directory of the three members' network, which runs."""
    (tmp_path / "notes.py").write_text(NOTES)
    (tmp_path / "topology.toml").write_text(topology(ports))
    directory = tmp_path / "members"
    network = ("--network", str(directory))
    assert not main(["cluster", "up", "--topology", str(tmp_path / "topology.toml"), *network])
    yield directory
    assert not main(["cluster", "down", "--remove", *network])


@pytest.fixture
def newcomer(tmp_path: Path) -> Iterator[Path]:
    """The directory of the fourth organisation's machine, where there is nothing yet."""
    directory = tmp_path / "four"
    yield directory
    if directory.exists():
        assert not main(["cluster", "down", "--remove", "--network", str(directory)])


async def tally(*words: str) -> Process:
    command = (sys.executable, "-P", "-m", "tallystick.node.cli", *words)
    return await asyncio.create_subprocess_exec(
        *command, stdout=PIPE, stderr=PIPE, env={**os.environ, "PYTHONUNBUFFERED": "1"}
    )


async def output(process: Process) -> str:
    out, error = await process.communicate()
    assert process.returncode == 0, (out + error).decode()
    return out.decode()


async def until_says(process: Process, words: str) -> None:
    assert process.stdout is not None
    async for line in process.stdout:
        if words in line.decode():
            return
    raise AssertionError(f"it ended without saying {words!r}")


async def load(directory: Path, msp_id: str, done: asyncio.Event) -> int:
    """Commit transactions one after the other; return how many. Any failure is raised."""
    count = 0
    async with await Gateway.from_profile(open_network(directory).profile(msp_id)) as gateway:
        notes = gateway.network().contract("notes")
        while not done.is_set():
            await notes.submit("put", f"{msp_id}-{count}", "text")
            count += 1
    return count


async def test_a_fourth_organisation_joins_under_load_by_one_command_on_each_side(
    members: Path, newcomer: Path, ports: Iterator[int], tmp_path: Path
) -> None:
    package = str(tmp_path / "notes.tar.gz")
    source = ("notes:Notes", "--source", str(tmp_path), "--label", "notes_1.0")
    assert not main(["chaincode", "package", *source, "--output", package])
    peer, operations = f"localhost:{next(ports)}", str(next(ports))
    join = (
        *("organization", "join", NEWCOMER, "--domain", "four.example"),
        *("--block", str(members / "genesis.block"), "--peer", peer, "--package", package),
        *("--operations-port", operations, "--network", str(newcomer)),
    )
    msp = str(newcomer / "crypto" / NEWCOMER / "msp")
    done = asyncio.Event()
    async with asyncio.timeout(120), asyncio.TaskGroup() as tasks:
        counts = [tasks.create_task(load(members, msp_id, done)) for msp_id in MEMBERS]
        joining = await tally(*join)
        await until_says(joining, "waiting to be let in")
        add = ("channel", "add-org", NEWCOMER, "--msp", msp, "--anchor", peer)
        await output(await tally(*add, "--network", str(members)))
        assert "endorses notes 1.0" in await output(joining)
        await call_through_the_newcomer(newcomer)
        done.set()
    assert all(task.result() for task in counts)
    await same_blocks(members, newcomer)
    again = await output(await tally(*join))
    assert "waiting" not in again
    assert "endorses notes 1.0" in again


async def call_through_the_newcomer(newcomer: Path) -> None:
    async with await Gateway.from_profile(open_network(newcomer).profile(NEWCOMER)) as gateway:
        notes = gateway.network().contract("notes")
        proposal = notes.new_proposal(
            "put", "ours", "text", endorsing_organizations=(NEWCOMER, "TwoMSP")
        )
        transaction = await proposal.endorse()
        status = await (await transaction.submit()).status()
        status.raise_if_invalid()


async def same_blocks(members: Path, newcomer: Path) -> None:
    """The last block has the same verdicts and commit hash on both machines. wire.md §11, §18.1."""
    async with (
        await Gateway.from_profile(open_network(members).profile("OneMSP")) as one,
        await Gateway.from_profile(open_network(newcomer).profile(NEWCOMER)) as four,
    ):
        async with asyncio.timeout(60):
            while (blocks_of_one := await height(one)) != await height(four):  # noqa: ASYNC110
                await asyncio.sleep(0.05)  # there is no event of another process
        last = blocks_of_one - 1
        blocks = [
            Block.FromString(
                await gateway.network()
                .contract("qscc")
                .evaluate("GetBlockByNumber", CHANNEL, str(last))
            )
            for gateway in (one, four)
        ]
        assert blocks[0].metadata == blocks[1].metadata
        assert blocks[0].header == blocks[1].header
        for gateway in (one, four):
            assert await gateway.network().contract("notes").evaluate("get", "ours") == b"text"


async def height(gateway: Gateway) -> int:
    chain = await gateway.network().contract("qscc").evaluate("GetChainInfo", CHANNEL)
    return BlockchainInfo.FromString(chain).height
