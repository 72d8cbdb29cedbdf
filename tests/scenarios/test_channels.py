"""Several channels on one network: each has members, chaincodes, state and rules of its own."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.scenarios.small_network import NOTES, THREE_MEMBERS

from tallystick.client.errors import ClientError
from tallystick.node.channel.config_edits import (
    with_acl,
    with_capability,
    with_maintenance,
    with_policy,
    without_organization,
)
from tallystick.node.channel.errors import ChannelConfigError
from tallystick.node.cluster.governance import UpdateRefusedError
from tallystick.node.cluster.topology import Topology, parse_topology
from tallystick.node.membership.signing_identity import SigningIdentity
from tallystick.node.testing.local_network import LocalNetwork
from tallystick.protos.common.common_pb2 import ENDORSER_TRANSACTION, ChannelHeader, Status
from tallystick.protos.common.configtx_pb2 import Config
from tallystick.protos.common.configuration_pb2 import Capabilities, Capability
from tallystick.protos.common.ledger_pb2 import BlockchainInfo
from tallystick.wire.envelope import build_payload, signed_envelope

TOPOLOGY = """
[[channels]]
id = "market"
members = ["OneMSP", "TwoMSP"]
endorsement = "ANY Endorsement"
lifecycle_endorsement = "ANY Endorsement"
chaincodes = [
    {{ name = "notes", entry = "notes:Notes", source = "{0}", endorsement = "OR('OneMSP.peer')" }},
]

