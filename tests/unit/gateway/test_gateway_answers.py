"""What an endorser's answer means to the gateway (wire.md §5.3, the first table)."""

import grpc
import pytest
from tests.unit.gateway.conftest import (
    DOWN,
    SOON_S,
    Said,
    ScriptedEndorser,
    endorsement,
    refusal,
    rpc_failure,
    signed_proposal,
)

from tallystick.node.endorsement.errors import ProposalRefusedError
from tallystick.node.gateway.endorsers import EndorsingPeer, NextStep, PeerDirectory, ask

USE, TRY_NEXT, STOP = NextStep.USE, NextStep.TRY_NEXT, NextStep.STOP
OK = grpc.StatusCode.OK
ABORTED = grpc.StatusCode.ABORTED
UNKNOWN = grpc.StatusCode.UNKNOWN
UNAVAILABLE = grpc.StatusCode.UNAVAILABLE
FAILED_PRECONDITION = grpc.StatusCode.FAILED_PRECONDITION

REFUSED = ProposalRefusedError("access denied")


def peer(said: Said, *, local: bool = False) -> EndorsingPeer:
    return EndorsingPeer("A", "peer0.A", ScriptedEndorser(said), local=local)


@pytest.mark.parametrize(
    ("said", "step", "code", "message"),
    [
        pytest.param(
            DOWN,
            TRY_NEXT,
            UNAVAILABLE,
            "rpc error: code = Unavailable desc = connection refused",
            id="no answer at all",
        ),
        pytest.param(
            rpc_failure(UNKNOWN, "access denied"),
            TRY_NEXT,
            UNAVAILABLE,
            "rpc error: code = Unknown desc = access denied",
            id="a remote peer that refuses the client cannot be told from one that failed",
        ),
        pytest.param(
            refusal(500, "boom: chaincode stream terminated"),
            TRY_NEXT,
            ABORTED,
            "boom: chaincode stream terminated",
            id="500 without payload: the chaincode's process ended",
        ),
        pytest.param(
            refusal(500, "error in simulation"),
            TRY_NEXT,
            ABORTED,
            "error in simulation",
            id="500 without payload: the peer failed",
        ),
        pytest.param(
            refusal(500, "boom", b"payload"),
            STOP,
            UNKNOWN,
            "chaincode response 500, boom",
            id="500 with payload: the chaincode failed",
        ),
        pytest.param(
            refusal(501, "boom"), STOP, UNKNOWN, "chaincode response 501, boom", id="501 and above"
        ),
        pytest.param(
            refusal(400, "no"), STOP, UNKNOWN, "chaincode response 400, no", id="400 to 499"
        ),
        pytest.param(
            refusal(199, "odd"), STOP, UNKNOWN, "chaincode response 199, odd", id="below 200"
        ),
        pytest.param(endorsement(), USE, OK, "", id="200"),
        pytest.param(refusal(399, "fine", b"payload"), USE, OK, "", id="399"),
        pytest.param(
            None,
            TRY_NEXT,
            UNAVAILABLE,
            "rpc error: code = DeadlineExceeded desc = no answer within 0.01 s",
            id="silence",
        ),
    ],
)
async def test_an_answer_means(
    said: Said, step: NextStep, code: grpc.StatusCode, message: str
) -> None:
    answer = await ask(peer(said), signed_proposal(), timeout_s=SOON_S)
    assert (answer.step, answer.code, answer.message) == (step, code, message)
    assert (answer.detail.address, answer.detail.msp_id) == ("peer0.A", "A")


async def test_the_own_peer_refuses_the_client_for_good() -> None:
    answer = await ask(peer(REFUSED, local=True), signed_proposal(), timeout_s=1.0)
    assert (answer.step, answer.code) == (STOP, FAILED_PRECONDITION)
    assert answer.message == "access denied"


async def test_another_peer_in_this_process_is_like_a_remote_one() -> None:
    answer = await ask(peer(REFUSED), signed_proposal(), timeout_s=1.0)
    assert (answer.step, answer.code) == (TRY_NEXT, UNAVAILABLE)


def test_the_own_peer_comes_first_then_its_organisation_then_the_others() -> None:  # §5.2
    names = ["B", "A", "A", "C"]
    peers = [
        EndorsingPeer(msp_id, str(index), ScriptedEndorser(None), local=index == 2)
        for index, msp_id in enumerate(names)
    ]
    directory = PeerDirectory(peers, local_msp_id="A")
    assert [peer.address for peer in directory] == ["2", "1", "0", "3"]
    assert [peer.address for peer in directory.of("A")] == ["2", "1"]
    assert directory.counts() == {"A": 2, "B": 1, "C": 1}
