"""Certificates and their authorities are replaced under load, as docs/operations.md tells: §1."""

import asyncio
import json
import os
import shutil
import sys
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.documents import documents
from tests.scenarios.metrics import level
from tests.scenarios.retrying import Load
from tests.scenarios.small_network import NOTES, member, orderer

from tallystick.client.errors import EvaluateError
from tallystick.client.gateway import Gateway
from tallystick.node.cli.main import main
from tallystick.node.cluster.network import DEFAULT_DIRECTORY, Network, open_network
from tallystick.node.cluster.ports import free_ports
from tallystick.node.membership.renewal import FORMER_CERTIFICATE
from tallystick.node.settings import PeerSettings, load_settings
from tallystick.protos.common.configtx_pb2 import Config, ConfigGroup
from tallystick.protos.msp.msp_config_pb2 import FabricMSPConfig, MSPConfig

pytestmark = [pytest.mark.cluster, pytest.mark.slow]

MEMBERS = ("ATSMSP", "ClearingMSP", "TransferAgentMSP")
IN_THE_MANUAL = "ATSMSP"
RENEWAL = "### New certificates of a node or a user\n"
REPLACEMENT = "### Replacing the authorities of an organisation\n"
EVERYBODY = "# every client connects anew"
REFUSED = "access denied: channel [market] creator org"
RULE = "OutOf(2, 'ATSMSP.peer', 'ClearingMSP.peer', 'TransferAgentMSP.peer')"


def topology(ports: Iterator[int]) -> str:
    members = "".join(member(msp_id, next(ports), next(ports)) for msp_id in MEMBERS)
    return f"""
mutual_tls = true

[channel]
id = "market"
endorsement = "{RULE}"
lifecycle_endorsement = "{RULE}"
{members}{orderer(next(ports), next(ports))}
[[chaincodes]]
name = "notes"
entry = "notes:Notes"
source = "."
endorsement = "{RULE}"
"""


@pytest.fixture
def network(tmp_path: Path) -> Iterator[Network]:
    """A network in the folder in which the manual's commands expect one."""
    (tmp_path / "notes.py").write_text(NOTES)
    ports = free_ports(2 * len(MEMBERS) + 2)
    (tmp_path / "topology.toml").write_text(topology(ports))
    directory = tmp_path / DEFAULT_DIRECTORY
    at = ("--network", str(directory))
    assert not main(["cluster", "up", "--topology", str(tmp_path / "topology.toml"), *at])
    yield open_network(directory)
    assert not main(["cluster", "down", "--remove", *at])


def manual(heading: str) -> list[str]:
    """Return the lines of the first block below a heading of the manual."""
    section = documents()["docs/operations.md"].partition(heading)[2]
    lines = section.partition("```text\n")[2].partition("```")[0].splitlines()
    assert lines, "the procedure is not where it was"
    return lines


async def tally(network: Network, line: str) -> str:
    """Run a line of the manual where its reader would."""
    words = line.split()
    assert words.pop(0) == "tally"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "tallystick.node.cli", *words),
        cwd=network.directory.parent,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        stdout=PIPE,
        stderr=STDOUT,
    )
    try:
        out, _ = await process.communicate()
    finally:
        if process.returncode is None:  # the test was given up
            process.kill()
            await process.wait()
    assert process.returncode == 0, f"{line}\n{out.decode()}"
    return out.decode()


def former_profile(network: Network, msp_id: str) -> Path:
    """Return a profile of a member's client that keeps the certificate of today."""
    profile = network.profile(msp_id)
    shutil.copytree(network.user_material(msp_id, "client"), network.directory / "stolen")
    copy = json.loads(profile.read_text())
    for key in ("certificate", "key"):
        copy[key] = copy[key].replace(f"crypto/{msp_id}/users/client", "stolen")
    path = profile.with_name("stolen.json")
    path.write_text(json.dumps(copy))
    return path


async def authorities(network: Network, msp_id: str) -> list[bytes]:
    """Return the certificates of an organisation's authorities, for signatures and for TLS."""
    async with await Gateway.from_profile(network.profile("ClearingMSP")) as gateway:
        answer = await gateway.network().contract("cscc").evaluate("GetChannelConfig", "market")
    root = Config.FromString(answer).channel_group
    group: ConfigGroup = next(
        root.groups[section].groups[msp_id]
        for section in ("Application", "Orderer")
        if msp_id in root.groups[section].groups
    )
    msp = FabricMSPConfig.FromString(MSPConfig.FromString(group.values["MSP"].value).config)
    return [*msp.root_certs, *msp.tls_root_certs]


