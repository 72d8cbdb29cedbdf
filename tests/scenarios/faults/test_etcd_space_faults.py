"""The quota of etcd is used up: nothing is ordered until its members get more, and nothing lost."""

import asyncio
import os
import re
import shutil
import subprocess
from collections.abc import AsyncIterator
from typing import Final

import pytest
import pytest_asyncio
from tests.scenarios.crash_network import RunningNetwork
from tests.scenarios.faults.audit import PATIENCE_S, audited, refusal
from tests.scenarios.orderer_network import the_log, three_orderers
from tests.scenarios.outcome import Outcome

from tallystick.node.cluster import etcd
from tallystick.node.cluster.launcher import fault_of
from tallystick.node.ordering.etcd.port import EtcdUnavailableError, Put

pytestmark = [
    pytest.mark.slow,
    pytest.mark.cluster,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(not shutil.which("etcdctl"), reason="apt-get install etcd-client"),
]

SMALL_BYTES: Final = 16 * 1024 * 1024
BALLAST_BYTES: Final = 512 * 1024
NO_SPACE: Final = "database space exceeded"
MOST_BALLAST: Final = 2 * SMALL_BYTES // BALLAST_BYTES


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def network(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RunningNetwork]:
    """Three orderers around members of etcd that may hold next to nothing."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(etcd, "_QUOTA_BYTES", SMALL_BYTES)
        async with three_orderers(tmp_path_factory.mktemp("space")) as running:
            patch.undo()  # whatever is started again has what is usual
            yield running


async def fill(network: RunningNetwork) -> str:
    """Write, as a log of blocks that an absent orderer lacks, until etcd takes no more."""
    async with the_log(network) as (client, _):
        for number in range(MOST_BALLAST):
            try:
                await client.commit([], [Put(f"ballast/{number}".encode(), bytes(BALLAST_BYTES))])
            except EtcdUnavailableError as error:
                if NO_SPACE in str(error):  # and no member was merely slow
                    return str(error)
    raise AssertionError("etcd takes more than its quota")


def run_as_told(message: str, network: RunningNetwork) -> None:
    """Run the commands that a message tells, in their order, let in as an orderer is."""
    tls = network.network.node_material(network.orderers[0]) / "tls"
    access = {
        "ETCDCTL_API": "3",
        "ETCDCTL_ENDPOINTS": f"https://{network.etcd[0].address}",
        "ETCDCTL_CACERT": str(network.network.etcd_authorities),
        "ETCDCTL_CERT": str(tls / "server.crt"),
        "ETCDCTL_KEY": str(tls / "server.key"),
    }
    commands = dict.fromkeys(re.findall(r"`(etcdctl [^`]+)`", message))
    assert commands, message
    for command in commands:  # each orderer tells the same
        subprocess.run(command.split(), env=os.environ | access, check=True, timeout=60)


async def refusal_for_want_of_space(network: RunningNetwork) -> str:
    """Return how a submission fails; a member that was slow at last is another reason."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            refused = await refusal(network, network.peers[0])
            if NO_SPACE in refused:
                return refused


async def with_more_space(network: RunningNetwork) -> None:
    """Start the members again one by one, now with the quota that `tally cluster` gives them."""
    for node in network.etcd:
        assert await network.stop(node) in {0, -15}
        network.launcher.start(node)
        async with asyncio.timeout(PATIENCE_S):  # its health is not good until the alarm ends
            while "no answer" in await fault_of(node):  # noqa: ASYNC110 -- a process is asked
                await asyncio.sleep(0.05)


async def test_when_the_quota_of_etcd_is_used_up_the_message_says_how_ordering_comes_back(
    network: RunningNetwork, outcome: Outcome
) -> None:
    async with audited(network, outcome) as load:
        assert "`etcdctl alarm disarm`" in await fill(network)
        refused = await refusal_for_want_of_space(network)
        assert "check that most of its members run" not in refused
        outcome.saw(refused)
        await outcome.awaits("start the members with more quota", with_more_space(network))
        await asyncio.to_thread(
            outcome.does,
            "run `etcdctl defrag --cluster` and `etcdctl alarm disarm`",
            lambda: run_as_told(refused, network),
        )
        await load.more_commits(50)
    outcome.keep("etcd is filled until its quota is used up")
