"""Who may call which function of the system chaincodes (wire.md §8.3)."""

import pytest
from tests.scenarios.outcome import Outcome, State
from tests.unit.endorsement.conftest import CHANNEL_ID, World

from tallystick.node.channel.config import ChannelConfig
from tallystick.node.endorsement.errors import ProposalRefusedError
from tallystick.node.membership.signing_identity import SigningIdentity
from tallystick.protos.common.configtx_pb2 import Config, ConfigValue
from tallystick.protos.peer.configuration_pb2 import ACLs, APIResource
from tallystick.protos.peer.proposal_response_pb2 import Response
from tallystick.wire.envelope import ProposalArguments

ADMIN, CLIENT, PEER, OTHER_ADMIN = "admin", "client", "peer", "admin of another organisation"

LOCAL_ADMINS = [
    "InstallChaincode",
    "QueryInstalledChaincode",
    "QueryInstalledChaincodes",
    "GetInstalledChaincodePackage",
    "ApproveChaincodeDefinitionForMyOrg",
    "QueryApprovedChaincodeDefinition",
    "QueryApprovedChaincodeDefinitions",
]
WRITERS = [
    "CommitChaincodeDefinition",
    "CheckCommitReadiness",
    "QueryChaincodeDefinition",
    "QueryChaincodeDefinitions",
]
DENIED = "Failed to authorize invocation due to failed ACL check: "
NOT_A_WRITER = (
    f"{DENIED}Failed evaluating policy on signed data during check policy on channel [trades] with "
    "policy [/Channel/Application/Writers]: [implicit policy evaluation failed - 0 sub-policies "
    "were satisfied, but this policy requires 1 of the 'Writers' sub-policies to be satisfied]"
)


def member(world: World, who: str) -> SigningIdentity:
    own, other = world.keys.organizations["OneMSP"], world.keys.organizations["TwoMSP"]
    return {ADMIN: own.admin, CLIENT: own.client, PEER: own.peer, OTHER_ADMIN: other.admin}[who]


async def call(world: World, who: str, chaincode: str, *args: bytes, channel: str) -> Response:
    proposal = world.proposal(ProposalArguments(channel, chaincode, args), member(world, who))
    return (await world.one.endorser.process(proposal)).response


@pytest.mark.parametrize("function", LOCAL_ADMINS)
@pytest.mark.parametrize("who", [ADMIN, CLIENT, PEER, OTHER_ADMIN])
async def test_what_concerns_the_peer_is_for_its_own_administrators(
    world: World, function: str, who: str
) -> None:
    response = await call(world, who, "_lifecycle", function.encode(), b"", channel=CHANNEL_ID)
    assert response.message.startswith(DENIED) == (who != ADMIN)
    if who != ADMIN:
        assert "creator satisfies local MSP principal" in response.message
        assert "policy [Admins]" in response.message


@pytest.mark.parametrize("function", WRITERS)
@pytest.mark.parametrize("who", [ADMIN, CLIENT, PEER, OTHER_ADMIN])
async def test_what_concerns_the_channel_is_for_its_writers(
    world: World, function: str, who: str
) -> None:
    response = await call(world, who, "_lifecycle", function.encode(), b"", channel=CHANNEL_ID)
    if who == PEER:
        assert response.message == NOT_A_WRITER
    else:
        assert not response.message.startswith(DENIED)


async def test_a_lifecycle_call_names_no_channel(outcome: Outcome, world: World) -> None:
    with outcome.leaves(State("the ledger is as it was", lambda: world.one.ledger.height)):
        response = await call(world, ADMIN, "_lifecycle", b"CheckCommitReadiness", b"", channel="")
    outcome.saw(f"{response.status}: {response.message}")
    assert response.status == 500
    assert response.message == f"{DENIED}Failed to get policy manager for channel []"


async def test_a_lifecycle_call_names_no_function_that_there_is(
    outcome: Outcome, world: World
) -> None:
    with outcome.leaves(State("the ledger is as it was", lambda: world.one.ledger.height)):
        response = await call(world, ADMIN, "_lifecycle", b"Nothing", b"", channel=CHANNEL_ID)
    outcome.saw(f"{response.status}: {response.message}")
    assert response.status == 500
    assert response.message.startswith(f"{DENIED}no channel policy guards resource")