@pytest.mark.parametrize("msp_id", ["ATSMSP", "OrdererMSP"])
async def test_authorities_are_replaced_under_load_and_no_transaction_is_lost(
    network: Network, msp_id: str
) -> None:
    before = await authorities(network, msp_id)
    stolen = former_profile(network, msp_id) if msp_id in MEMBERS else None
    load = Load(network.profile, MEMBERS)
    async with asyncio.timeout(300), asyncio.TaskGroup() as tasks:
        for user in MEMBERS:
            tasks.create_task(load.run(user))
        await load.progress()
        for line in manual(REPLACEMENT):
            if line == EVERYBODY:
                await load.reconnect()
            else:
                await tally(network, line.replace(IN_THE_MANUAL, msp_id))
                await load.progress()
        load.stop()
    after = await authorities(network, msp_id)
    assert len(before) == len(after) == 2
    assert not set(before) & set(after)
    await everything_is_everywhere(network, load)
    if stolen is not None:
        assert REFUSED in await refusal(stolen)


async def test_certificates_are_renewed_under_load_and_the_former_ones_revoked(
    network: Network,
) -> None:
    stolen = former_profile(network, "ATSMSP")
    load = Load(network.profile, MEMBERS)
    lines = [line.removeprefix("$ ") for line in manual(RENEWAL) if line.startswith("$ ")]
    keys = network.material / "ATSMSP"
    async with asyncio.timeout(300), asyncio.TaskGroup() as tasks:
        for user in MEMBERS:
            tasks.create_task(load.run(user))
        await load.progress()
        for line in lines:
            await tally(network, line)
            await load.progress()
        await tally(network, "tally crypto renew ATSMSP client@ats.example")
        await load.reconnect()
        await tally(network, f"tally channel revoke {keys}/users/client/{FORMER_CERTIFICATE}")
        await load.progress()
        load.stop()
    await everything_is_everywhere(network, load)
    assert REFUSED in await refusal(stolen)


async def test_a_newcomer_finds_orderers_that_have_new_authorities(
    network: Network, tmp_path: Path
) -> None:
    """The first block names the old ones: `--config` tells of the new ones. wire.md §18.1."""
    for line in manual(REPLACEMENT):
        if line != EVERYBODY:
            await tally(network, line.replace(IN_THE_MANUAL, "OrdererMSP"))
    await tally(network, "tally channel fetch-config --output config.pb")
    port, operations = free_ports(2)
    join = (
        "tally organization join NewMSP --domain new.example --network new --config config.pb"
        f" --block .tallystick/genesis.block --peer localhost:{port} --operations-port {operations}"
    )
    there = tmp_path / "new"
    try:
        async with asyncio.timeout(120), asyncio.TaskGroup() as tasks:
            joining = tasks.create_task(tally(network, join))
            while not (there / "topology.json").exists():  # noqa: ASYNC110 -- another's file
                await asyncio.sleep(0.05)
            await tally(network, "tally channel add-org NewMSP --msp new/crypto/NewMSP/msp")
        assert "goes on with the orderers that the channel names" in joining.result()
        settings = load_settings(PeerSettings, there / "peers" / "peer0.new.example.toml")
        assert settings.orderers == ()
        await tally(network, "tally invoke notes put a text")
        anchors = f"tally channel set-anchors NewMSP localhost:{port} --network new"
        assert "in force since block" in await tally(network, anchors), "its own peer has it"
    finally:
        if there.exists():
            await tally(network, "tally cluster down --network new")


async def refusal(profile: Path) -> str:
    """Return how a peer answers a client with this profile."""
    async with await Gateway.from_profile(profile) as gateway:
        with pytest.raises(EvaluateError) as refused:
            await gateway.network().contract("notes").evaluate("get", "a")
    return refused.value.message


async def everything_is_everywhere(network: Network, load: Load) -> None:
    await level([node for node in network.nodes if node.kind == "peer"])
    keys = [key for written in load.written.values() for key in written]
    for msp_id in MEMBERS:
        async with await Gateway.from_profile(network.profile(msp_id)) as gateway:
            notes = gateway.network().contract("notes")
            missing = [key for key in keys if await notes.evaluate("get", key) != b"text"]
            assert not missing
