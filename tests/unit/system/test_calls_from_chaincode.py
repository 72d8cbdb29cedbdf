"""What chaincode reaches through other chaincode: wire.md §8.2, §8.3."""

from functools import partial
from random import Random

import pytest
from tests.unit.endorsement.conftest import CHANNEL_ID, World

from tallystick.node.channel.config import ChannelConfig
from tallystick.node.runtime.embedded import EmbeddedRuntime
from tallystick.node.runtime.registry import RuntimeRegistry, RuntimeRules
from tallystick.protos.common.configtx_pb2 import Config, ConfigValue
from tallystick.protos.peer.configuration_pb2 import ACLs, APIResource
from tallystick.protos.peer.lifecycle import lifecycle_pb2
from tallystick.protos.peer.proposal_response_pb2 import Response
from tallystick.wire.envelope import ProposalArguments

SOURCE = """
from tallystick.chaincode import Context, Contract, transaction

class Token(Contract):
    name = "token"

    @transaction
    def ask(self, ctx: Context, chaincode: str, function: str, argument: str) -> str:
        args = [function.encode(), bytes.fromhex(argument)]
        answer = ctx.stub.invoke_chaincode(chaincode, args).response
        return f"{answer.status} {answer.message}{answer.payload.hex()}"
"""
DEFINITION = lifecycle_pb2.QueryChaincodeDefinitionArgs(name="token").SerializeToString().hex()
CHANNEL = CHANNEL_ID.encode().hex()


@pytest.fixture
async def asking(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """A world in which ``token`` asks other chaincode, inside the first peer's process."""
    monkeypatch.setattr(world, "package", partial(world.package, source=SOURCE))
    await world.define()
    world.one.runtime = EmbeddedRuntime(world.one.packages)  # type: ignore[assignment]
    world.one.endorser = world.one.new_endorser()
    return world


async def ask(world: World, *words: str, who: str = "client") -> Response:
    args = (b"ask", *(word.encode() for word in words))
    creator = getattr(world.keys.organizations["OneMSP"], who)
    proposal = world.proposal(ProposalArguments(CHANNEL_ID, "token", args), creator)
    return (await world.one.endorser.process(proposal)).response


async def test_definitions_can_be_read_by_other_chaincode(asking: World) -> None:
    response = await ask(asking, "_lifecycle", "QueryChaincodeDefinition", DEFINITION)
    status, _, payload = response.payload.decode().partition(" ")
    result = lifecycle_pb2.QueryChaincodeDefinitionResult.FromString(bytes.fromhex(payload))
    assert (status, result.version, result.sequence) == ("200", "1.0", 1)


@pytest.mark.parametrize(
    ("chaincode", "function", "text"),
    [
        (
            "qscc",
            "GetChainInfo",
            "500 Rejecting invoke of QSCC from another chaincode because of potential for "
            "deadlocks, original invocation for 'token'",
        ),
        (
            "cscc",
            "GetConfigBlock",
            "500 Rejecting invoke of CSCC from another chaincode, original invocation for 'token'",
        ),
    ],
)
async def test_blocks_and_channels_are_not_for_other_chaincode(
    asking: World, chaincode: str, function: str, text: str
) -> None:
    assert (await ask(asking, chaincode, function, CHANNEL)).payload.decode() == text


async def test_what_the_client_may_not_do_its_chaincode_may_not_either(asking: World) -> None:
    response = await ask(asking, "_lifecycle", "QueryInstalledChaincodes", "")
    assert response.payload.startswith(b"500 Failed to authorize invocation due to failed ACL")


async def test_a_chaincode_reaches_others_as_the_channel_allows(asking: World) -> None:
    assert "not defined" in (await ask(asking, "other", "f", "")).message
    config = Config()
    config.CopyFrom(asking.one.channel.config.config)
    acls = ACLs(acls={"peer/ChaincodeToChaincode": APIResource(policy_ref="OneMSP/Admins")})
    config.channel_group.groups["Application"].values["ACLs"].CopyFrom(
        ConfigValue(value=acls.SerializeToString(), mod_policy="Admins")
    )
    asking.one.channel.config = ChannelConfig.from_config(CHANNEL_ID, config)

    refused = await ask(asking, "other", "f", "")
    assert "policy [/Channel/Application/OneMSP/Admins]" in refused.message
    assert "not defined" in (await ask(asking, "other", "f", "", who="admin")).message
    # System chaincodes have rules of their own.
    allowed = await ask(asking, "_lifecycle", "QueryChaincodeDefinition", DEFINITION)
    assert allowed.payload.startswith(b"200 ")


@pytest.mark.slow
async def test_chaincode_in_a_process_of_its_own_gets_the_same_answers(asking: World) -> None:
    peer = asking.one
    async with RuntimeRegistry(peer.packages, RuntimeRules(python="process"), Random(0)) as runtime:
        peer.runtime = runtime  # type: ignore[assignment]
        peer.endorser = peer.new_endorser()
        allowed = await ask(asking, "_lifecycle", "QueryChaincodeDefinition", DEFINITION)
        assert allowed.payload.startswith(b"200 "), allowed.message
        refused = await ask(asking, "qscc", "GetChainInfo", CHANNEL)
        assert refused.payload.startswith(b"500 Rejecting invoke of QSCC"), refused.message
