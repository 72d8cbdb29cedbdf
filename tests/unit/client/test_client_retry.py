"""A transaction whose reads were stale is proposed anew; no other is."""

from random import Random

import grpc
import pytest
from tests.unit.client.conftest import CHANNEL_ID, Client, FakePeer

from tallystick.client import NO_RETRY, RetryPolicy
from tallystick.client.errors import CommitError, EndorseError, RpcFailure, SubmitError
from tallystick.protos.gateway import gateway_pb2
from tallystick.protos.peer.transaction_pb2 import TxValidationCode

STALE = TxValidationCode.MVCC_READ_CONFLICT
PHANTOM = TxValidationCode.PHANTOM_READ_CONFLICT


def proposed_ids(peer: FakePeer) -> list[str]:
    return [
        request.transaction_id
        for request in peer.requests
        if isinstance(request, gateway_pb2.EndorseRequest)
    ]


@pytest.mark.parametrize("code", [STALE, PHANTOM])
async def test_each_attempt_is_a_new_transaction(peer: FakePeer, client: Client, code: int) -> None:
    peer.codes.extend([code, code])

    result = await client.gateway(peer).network(CHANNEL_ID).contract("token").submit("transfer")

    assert result == b"result"
    assert len(set(proposed_ids(peer))) == len(proposed_ids(peer)) == 3


async def test_the_last_attempt_has_the_last_word(peer: FakePeer, client: Client) -> None:
    peer.codes.extend([STALE] * 9)
    contract = client.gateway(peer).network(CHANNEL_ID).contract("token")

    with pytest.raises(CommitError, match="MVCC_READ_CONFLICT") as caught:
        await contract.submit("transfer", retry=RetryPolicy(attempts=3))

    assert len(proposed_ids(peer)) == 3
    assert caught.value.transaction_id == proposed_ids(peer)[-1]
    assert len(client.pauses.asked_s) == 2


async def test_pauses_grow_within_their_bounds(peer: FakePeer, client: Client) -> None:
    peer.codes.extend([STALE] * 4)
    policy = RetryPolicy(attempts=5, initial_delay_s=0.1, maximum_delay_s=0.3)
    contract = client.gateway(peer).network(CHANNEL_ID).contract("token")

    await contract.submit("transfer", retry=policy)

    draws = Random(2)  # the seed of the client's environment
    expected = [ceiling * draws.uniform(0.5, 1.0) for ceiling in (0.1, 0.2, 0.3, 0.3)]
    assert client.pauses.asked_s == expected


async def test_no_retry_leaves_the_conflict_to_the_caller(peer: FakePeer, client: Client) -> None:
    peer.codes.append(STALE)
    contract = client.gateway(peer).network(CHANNEL_ID).contract("token")

    with pytest.raises(CommitError):
        await contract.submit("transfer", retry=NO_RETRY)

    assert len(proposed_ids(peer)) == 1
    assert not client.pauses.asked_s


async def test_other_verdicts_are_final(peer: FakePeer, client: Client) -> None:
    peer.codes.append(TxValidationCode.ENDORSEMENT_POLICY_FAILURE)

    with pytest.raises(CommitError):
        await client.gateway(peer).network(CHANNEL_ID).contract("token").submit("transfer")

    assert len(proposed_ids(peer)) == 1


@pytest.mark.parametrize(
    ("attempts", "initial_delay_s", "maximum_delay_s"), [(0, 0.1, 1.0), (2, -0.1, 1.0), (2, 2, 1)]
)
def test_a_policy_that_makes_no_sense_is_refused(
    attempts: int, initial_delay_s: float, maximum_delay_s: float
) -> None:
    with pytest.raises(ValueError, match=r"at least 1 attempt|delays must be"):
        RetryPolicy(attempts, initial_delay_s, maximum_delay_s)


BUSY = RpcFailure(grpc.StatusCode.RESOURCE_EXHAUSTED, "too many requests")


def busy(retry_after_s: float) -> RpcFailure:
    return RpcFailure(
        grpc.StatusCode.RESOURCE_EXHAUSTED, "too many requests", retry_after_s=retry_after_s
    )


async def test_a_peer_with_too_much_to_do_is_asked_again_no_sooner_than_it_says(
    peer: FakePeer, client: Client
) -> None:
    peer.fail("evaluate", busy(3.0))
    peer.fail("endorse", busy(1.0), busy(2.0))
    contract = client.gateway(peer).network(CHANNEL_ID).contract("token")
    assert await contract.evaluate("balance_of") == b"answer"
    assert await contract.submit("transfer") == b"result"
    told_s = [3.0, 1.0, 2.0]
    for paused_s, at_least_s in zip(client.pauses.asked_s, told_s, strict=True):
        assert at_least_s <= paused_s <= 1.5 * at_least_s


async def test_the_same_proposal_is_sent_again_when_the_peer_was_busy(
    peer: FakePeer, client: Client
) -> None:
    peer.fail("endorse", BUSY)
    await client.gateway(peer).network(CHANNEL_ID).contract("token").submit("transfer")
    endorse = [each for each in peer.requests if isinstance(each, gateway_pb2.EndorseRequest)]
    assert len(endorse) == 2
    assert endorse[0] == endorse[1]


async def test_a_peer_that_stays_busy_is_an_error_in_the_end(
    peer: FakePeer, client: Client
) -> None:
    peer.fail("endorse", *[BUSY] * 10)
    contract = client.gateway(peer).network(CHANNEL_ID).contract("token")
    with pytest.raises(EndorseError, match="too many requests") as caught:
        await contract.submit("transfer")
    assert caught.value.is_busy
    assert len(client.pauses.asked_s) == 9


async def test_what_was_endorsed_is_not_submitted_twice_by_itself(
    peer: FakePeer, client: Client
) -> None:
    peer.fail("submit", BUSY)
    contract = client.gateway(peer).network(CHANNEL_ID).contract("token")
    with pytest.raises(SubmitError):
        await contract.submit("transfer")
    assert client.pauses.asked_s == []
