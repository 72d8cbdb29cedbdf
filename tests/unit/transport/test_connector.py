"""Which connections a peer keeps when its channel changes."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tallystick.node.channel.config import ChannelConfig
from tallystick.node.channel.config_edits import with_msp
from tallystick.node.cluster.material import Founding, generate_material, genesis_block
from tallystick.node.cluster.topology import default_topology
from tallystick.node.connector import GrpcConnector
from tallystick.node.membership.directory import msp_config_from_directory
from tallystick.node.settings import PeerSettings, load_settings
from tallystick.node.transport.channels import ChannelPool
from tallystick.node.transport.tasks import supervised_tasks

NOW_NS = 1_790_000_000 * 10**9
ORDERER = "OrdererMSP"
SETTINGS = """
listen_address = "localhost:7051"
data_directory = "data"
[msp]
id = "ATSMSP"
directory = "old/ATSMSP/peers/peer0/msp"
[tls]
certificate = "old/ATSMSP/peers/peer0/tls/server.crt"
private_key = "old/ATSMSP/peers/peer0/tls/server.key"
root_certificates = "old/ATSMSP/peers/peer0/tls/ca.crt"
"""


@pytest.fixture
async def connector(tmp_path: Path) -> AsyncIterator[GrpcConnector]:
    generate_material(default_topology(), tmp_path / "old", now_ns=NOW_NS)
    generate_material(default_topology(), tmp_path / "new", now_ns=NOW_NS)
    (tmp_path / "peer.toml").write_text(SETTINGS)
    settings = load_settings(PeerSettings, tmp_path / "peer.toml")
    async with ChannelPool() as pool, supervised_tasks() as tasks:
        yield GrpcConnector(settings, pool, tasks)


async def test_an_orderer_with_a_new_tls_authority_gets_a_new_connection(
    connector: GrpcConnector, tmp_path: Path
) -> None:
    block = genesis_block(default_topology(), tmp_path / "old", Founding(NOW_NS, bytes(24)))
    before = ChannelConfig.from_block(block)
    replaced = msp_config_from_directory(tmp_path / "new" / ORDERER / "msp", ORDERER)
    config = with_msp(before.channel_id, before.config, ORDERER, replaced)
    after = ChannelConfig.from_config(before.channel_id, config)

    [old], [same] = connector.orderers(before), connector.orderers(before)
    [new] = connector.orderers(after)
    assert old is same
    assert new is not old
    assert new.endpoint == old.endpoint
