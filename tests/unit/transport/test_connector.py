"""Which connections a peer keeps when its channel changes: wire.md §18.2."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import grpc
import pytest

from tallystick.node.channel.config import ChannelConfig
from tallystick.node.channel.config_edits import with_msp
from tallystick.node.cluster.material import Founding, generate_material, genesis_block
from tallystick.node.cluster.topology import default_topology
from tallystick.node.connector import GatewayLinks, GrpcConnector, KnownMembers
from tallystick.node.gateway.endorsers import EndorsingPeer
from tallystick.node.membership.directory import msp_config_from_directory
from tallystick.node.settings import PeerSettings, load_settings
from tallystick.node.transport.channels import ChannelPool
from tallystick.node.transport.credentials import ClientTls
from tallystick.node.transport.local import LocalEndorser
from tallystick.node.transport.tasks import supervised_tasks
from tallystick.protos.common.configtx_pb2 import Config
from tallystick.protos.common.configuration_pb2 import OrdererAddresses
from tallystick.protos.peer.proposal_pb2 import SignedProposal
from tallystick.protos.peer.proposal_response_pb2 import ProposalResponse

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


class RecordingPool(ChannelPool):
    """Remembers which authorities were trusted for which address."""

    def __init__(self) -> None:
        super().__init__()
        self.roots: dict[str, bytes] = {}

    def channel(self, address: str, tls: ClientTls | None) -> grpc.aio.Channel:
        assert tls is not None
        self.roots[address] = tls.server_roots
        return super().channel(address, tls)


@pytest.fixture
async def pool() -> AsyncIterator[RecordingPool]:
    async with RecordingPool() as pool:
        yield pool


@pytest.fixture
async def connector(tmp_path: Path, pool: RecordingPool) -> AsyncIterator[GrpcConnector]:
    generate_material(default_topology(), tmp_path / "old", now_ns=NOW_NS)
    generate_material(default_topology(), tmp_path / "new", now_ns=NOW_NS)
    (tmp_path / "peer.toml").write_text(SETTINGS)
    settings = load_settings(PeerSettings, tmp_path / "peer.toml")
    async with supervised_tasks() as tasks:
        yield GrpcConnector(settings, pool, tasks)


def channel_of(tmp_path: Path, **addresses: Sequence[str]) -> ChannelConfig:
    """Return a channel whose orderers two organisations run, at these addresses.

    Args:
        tmp_path: Where the keys are.
        addresses: Of each organisation; ``everybody`` is the list of old channels.
    """
    block = genesis_block(default_topology(), tmp_path / "old", Founding(NOW_NS, bytes(24)))
    founded = ChannelConfig.from_block(block)
    config = Config()
    config.CopyFrom(founded.config)
    root = config.channel_group
    groups = root.groups["Orderer"].groups
    groups["ClearingMSP"].CopyFrom(root.groups["Application"].groups["ClearingMSP"])
    root.values["OrdererAddresses"].value = encoded(addresses.pop("everybody", ()))
    for msp_id in (ORDERER, "ClearingMSP"):
        groups[msp_id].values["Endpoints"].value = encoded(addresses.get(msp_id, ()))
    return ChannelConfig.from_config(founded.channel_id, config)


def encoded(addresses: Sequence[str]) -> bytes:
    return OrdererAddresses(addresses=addresses).SerializeToString()


def tls_root(tmp_path: Path, msp_id: str) -> bytes:
    (path,) = (tmp_path / "old" / msp_id / "msp" / "tlscacerts").glob("*.pem")
    return path.read_bytes()


async def test_an_orderer_is_believed_by_the_tls_authority_of_its_organisation(
    connector: GrpcConnector, pool: RecordingPool, tmp_path: Path
) -> None:
    config = channel_of(
        tmp_path,
        OrdererMSP=["one:1", "both:1"],
        ClearingMSP=["two:1", "both:1"],
        everybody=["old:1"],
    )
    found = [orderer.endpoint for orderer in connector.orderers(config)]
    assert sorted(found) == ["both:1", "one:1", "two:1"]
    first, second = (tls_root(tmp_path, msp_id) for msp_id in (ORDERER, "ClearingMSP"))
    trusted = {address: (first in roots, second in roots) for address, roots in pool.roots.items()}
    assert trusted == {"one:1": (True, False), "two:1": (False, True), "both:1": (True, True)}


async def test_addresses_of_an_old_channel_may_be_any_organisations(
    connector: GrpcConnector, pool: RecordingPool, tmp_path: Path
) -> None:
    config = channel_of(tmp_path, everybody=["old:1", "older:1"])
    found = [orderer.endpoint for orderer in connector.orderers(config)]
    assert found == ["old:1", "older:1"]
    for msp_id in (ORDERER, "ClearingMSP"):
        assert tls_root(tmp_path, msp_id) in pool.roots["old:1"]


async def test_while_a_file_about_another_peer_cannot_be_read_none_gets_private_values(
    tmp_path: Path, pool: RecordingPool, caplog: pytest.LogCaptureFixture
) -> None:
    generate_material(default_topology(), tmp_path / "old", now_ns=NOW_NS)
    roots = tmp_path / "roots.pem"
    peer = f'msp_id = "ClearingMSP"\naddress = "two:1"\nroot_certificates = "{roots}"\n'
    (tmp_path / "peer.toml").write_text(f"{SETTINGS}[[gateway.peers]]\n{peer}")
    config = channel_of(tmp_path, OrdererMSP=["one:1"])
    async with supervised_tasks() as tasks:
        settings = load_settings(PeerSettings, tmp_path / "peer.toml")
        connector = GrpcConnector(settings, pool, tasks)
        members = KnownMembers(connector)
        said = f"{str(roots)!r}; make the root_certificates of [[gateway.peers]]"
        for times in (1, 2):
            for _ in range(3):  # as many sets as are to be handed on
                assert not members.of(config)
            assert caplog.text.count(said) == times, "said once, until it has changed"
            roots.write_bytes(b"")
            for _ in range(2):
                assert "two:1" in [each.address for each in members.of(config)]
            roots.unlink()
        roots.mkdir()
        assert not members.of(config)
        assert "Is a directory" in caplog.text


async def test_a_gateway_whose_files_about_others_cannot_be_read_goes_on_with_whom_it_knew(
    tmp_path: Path, pool: RecordingPool, caplog: pytest.LogCaptureFixture
) -> None:
    generate_material(default_topology(), tmp_path / "old", now_ns=NOW_NS)
    roots = tmp_path / "roots.pem"
    roots.write_bytes(b"")
    more = f'[[orderers]]\naddress = "one:1"\nroot_certificates = "{roots}"\n'
    (tmp_path / "peer.toml").write_text(SETTINGS + more)
    config = channel_of(tmp_path, OrdererMSP=["one:1"])
    own = EndorsingPeer("ATSMSP", "own:1", LocalEndorser(nobody), local=True)
    async with supervised_tasks() as tasks:
        settings = load_settings(PeerSettings, tmp_path / "peer.toml")
        links = GatewayLinks(GrpcConnector(settings, pool, tasks), own, lambda: 0)
        links.follow(config)
        known = [each.endpoint for each in links.orderers]
        assert known == ["one:1"]
        roots.unlink()
        links.follow(config)
        assert [each.endpoint for each in links.orderers] == known
        assert own in [*links.peers]
    assert f"{str(roots)!r}; make the root_certificates of [[orderers]]" in caplog.text


async def nobody(proposal: SignedProposal) -> ProposalResponse:
    raise AssertionError(f"nobody endorses {proposal}")


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
