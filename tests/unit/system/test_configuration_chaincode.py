"""What ``cscc`` answers about channels, and how peers join them (wire.md §8.2)."""

import pytest
from tests.scenarios.outcome import Outcome, State
from tests.unit.endorsement.conftest import CHANNEL_ID, Keys, World

from tallystick.node.errors import LedgerError
from tallystick.node.system.configuration import ConfigurationChaincode, Membership
from tallystick.node.system.port import SystemInvocation
from tallystick.protos.common.common_pb2 import Block
from tallystick.protos.common.configtx_pb2 import Config
from tallystick.protos.peer.proposal_response_pb2 import Response
from tallystick.protos.peer.query_pb2 import ChannelQueryResponse, JoinBySnapshotStatus
from tallystick.wire.envelope import ProposalArguments


async def ask(world: World, *args: bytes, role: str = "admin") -> Response:
    creator = getattr(world.keys.organizations["OneMSP"], role)
    proposal = world.proposal(ProposalArguments("", "cscc", args), creator)
    return (await world.one.endorser.process(proposal)).response


async def test_the_channels_of_the_peer_are_listed(world: World) -> None:
    world.one.channels["bonds"] = world.one.channel
    response = await ask(world, b"GetChannels", role="client")
    found = ChannelQueryResponse.FromString(response.payload)
    assert [channel.channel_id for channel in found.channels] == ["bonds", CHANNEL_ID]


async def test_the_configuration_is_shown_as_block_and_as_tree(world: World) -> None:
    block = await ask(world, b"GetConfigBlock", CHANNEL_ID.encode(), role="client")
    assert block.payload == world.one.ledger.read_bytes(0)
    tree = await ask(world, b"GetChannelConfig", CHANNEL_ID.encode(), role="client")
    assert Config.FromString(tree.payload) == world.one.channel.config.config


def unchanged(world: World) -> State:
    return State(
        "the peer has joined nothing, and its ledger is as it was",
        lambda: (world.one.ledger.height, list(world.one.joined)),
    )


async def test_an_administrator_makes_the_peer_join_a_channel(world: World, keys: Keys) -> None:
    genesis = keys.genesis_of("bonds")
    response = await ask(world, b"JoinChain", genesis.SerializeToString())
    assert (response.status, response.message) == (200, "")
    assert world.one.joined == [genesis]


async def test_a_client_who_is_no_administrator_makes_a_peer_join_a_channel(
    outcome: Outcome, world: World, keys: Keys
) -> None:
    genesis = keys.genesis_of("bonds").SerializeToString()
    with outcome.leaves(unchanged(world)):
        response = await ask(world, b"JoinChain", genesis, role="client")
    outcome.saw(f"{response.status}: {response.message}")
    assert response.status == 500
    assert response.message.startswith("access denied for [JoinChain][bonds]: [")
    assert world.one.joined == []


async def test_a_peer_joins_a_channel_that_it_is_on(
    outcome: Outcome, world: World, keys: Keys
) -> None:
    with outcome.leaves(unchanged(world)):
        response = await ask(world, b"JoinChain", keys.genesis.SerializeToString())
    outcome.saw(f"{response.status}: {response.message}")
    assert response.status == 500
    assert response.message == (
        "cannot create ledger from genesis block: ledger [trades] already exists with state "
        "[ACTIVE]"
    )


@pytest.mark.parametrize(
    ("block", "start"),
    [
        pytest.param(b"\xff", "Failed to reconstruct the genesis block, ", id="junk"),
        pytest.param(
            Block().SerializeToString(),
            '"JoinChain" for channelID =  failed because of validation of configuration block',
            id="no configuration",
        ),
    ],
)
async def test_a_peer_joins_with_a_block_that_begins_no_channel(
    outcome: Outcome, world: World, block: bytes, start: str
) -> None:
    with outcome.leaves(unchanged(world)):
        response = await ask(world, b"JoinChain", block)
    outcome.saw(f"{response.status}: {response.message}")
    assert response.status == 500
    assert response.message.startswith(start)


@pytest.mark.parametrize(
    ("args", "text"),
    [
        pytest.param((), "Incorrect number of arguments, 0", id="no function"),
        pytest.param((b"GetConfigBlock",), "Incorrect number of arguments, 1", id="no channel"),
        pytest.param(
            (b"GetConfigBlock", b"other"),
            "access denied for [GetConfigBlock][other]: Failed to get policy manager for channel "
            "[other]",
            id="channel",
        ),
        pytest.param((b"GetChannelConfig", b""), "empty channel name provided", id="no channel"),
        pytest.param((b"GetNothing", b"x"), "Requested function GetNothing not found.", id="name"),
    ],
)
async def test_a_peer_is_asked_for_a_configuration_that_is_not_there(
    outcome: Outcome, world: World, args: tuple[bytes, ...], text: str
) -> None:
    with outcome.leaves(unchanged(world)):
        response = await ask(world, *args)
    outcome.saw(f"{response.status}: {response.message}")
    assert (response.status, response.message) == (500, text)


@pytest.mark.parametrize(
    "args",
    [
        pytest.param((b"JoinBySnapshotStatus",), id="status"),
        pytest.param((b"JoinChainBySnapshot", b"/snapshots/trades/9"), id="join"),
    ],
)
async def test_a_client_who_is_no_administrator_makes_a_peer_join_from_a_snapshot(
    outcome: Outcome, world: World, args: tuple[bytes, ...]
) -> None:
    with outcome.leaves(unchanged(world)):
        denied = await ask(world, *args, role="client")
    outcome.saw(f"{denied.status}: {denied.message}")
    assert denied.message.startswith(f"access denied for [{args[0].decode()}]: ")


async def test_a_peer_joins_from_a_folder_without_a_snapshot(
    outcome: Outcome, world: World
) -> None:
    with outcome.leaves(unchanged(world)):
        response = await ask(world, b"JoinChainBySnapshot", b"/no/snapshot")
    outcome.saw(f"{response.status}: {response.message}")
    assert response.status == 500
    assert "cannot be read" in response.message
    status = await ask(world, b"JoinBySnapshotStatus")
    assert JoinBySnapshotStatus.FromString(status.payload) == JoinBySnapshotStatus()


async def test_what_goes_wrong_in_joining_is_told(world: World, keys: Keys) -> None:
    async def fail(_: Block) -> None:
        raise LedgerError("the disk is full")

    configuration = ConfigurationChaincode(
        {}, world.one.access, Membership(fail, world.one.from_snapshots)
    )
    args = (b"JoinChain", keys.genesis.SerializeToString())
    admin = keys.organizations["OneMSP"].admin.identity
    response = await configuration.invoke(SystemInvocation(args, admin, None, None))
    assert response.message == "cannot create ledger from genesis block: the disk is full"
