"""A transaction whose reads were stale is proposed anew; no other is."""

from random import Random

import pytest
from tests.unit.client.conftest import CHANNEL_ID, Client, FakePeer

from tallystick.client import NO_RETRY, RetryPolicy
from tallystick.client.errors import CommitError
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
