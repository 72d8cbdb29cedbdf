"""Who is asked to endorse, and what follows when a peer fails (wire.md §5.2, §5.3)."""

import asyncio

import grpc
import pytest
from tests.unit.gateway.conftest import (
    BROKEN,
    CHAINCODE,
    DOWN,
    SECRET,
    SOON_S,
    Setting,
    endorsement,
    messages_of,
    refusal,
    signed_proposal,
    touched,
)

from tallystick.node.gateway.collector import (
    FAILED_TO_ENDORSE,
    MISMATCH,
    NOT_ENOUGH,
    Collector,
)
from tallystick.node.gateway.errors import GatewayError
from tallystick.node.gateway.requests import proposed_call
from tallystick.protos.peer.proposal_pb2 import SignedProposal
from tallystick.protos.peer.proposal_response_pb2 import ChaincodeInterest, ProposalResponse

TWO_OF_THREE = "OutOf(2,'A.peer','B.peer','C.peer')"


def collector(
    setting: Setting, proposal: SignedProposal | None = None, *, timeout_s: float = 30.0
) -> Collector:
    signed = proposal or signed_proposal()
    return Collector(setting.directory, signed, proposed_call(signed), timeout_s)


async def planned(setting: Setting, collecting: Collector | None = None) -> list[str]:
    """Return the addresses of those who endorsed, after the gateway had the choice."""
    collecting = collecting or collector(setting)
    answers = await collecting.by_plan(setting.planner, setting.directory)
    return [answer.peer.address for answer in answers]


async def named(setting: Setting, *msp_ids: str) -> list[str]:
    """Return the addresses of those who endorsed, after the client named organisations."""
    answers = await collector(setting).from_organisations(msp_ids)
    return [answer.peer.address for answer in answers]


async def failure(setting: Setting, collecting: Collector | None = None) -> GatewayError:
    with pytest.raises(GatewayError) as caught:
        await planned(setting, collecting)
    return caught.value


# --- organisations that the client names ---


async def test_one_peer_of_each_named_organisation_endorses(setting: Setting) -> None:
    for msp_id in "ABC":
        setting.add_peer(msp_id, endorsement(by=msp_id), local=msp_id == "A")
    spare = setting.add_peer("B", endorsement(), name="peer1")
    assert await named(setting, "C", "B") == ["peer0.C", "peer0.B"]
    assert spare.calls == 0


async def test_an_organisation_named_twice_is_asked_once(setting: Setting) -> None:
    peer = setting.add_peer("A", endorsement(), local=True)
    assert await named(setting, "A", "A") == ["peer0.A"]
    assert peer.calls == 1


async def test_another_peer_of_the_named_organisation_takes_over(setting: Setting) -> None:
    setting.add_peer("B", DOWN)
    setting.add_peer("B", endorsement(), name="peer1")
    assert await named(setting, "B") == ["peer1.B"]


async def test_all_named_organisations_without_peers_are_listed(setting: Setting) -> None:
    peer = setting.add_peer("A", endorsement(), local=True)
    with pytest.raises(GatewayError, match=r"any endorsing peers for org\(s\): X, Y") as caught:
        await named(setting, "A", "X", "Y")
    assert caught.value.code is grpc.StatusCode.UNAVAILABLE
    assert peer.calls == 0


async def test_every_named_organisation_must_endorse(setting: Setting) -> None:
    setting.add_peer("A", endorsement(), local=True)
    setting.add_peer("B", refusal(400, "NO: not today"))
    setting.add_peer("C", DOWN)
    with pytest.raises(GatewayError, match=NOT_ENOUGH) as caught:
        await named(setting, "A", "B", "C")
    assert caught.value.code is grpc.StatusCode.ABORTED
    assert messages_of(caught.value) == [
        "chaincode response 400, NO: not today",
        "rpc error: code = Unavailable desc = connection refused",
    ]


# --- organisations that the gateway chooses ---


async def test_the_own_peer_alone_is_asked_if_that_is_enough(setting: Setting) -> None:
    other = setting.add_peer("B", endorsement())
    colleague = setting.add_peer("A", endorsement(), name="peer1")
    setting.add_peer("A", endorsement(), local=True)
    assert await planned(setting) == ["peer0.A"]
    assert other.calls == colleague.calls == 0