@pytest.mark.parametrize(
    ("who", "allowed"), [(ADMIN, True), (CLIENT, True), (PEER, True), (OTHER_ADMIN, False)]
)
async def test_the_list_of_channels_is_for_members_of_the_own_organisation(
    world: World, who: str, *, allowed: bool
) -> None:
    proposal = world.proposal(
        ProposalArguments(CHANNEL_ID, "cscc", (b"GetChannels",)), member(world, who)
    )
    response = (await world.one.endorser.process(proposal)).response
    assert (response.status == 200) == allowed
    assert response.message.startswith("access denied for [GetChannels]: ") != allowed


async def test_readers_may_query_and_acls_of_the_channel_override_the_defaults(
    world: World,
) -> None:
    args = (b"GetChainInfo", CHANNEL_ID.encode())
    for who in (PEER, CLIENT, OTHER_ADMIN):
        assert (await call(world, who, "qscc", *args, channel=CHANNEL_ID)).status == 200
    config = Config()
    config.CopyFrom(world.one.channel.config.config)
    acls = ACLs(acls={"qscc/GetChainInfo": APIResource(policy_ref="/Channel/Application/Admins")})
    config.channel_group.groups["Application"].values["ACLs"].CopyFrom(
        ConfigValue(value=acls.SerializeToString(), mod_policy="Admins")
    )
    world.one.channel.config = ChannelConfig.from_config(CHANNEL_ID, config)
    response = await call(world, CLIENT, "qscc", *args, channel=CHANNEL_ID)
    assert response.status == 500
    assert response.message.startswith(
        "access denied for [GetChainInfo][trades]: [failed evaluating policy on signed data during "
        "check policy [/Channel/Application/Admins]: ["
    )


@pytest.mark.parametrize(
    ("resource", "chaincode", "args"),
    [
        ("_lifecycle/CheckCommitReadiness", "_lifecycle", (b"CheckCommitReadiness", b"")),
        ("_lifecycle/QueryChaincodeDefinitions", "_lifecycle", (b"QueryChaincodeDefinitions", b"")),
        ("cscc/GetChannelConfig", "cscc", (b"GetChannelConfig", CHANNEL_ID.encode())),
        ("qscc/GetBlockByNumber", "qscc", (b"GetBlockByNumber", CHANNEL_ID.encode(), b"0")),
    ],
)
async def test_an_override_restricts_and_another_one_opens(
    world: World, resource: str, chaincode: str, args: tuple[bytes, ...]
) -> None:
    async def is_denied(who: str) -> bool:
        response = await call(world, who, chaincode, *args, channel=CHANNEL_ID)
        return "failed evaluating policy on signed data" in response.message

    override(world, resource, "Admins")  # relative to /Channel/Application
    assert await is_denied(CLIENT)
    override(world, resource, "/Channel/Application/Readers")
    assert not await is_denied(CLIENT)
    assert not await is_denied(PEER)


async def test_a_client_proposes_who_may_not(outcome: Outcome, world: World) -> None:
    override(world, "peer/Propose", "/Channel/Application/OneMSP/Admins")
    proposal = world.proposal(
        ProposalArguments(CHANNEL_ID, "anything", (b"f",)), member(world, CLIENT)
    )
    with outcome.refuses(
        ProposalRefusedError,
        leaves=State("the ledger is as it was", lambda: world.one.ledger.height),
        match="OneMSP/Admins",
    ):
        await world.one.endorser.process(proposal)


@pytest.mark.parametrize("resource", ["cscc/JoinChain", "_lifecycle/InstallChaincode"])
async def test_what_concerns_the_peer_is_not_for_the_channel_to_open(
    world: World, resource: str
) -> None:
    override(world, resource, "/Channel/Application/Readers")
    chaincode, function = resource.split("/")
    args = (function.encode(), world.one.ledger.read_bytes(0))
    response = await call(world, CLIENT, chaincode, *args, channel=CHANNEL_ID)
    assert "satisfies local MSP principal" in response.message


def override(world: World, resource: str, policy: str) -> None:
    config = Config()
    config.CopyFrom(world.one.channel.config.config)
    acls = ACLs(acls={resource: APIResource(policy_ref=policy)})
    config.channel_group.groups["Application"].values["ACLs"].CopyFrom(
        ConfigValue(value=acls.SerializeToString(), mod_policy="Admins")
    )
    world.one.channel.config = ChannelConfig.from_config(CHANNEL_ID, config)
