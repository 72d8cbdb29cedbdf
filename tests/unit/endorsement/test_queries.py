"""What an endorser does with a proposal of which nobody will make a transaction (wire.md §5.1)."""

from contextlib import suppress

import pytest
from tests.unit.endorsement.conftest import NOW_NS, SECOND_NS, World, transaction_id_of
from tests.unit.endorsement.test_private_results import define_with_collection, put_private, waits

from tallystick.node.endorsement.errors import ProposalRefusedError
from tallystick.node.ledger import held_bytes
from tallystick.node.ledger.held_bytes import SimulationTooLargeError
from tallystick.node.ledger.simulator import Simulator
from tallystick.protos.peer.proposal_response_pb2 import ProposalResponse, Response
from tallystick.wire.envelope import ProposalArguments


async def test_the_answer_to_a_query_is_not_endorsed(world: World) -> None:
    await world.define()
    answer = await world.one.endorser.evaluate(world.call(b"put"))
    assert answer == ProposalResponse(response=Response(status=200, payload=b"done"))


async def test_the_answer_of_a_system_chaincode_is_not_endorsed_either(world: World) -> None:
    question = ProposalArguments("trades", "qscc", (b"GetChainInfo", b"trades"))
    answer = await world.one.endorser.evaluate(world.proposal(question))
    assert answer.response.status == 200
    assert not answer.payload
    assert not answer.HasField("endorsement")


@pytest.mark.parametrize("status", [404, 500])
async def test_a_query_is_failed_as_a_transaction_is(world: World, status: int) -> None:
    await world.define()
    world.one.runtime.response = Response(status=status, message="no")
    proposal = world.call(b"put")
    assert await world.one.endorser.evaluate(proposal) == await world.one.endorser.process(proposal)


async def test_a_query_is_checked_as_a_transaction_is(world: World) -> None:
    world.one.now_ns = NOW_NS + 3_600 * SECOND_NS
    with pytest.raises(ProposalRefusedError, match="incorrect timestamp"):
        await world.one.endorser.evaluate(world.call(b"put"))


async def test_private_results_of_a_query_are_not_kept(world: World) -> None:
    await define_with_collection(world)
    world.one.runtime.act = put_private()
    proposal = world.call(b"put")
    assert (await world.one.endorser.evaluate(proposal)).response.status == 200
    assert not waits(world.one, transaction_id_of(proposal))


async def test_a_query_that_was_too_large_has_no_result(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.define()

    def hide_the_refusal(simulator: Simulator) -> None:
        monkeypatch.setattr(held_bytes, "MAX_HELD_BYTES", 1_000)
        with suppress(SimulationTooLargeError):
            simulator.put_state("token", "k", bytes(1_000))

    world.one.runtime.act = hide_the_refusal
    answer = await world.one.endorser.evaluate(world.call(b"put"))
    assert answer.response.status == 500
    assert "reads and writes more than 1000 bytes" in answer.response.message