async def test_as_few_others_are_asked_as_the_policy_needs(setting: Setting) -> None:
    setting.definitions.define(TWO_OF_THREE)
    peers = [
        setting.add_peer(msp_id, endorsement(by=msp_id), local=msp_id == "A") for msp_id in "ABC"
    ]
    assert await planned(setting) == ["peer0.A", "peer0.B"]
    assert [peer.calls for peer in peers] == [1, 1, 0]


async def test_a_first_endorsement_that_the_policy_does_not_need_is_left_out(
    setting: Setting,
) -> None:
    setting.definitions.define("AND('B.peer','C.peer')")
    for msp_id in "ABC":
        setting.add_peer(msp_id, endorsement(by=msp_id), local=msp_id == "A")
    assert await planned(setting) == ["peer0.B", "peer0.C"]


async def test_the_others_are_asked_at_the_same_time(
    setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    setting.definitions.define("AND('A.peer','B.peer','C.peer')")
    setting.add_peer("A", endorsement(), local=True)
    both_are_asked = asyncio.Barrier(2)
    for msp_id in "BC":
        endorser = setting.add_peer(msp_id, endorsement())

        async def answer(_: SignedProposal) -> ProposalResponse:
            async with asyncio.timeout(10), both_are_asked:
                return endorsement()

        monkeypatch.setattr(endorser, "process_proposal", answer)
    assert len(await planned(setting)) == 3


@pytest.mark.parametrize(
    "said",
    [
        pytest.param(DOWN, id="the peer is down"),
        pytest.param(BROKEN, id="the peer fails"),
        pytest.param(refusal(400, "NO"), id="its chaincode refuses"),
        pytest.param(endorsement(b"something else"), id="its chaincode finds another result"),
    ],
)
async def test_another_layout_is_tried_if(setting: Setting, said: ProposalResponse) -> None:
    setting.definitions.define(TWO_OF_THREE)
    setting.add_peer("A", endorsement(), local=True)
    failing = setting.add_peer("B", said)
    setting.add_peer("C", endorsement())
    assert await planned(setting) == ["peer0.A", "peer0.C"]
    assert failing.calls == 1


async def test_any_organisations_that_are_there_are_found_among_too_many_layouts(
    setting: Setting,
) -> None:
    everybody = ["A", *(f"M{number:02}" for number in range(1, 16))]
    principals = ",".join(f"'{msp_id}.peer'" for msp_id in everybody)
    setting.definitions.define(f"OutOf(9,{principals})")
    for msp_id in everybody:
        down = msp_id in {"M01", "M09"}
        setting.add_peer(msp_id, DOWN if down else endorsement(by=msp_id), local=msp_id == "A")
    endorsers = await planned(setting)
    assert len(set(endorsers)) == 9
    assert not {"peer0.M01", "peer0.M09"} & set(endorsers)


async def test_a_colleague_of_a_failed_peer_is_asked_before_another_organisation(
    setting: Setting,
) -> None:
    setting.definitions.define(TWO_OF_THREE)
    setting.add_peer("A", endorsement(), local=True)
    setting.add_peer("B", DOWN)
    setting.add_peer("B", endorsement(), name="peer1")
    setting.add_peer("C", endorsement())
    assert await planned(setting) == ["peer0.A", "peer1.B"]


async def test_a_peer_that_cannot_run_the_chaincode_leaves_the_first_word_to_another(
    setting: Setting,
) -> None:
    setting.add_peer("A", BROKEN, local=True)
    setting.add_peer("B", endorsement())
    assert await planned(setting) == ["peer0.B"]


async def test_the_first_refusal_of_the_chaincode_is_final(setting: Setting) -> None:
    setting.add_peer("A", refusal(400, "NO: not today"), local=True)
    other = setting.add_peer("B", endorsement())
    error = await failure(setting)
    assert (error.code, error.message) == (grpc.StatusCode.ABORTED, FAILED_TO_ENDORSE)
    assert messages_of(error) == ["chaincode response 400, NO: not today"]
    assert other.calls == 0


async def test_results_that_differ_are_not_enough(setting: Setting) -> None:
    setting.definitions.define("AND('A.peer','B.peer')")
    setting.add_peer("A", endorsement(b"7"), local=True)
    setting.add_peer("B", endorsement(b"8"))
    error = await failure(setting)
    assert (error.code, error.message) == (grpc.StatusCode.ABORTED, NOT_ENOUGH)
    assert [(detail.msp_id, detail.message) for detail in error.details] == [("B", MISMATCH)]


async def test_a_peer_that_does_not_tell_what_was_touched_means_the_called_chaincode(
    setting: Setting,
) -> None:
    setting.definitions.define("AND('A.peer','B.peer')")
    silent = endorsement()
    silent.ClearField("interest")
    setting.add_peer("A", silent, local=True)
    setting.add_peer("B", endorsement())
    assert await planned(setting) == ["peer0.A", "peer0.B"]


@pytest.mark.parametrize(
    "policy",
    [
        pytest.param("AND('A.peer','X.peer')", id="an organisation without peers"),
        pytest.param("AND('A.peer','A.peer')", id="more peers of one organisation than there are"),
        pytest.param("OR('A.client')", id="no peer at all"),
    ],
)
async def test_no_peers_can_satisfy_a_policy_that_asks_for(setting: Setting, policy: str) -> None:
    setting.definitions.define(policy)
    setting.add_peer("A", endorsement(), local=True)
    error = await failure(setting)
    assert error.code is grpc.StatusCode.FAILED_PRECONDITION
    assert error.message == (
        "no combination of peers can be derived which satisfy the endorsement policy: "
        f"no peer combination can satisfy the endorsement policy of {CHAINCODE}"
    )


# --- private data ---


def private_setting(setting: Setting, interest: ChaincodeInterest) -> Setting:
    """Let A and C share a collection that only A and B may endorse, and let all endorse."""
    setting.definitions.define(TWO_OF_THREE)
    setting.definitions.define_collection("prices", "OR('A.member','C.member')")
    for msp_id in "ABC":
        setting.add_peer(msp_id, endorsement(interest=interest), local=msp_id == "A")
    return setting


async def test_transient_data_goes_to_members_of_the_collections_only(setting: Setting) -> None:
    private_setting(setting, touched("prices"))
    secret = collector(setting, signed_proposal(transient=SECRET))
    assert await planned(setting, secret) == ["peer0.A", "peer0.C"]


async def test_without_transient_data_anybody_may_write_to_a_collection(setting: Setting) -> None:
    private_setting(setting, touched("prices"))
    assert await planned(setting) == ["peer0.A", "peer0.B"]


async def test_only_members_can_read_private_values(setting: Setting) -> None:
    private_setting(setting, touched("prices", reads=True))
    assert await planned(setting) == ["peer0.A", "peer0.C"]


async def test_a_policy_that_would_expose_transient_data_is_left_to_the_client(
    setting: Setting,
) -> None:
    private_setting(setting, touched("prices"))
    setting.definitions.define("AND('A.peer','B.peer')")
    error = await failure(setting, collector(setting, signed_proposal(transient=SECRET)))
    assert error.code is grpc.StatusCode.FAILED_PRECONDITION
    assert "the private data collection(s): prices; retry specifying trusted" in error.message


# --- time ---


async def test_a_peer_that_does_not_answer_in_time_is_replaced(setting: Setting) -> None:
    setting.definitions.define(TWO_OF_THREE)
    setting.add_peer("A", endorsement(), local=True)
    setting.add_peer("B", None)
    setting.add_peer("C", endorsement())
    assert await planned(setting, collector(setting, timeout_s=SOON_S)) == ["peer0.A", "peer0.C"]


@pytest.mark.parametrize(
    ("first", "expected"),
    [
        pytest.param(None, FAILED_TO_ENDORSE, id="the first endorser"),
        pytest.param(endorsement(), NOT_ENOUGH, id="another"),
    ],
)
async def test_an_endorser_that_is_too_late_has_failed_like_any_other(
    setting: Setting, first: ProposalResponse | None, expected: str
) -> None:  # §5.3
    setting.definitions.define("AND('A.peer','B.peer')")
    setting.add_peer("A", first, local=True)
    setting.add_peer("B", None)
    error = await failure(setting, collector(setting, timeout_s=SOON_S))
    assert (error.code, error.message) == (grpc.StatusCode.ABORTED, expected)
    assert messages_of(error)[-1] == (
        "rpc error: code = DeadlineExceeded desc = no answer within 0.01 s"
    )
