"""What an endorser says when its peer lacks a private value that the chaincode reads (§4, §5.3).

The value may be on another peer, so the answer must not look like the chaincode's own word.
"""

import random
from collections.abc import AsyncIterator

import pytest
from tests.unit.endorsement.conftest import World
from tests.unit.endorsement.test_private_results import define_with_collection, put_private

from tallystick.node.endorsement.endorser import Endorser
from tallystick.node.gateway.endorsers import Answer, EndorsingPeer, NextStep, ask
from tallystick.node.policies.parser import parse_policy
from tallystick.node.runtime.registry import RuntimeRegistry, RuntimeRules
from tallystick.node.transport.local import LocalEndorser
from tallystick.protos.peer.collection_pb2 import CollectionPolicyConfig

SOURCE = """
from tallystick.chaincode import Context, Contract, Refusal, query

class Token(Contract):
    name = "token"

    @query
    def read(self, ctx: Context) -> str:
        return (ctx.private("vault").get("k") or b"nothing").decode()

    @query
    def count(self, ctx: Context) -> str:
        return str(sum(1 for _ in ctx.private("vault").range("", "")))

    @query
    def look(self, ctx: Context) -> str:
        try:
            return self.read(ctx)
        except Exception:
            return "not here"

    @query
    def fail_quietly(self, ctx: Context) -> str:
        if self.look(ctx) == "not here":
            raise Refusal("STRANGER", "try a member", status=500)
        return ""

    @query
    def refuse(self, ctx: Context) -> str:
        if self.look(ctx) == "not here":
            raise Refusal("STRANGER", "this is for members")
        return ""

    @query
    def fail(self, ctx: Context) -> str:
        raise RuntimeError("a bug")
"""


@pytest.fixture(params=["embedded", pytest.param("process", marks=pytest.mark.slow)])
async def endorser(request: pytest.FixtureRequest, world: World) -> AsyncIterator[Endorser]:
    """The endorser of a peer that runs the contract, but has no copy of the value at "k"."""
    members = CollectionPolicyConfig(signature_policy=parse_policy("OR('TwoMSP.member')"))
    await define_with_collection(
        world, SOURCE, member_orgs_policy=members, required_peer_count=0, maximum_peer_count=1
    )
    world.one.runtime.act = put_private()
    proposal = world.call(b"put")
    await world.commit(proposal, [await world.one.endorser.process(proposal)])
    rules = RuntimeRules(python=request.param)
    async with RuntimeRegistry(world.one.packages, rules, random.Random(1)) as runtime:
        yield world.one.new_endorser(runtime=runtime)


async def heard(world: World, endorser: Endorser, function: bytes) -> Answer:
    """Return what a gateway makes of the answer to a call."""
    peer = EndorsingPeer("OneMSP", "one", LocalEndorser(endorser.process))
    return await ask(peer, world.call(function), timeout_s=30)


@pytest.mark.parametrize("function", [b"read", b"count"])
async def test_a_call_that_fails_on_a_missed_value_is_the_failure_of_this_peer(
    function: bytes, world: World, endorser: Endorser
) -> None:
    answer = await heard(world, endorser, function)
    assert answer.step is NextStep.TRY_NEXT
    assert "private data matching public hash version is not available" in answer.message


async def test_a_chaincode_that_hides_the_error_and_fails_is_heard_elsewhere(
    world: World, endorser: Endorser
) -> None:
    answer = await heard(world, endorser, b"fail_quietly")
    assert answer.step is NextStep.TRY_NEXT
    assert answer.message == "STRANGER: try a member"


async def test_a_chaincode_that_goes_on_without_the_value_is_endorsed(
    world: World, endorser: Endorser
) -> None:
    answer = await heard(world, endorser, b"look")
    assert answer.step is NextStep.USE
    assert answer.response is not None
    assert answer.response.response.payload == b"not here"


@pytest.mark.parametrize(("function", "status"), [(b"refuse", 400), (b"fail", 500)])
async def test_what_fails_for_another_reason_is_the_word_of_the_chaincode(
    world: World, endorser: Endorser, function: bytes, status: int
) -> None:
    """A refusal blames the caller, whom another peer would refuse as well."""
    answer = await heard(world, endorser, function)
    assert answer.step is NextStep.STOP
    assert answer.message.startswith(f"chaincode response {status}, ")
