"""A key in a real etcd, far behind the end of the log, that no orderer wrote."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from tests.scenarios.crash_network import RunningNetwork
from tests.scenarios.faults.audit import Log, audited, unhealthy
from tests.scenarios.orderer_network import leader, the_log, three_orderers
from tests.scenarios.outcome import Outcome

from tallystick.node.ordering.etcd.port import Put

pytestmark = [pytest.mark.slow, pytest.mark.cluster]


def delete_as_told(message: str, network: RunningNetwork) -> None:
    """Run the command that a message tells, let in as an orderer is."""
    command = re.search(r"`(etcdctl del [^`]+)`", message)
    assert command is not None, message
    tls = network.network.node_material(network.orderers[0]) / "tls"
    access = {
        "ETCDCTL_API": "3",
        "ETCDCTL_ENDPOINTS": f"https://{network.etcd[0].address}",
        "ETCDCTL_CACERT": str(network.network.etcd_authorities),
        "ETCDCTL_CERT": str(tls / "server.crt"),
        "ETCDCTL_KEY": str(tls / "server.key"),
    }
    done = subprocess.run(
        command[1].split(), env=os.environ | access, capture_output=True, check=True, timeout=30
    )
    assert done.stdout.split() == [b"1"], "one key is deleted"


@pytest.mark.skipif(not shutil.which("etcdctl"), reason="apt-get install etcd-client")
async def test_a_key_behind_the_end_of_the_log_stops_nothing_until_an_orderer_is_missing(
    tmp_path: Path, outcome: Outcome
) -> None:
    async with three_orderers(tmp_path) as network, audited(network, outcome) as load:
        first = await leader(network)
        log = Log(network, first)
        async with the_log(network) as (client, keys):
            await client.commit([], [Put(keys.block(0xFFFF_FFFF), b"")])
        outcome.saw(await log.wait_for("ordering stops there"))
        await load.more_commits(50)
        await network.kill(first)
        other = next(node for node in network.orderers if node != first)
        refusal = await unhealthy(other, "whether an orderer has it is not known")
        outcome.saw(refusal)
        # Either is enough; the killed one stays away.
        outcome.does(
            "delete that key, or start the orderer",
            lambda: delete_as_told(refusal, network),
        )
        await load.more_commits(50)
        assert await leader(network) != first
        await network.start(first)
    outcome.keep("a key far behind the end of the log is written to etcd, and the leader killed")