[[channels]]
id = "bonds"
members = ["TwoMSP", "ThreeMSP"]
batch = {{ max_message_count = 1 }}
chaincodes = [
    {{ name = "notes", entry = "notes:Notes", source = "{0}", endorsement = "OR('TwoMSP.peer')" }},
]
"""


@pytest.fixture
def topology(tmp_path: Path) -> Topology:
    (tmp_path / "notes.py").write_text(NOTES)
    return parse_topology(TOPOLOGY.format(tmp_path) + THREE_MEMBERS, "the test")


@pytest.fixture
async def network(topology: Topology) -> AsyncIterator[LocalNetwork]:
    async with LocalNetwork(topology) as network:
        yield network


async def test_peers_keep_channels_apart(network: LocalNetwork) -> None:
    peers = {msp_id: sorted(peer.channels) for msp_id, peer in network.peers.items()}
    assert peers == {"OneMSP": ["market"], "TwoMSP": ["bonds", "market"], "ThreeMSP": ["bonds"]}
    market = network.contract("TwoMSP", "notes", channel_id="market")
    bonds = network.contract("TwoMSP", "notes", channel_id="bonds")
    await market.submit("put", "a", "on the market")
    await bonds.submit("put", "a", "on bonds")
    assert await market.evaluate("get", "a") == b"on the market"
    assert await bonds.evaluate("get", "a") == b"on bonds"
    assert await network.contract("ThreeMSP", "notes", channel_id="bonds").evaluate("get", "a") == (
        b"on bonds"
    )
    channels = network.peers["TwoMSP"].channels
    assert channels["market"].config.batch.max_message_count == 500
    assert channels["bonds"].config.batch.max_message_count == 1


async def test_who_is_on_one_channel_neither_reads_nor_writes_another(
    network: LocalNetwork,
) -> None:
    one = network.contract("OneMSP", "notes", channel_id="bonds")
    with pytest.raises(ClientError):
        await one.submit("put", "a", "text")
    with pytest.raises(ClientError):
        await one.evaluate("get", "a")
    # Nor through the peer of a member, which does have the channel: wire.md §4, §8.3.
    stranger = network.gateway("OneMSP", "client", peer="TwoMSP").network("bonds")
    with pytest.raises(ClientError):
        await stranger.contract("notes").evaluate("get", "a")
    for function in ("GetChainInfo",):
        with pytest.raises(ClientError, match="access denied"):
            await stranger.contract("qscc").evaluate(function, "bonds")
    with pytest.raises(ClientError, match="access denied"):
        await stranger.contract("cscc").evaluate("GetChannelConfig", "bonds")
    two = network.gateway("TwoMSP")
    for channel_id in ("market", "bonds"):
        chain = await two.network(channel_id).contract("qscc").evaluate("GetChainInfo", channel_id)
        ledger = network.peers["TwoMSP"].channels[channel_id].ledger
        assert BlockchainInfo.FromString(chain).height == ledger.height


async def test_an_envelope_of_a_stranger_is_not_ordered(network: LocalNetwork) -> None:
    """wire.md §7.1."""
    orderer = network.governance("TwoMSP").orderer
    stranger, member = network.user("OneMSP", "client"), network.user("TwoMSP", "client")
    answers = [
        await orderer.broadcast(_envelope(channel_id, signer))
        for channel_id, signer in (("market", stranger), ("bonds", stranger), ("bonds", member))
    ]
    assert [answer.status for answer in answers] == [
        Status.SUCCESS,
        Status.FORBIDDEN,
        Status.SUCCESS,
    ]


def _envelope(channel_id: str, signer: SigningIdentity) -> bytes:
    header = ChannelHeader(type=ENDORSER_TRANSACTION, channel_id=channel_id)
    payload = build_payload(header, b"", creator=signer.identity)
    return signed_envelope(payload, signer).SerializeToString()


async def test_settings_of_one_channel_are_not_those_of_another(network: LocalNetwork) -> None:
    governance = network.governance("TwoMSP", "bonds")
    administrators = [network.user("TwoMSP"), network.user("ThreeMSP")]
    path = "/Channel/Application/Witness"
    await governance.change(
        lambda config: with_policy("bonds", config, path, "OR('TwoMSP.admin')"), administrators
    )
    await governance.change(
        lambda config: with_acl("bonds", config, "qscc/GetChainInfo", path), administrators
    )
    qscc = network.gateway("TwoMSP").network("bonds").contract("qscc")
    with pytest.raises(ClientError, match="access denied"):
        await qscc.evaluate("GetChainInfo", "bonds")
    market = network.gateway("TwoMSP").network("market").contract("qscc")
    assert await market.evaluate("GetChainInfo", "market")


async def test_who_is_removed_has_no_access_any_more(network: LocalNetwork) -> None:
    governance = network.governance("TwoMSP", "bonds")
    await governance.change(
        lambda config: without_organization("bonds", config, "ThreeMSP"),
        [network.user("TwoMSP"), network.user("ThreeMSP")],
    )
    with pytest.raises(ClientError):
        await network.contract("ThreeMSP", "notes", channel_id="bonds").submit("put", "a", "b")
    await network.contract("TwoMSP", "notes", channel_id="bonds").submit("put", "a", "b")


async def test_in_maintenance_only_orderers_and_their_administrators_write(
    network: LocalNetwork,
) -> None:
    """wire.md §7.1."""
    governance = network.governance("TwoMSP", "bonds")
    administrators = [network.user("TwoMSP"), network.user("OrdererMSP")]
    await governance.change(lambda config: with_maintenance(config, on=True), administrators)
    answer = await governance.orderer.broadcast(_envelope("bonds", network.user("TwoMSP")))
    assert answer.status == Status.SERVICE_UNAVAILABLE
    assert answer.info == "normal transactions are rejected: maintenance mode"
    await governance.change(lambda config: with_maintenance(config, on=False), administrators)
    await network.contract("TwoMSP", "notes", channel_id="bonds").submit("put", "a", "b")


@pytest.mark.parametrize("area", ["channel", "orderer", "application"])
async def test_a_capability_that_nodes_do_not_know_is_refused(
    network: LocalNetwork, area: str
) -> None:
    """wire.md §15.1: by who would ask for it, and by the orderer."""
    governance = network.governance("TwoMSP", "bonds")
    administrators = [network.user(msp_id) for msp_id in ("TwoMSP", "ThreeMSP", "OrdererMSP")]
    with pytest.raises(ChannelConfigError, match=f"{area} capability V9_9 is unknown"):
        await governance.change(
            lambda config: with_capability("bonds", config, area, "V9_9"), administrators
        )

    def unchecked(config: Config) -> Config:
        edited = Config()
        edited.CopyFrom(config)
        root = edited.channel_group
        group = root if area == "channel" else root.groups[area.capitalize()]
        wanted = Capabilities(capabilities={"V9_9": Capability()})
        group.values["Capabilities"].value = wanted.SerializeToString()
        return edited

    with pytest.raises(UpdateRefusedError, match=f"{area} capability V9_9 is unknown"):
        await governance.change(unchecked, administrators)


async def test_a_capability_that_nodes_know_is_in_force_at_once(network: LocalNetwork) -> None:
    governance = network.governance("TwoMSP", "bonds")
    administrators = [network.user(msp_id) for msp_id in ("TwoMSP", "ThreeMSP", "OrdererMSP")]
    channel = network.peers["TwoMSP"].channels["bonds"]
    assert not channel.config.capabilities.ed25519
    await governance.change(
        lambda config: with_capability("bonds", config, "channel", "V3_0"), administrators
    )
    assert channel.config.capabilities.ed25519
