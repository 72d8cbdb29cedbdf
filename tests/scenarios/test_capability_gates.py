"""A channel that asks for more than its peers know stops them, and forks none: wire.md §15.1."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from time import monotonic

import pytest

from tallystick.node.channel.config import ChannelConfig
from tallystick.node.channel.errors import ChannelConfigError
from tallystick.node.cli.main import main
from tallystick.node.cluster.launcher import Launcher
from tallystick.node.cluster.network import Network, open_network
from tallystick.node.cluster.ports import free_ports
from tallystick.protos.common.configtx_pb2 import Config
from tallystick.protos.common.configuration_pb2 import Capabilities

pytestmark = [pytest.mark.cluster, pytest.mark.slow]

TOPOLOGY = """
[channel]
id = "market"
endorsement = "OR('OneMSP.peer', 'TwoMSP.peer')"
lifecycle_endorsement = "OR('OneMSP.peer', 'TwoMSP.peer')"

[[organizations]]
msp_id = "OneMSP"
domain = "one.example"
peers = [{{ name = "peer0", port = {}, operations_port = {} }}]
users = [{{ name = "admin", role = "admin" }}, {{ name = "client" }}]

[[organizations]]
msp_id = "TwoMSP"
domain = "two.example"
peers = [{{ name = "peer0", port = {}, operations_port = {} }}]
users = [{{ name = "admin", role = "admin" }}, {{ name = "client" }}]

[[organizations]]
msp_id = "OrdererMSP"
domain = "orderer.example"
orderers = [{{ name = "orderer0", port = {}, operations_port = {} }}]
users = [{{ name = "admin", role = "admin" }}]
"""
NEXT_RELEASE = """
from tallystick.node.channel import capabilities

capabilities._APPLICATION_LEVELS += ("V9_9",)
"""
STOP_TIMEOUT_S = 30
STARTED_WITHIN_S = 60


@pytest.fixture
def network(tmp_path: Path) -> Iterator[Network]:
    (tmp_path / "topology.toml").write_text(TOPOLOGY.format(*free_ports(6)))
    at = ("--network", str(tmp_path / "network"))
    assert not main(["cluster", "up", "--topology", str(tmp_path / "topology.toml"), *at])
    yield open_network(tmp_path / "network")
    assert not main(["cluster", "down", "--remove", *at])


@pytest.fixture
def next_release(tmp_path: Path) -> Path:
    """A folder that makes of this program one that knows another level."""
    folder = tmp_path / "next"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(NEXT_RELEASE)
    return folder


async def until_stopped(network: Network, msp_id: str) -> str:
    """Return what the node of an organisation had to say at its end."""
    (node,) = network.nodes_of(msp_id)
    async with asyncio.timeout(STOP_TIMEOUT_S):
        while Launcher(network).pid(node) is not None:  # noqa: ASYNC110 -- another's process
            await asyncio.sleep(0.05)
    return network.log_file(node).read_text()


def test_peers_stop_at_a_level_that_they_do_not_know_and_go_on_once_they_do(
    network: Network, next_release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def tally(*words: str, code: int = 0) -> None:
        assert main([*words, "--network", str(network.directory)]) == code

    with monkeypatch.context() as upgraded:
        upgraded.setenv("PYTHONPATH", str(next_release))
        tally("cluster", "restart", "OrdererMSP")
    now, wanted, update = (str(tmp_path / f"{name}.pb") for name in ("now", "wanted", "update"))
    tally("channel", "fetch-config", "--output", now, "--as", "OneMSP")
    config = asking_for(Path(now), "V9_9")
    with pytest.raises(ChannelConfigError, match="V9_9 is unknown"):
        ChannelConfig.from_config("market", config)
    Path(wanted).write_bytes(config.SerializeToString())
    tally("channel", "update", now, wanted, "--output", update)
    tally("channel", "sign", update, "--as", "TwoMSP")
    tally("channel", "submit", update, "--as", "OneMSP", code=1)

    for msp_id in ("OneMSP", "TwoMSP"):
        log = asyncio.run(until_stopped(network, msp_id))
        assert log.rstrip().endswith(
            "tally: block 1 cannot be committed: its channel configuration cannot be used: "
            "configuration of channel 'market': application capability V9_9 is unknown to this "
            "node, which knows V1_1, V1_2, V1_3, V1_4_2, V2_0, V2_5: upgrade the node; compare it "
            "with what the orderers have"
        )

    monkeypatch.setenv("PYTHONPATH", str(next_release))
    tally("cluster", "restart", "OneMSP", "TwoMSP")
    ends_s = monotonic() + STARTED_WITHIN_S
    for msp_id in ("OneMSP", "TwoMSP"):
        while True:  # the peer runs, and fetches the block
            tally("channel", "fetch-config", "--output", now, "--as", msp_id)
            if Config.FromString(Path(now).read_bytes()).sequence == 1:
                break
            assert monotonic() < ends_s, f"the peer of {msp_id} does not go on"


def asking_for(file: Path, level: str) -> Config:
    """Return a configuration in which applications ask every node for one more level."""
    config = Config.FromString(file.read_bytes())
    value = config.channel_group.groups["Application"].values["Capabilities"]
    capabilities = Capabilities.FromString(value.value)
    capabilities.capabilities[level].SetInParent()
    value.value = capabilities.SerializeToString()
    return config
