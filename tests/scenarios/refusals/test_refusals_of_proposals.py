"""Proposals that are refused, by the endorser (wire.md §4) and through the gateway (§5.3)."""

import re
from collections.abc import Callable
from dataclasses import dataclass

import grpc
import pytest
from tests.scenarios.refusals.doors import Failure, gateway, process_proposal
from tests.scenarios.refusals.network import CHANNEL_ID, RefusalNetwork
from tests.scenarios.refusals.requests import ProposalDraft, draft, endorsed, high_s

from tallystick.node.transport.options import MAX_MESSAGE_BYTES
from tallystick.protos.common.common_pb2 import CONFIG_UPDATE, Header
from tallystick.protos.gateway.gateway_pb2 import EndorseRequest, EvaluateRequest
from tallystick.protos.peer.proposal_pb2 import ChaincodeProposalPayload, SignedProposal
from tallystick.protos.peer.proposal_response_pb2 import ProposalResponse

pytestmark = pytest.mark.asyncio(loop_scope="module")

Propose = Callable[[RefusalNetwork], SignedProposal]
Spoil = Callable[[ProposalDraft], object]

ABORTED = grpc.StatusCode.ABORTED
FAILED_PRECONDITION = grpc.StatusCode.FAILED_PRECONDITION
INVALID_ARGUMENT = grpc.StatusCode.INVALID_ARGUMENT
RESOURCE_EXHAUSTED = grpc.StatusCode.RESOURCE_EXHAUSTED
UNAVAILABLE = grpc.StatusCode.UNAVAILABLE
UNKNOWN = grpc.StatusCode.UNKNOWN

DENIED = rf"access denied: channel \[{CHANNEL_ID}\] creator org"
DENIED_TO_MEMBER = DENIED + r" \[ClearingMSP\]"
UNSIGNED = "error validating proposal: empty signature bytes"
SKEWED = "request unauthorized due to incorrect timestamp"
NO_WRITER = r"with policy \[/Channel/Application/Writers\]"


def spoiled(**changes: object) -> Propose:
    """Return what makes a proposal with these parts of its draft replaced."""

    def propose(network: RefusalNetwork) -> SignedProposal:
        proposal = draft(network)
        for name, value in changes.items():
            setattr(proposal, name, value)
        return proposal.signed()

    return propose


def with_header(**fields: object) -> Propose:
    """Return what makes a proposal with these fields of its channel header replaced."""

    def propose(network: RefusalNetwork) -> SignedProposal:
        proposal = draft(network)
        for name, value in fields.items():
            setattr(proposal.header, name, value)
        return proposal.signed()

    return propose


def made(offset_s: float) -> Propose:
    """Return what makes a proposal ``offset_s`` seconds from the peer's time."""
    return lambda network: draft(network, offset_s=offset_s).signed()


def forged(network: RefusalNetwork) -> SignedProposal:
    proposal = draft(network)
    proposal.signer = network.people.colleague
    return proposal.signed()


def forged_by_stranger(network: RefusalNetwork) -> SignedProposal:
    proposal = draft(network)
    proposal.signer = network.people.stranger
    return proposal.signed()


def altered(network: RefusalNetwork) -> SignedProposal:
    signed = draft(network).signed()
    signed.proposal_bytes = signed.proposal_bytes.replace(b"text", b"TEXT")
    return signed


def without_signature(network: RefusalNetwork) -> SignedProposal:
    return SignedProposal(proposal_bytes=draft(network).signed().proposal_bytes)


def with_high_s(network: RefusalNetwork) -> SignedProposal:
    signed = draft(network).signed()
    signed.signature = high_s(signed.signature)
    return signed


def expired(network: RefusalNetwork) -> SignedProposal:
    return draft(network, network.people.expired).signed()


def revoked(network: RefusalNetwork) -> SignedProposal:
    return draft(network, network.people.revoked).signed()


def by_stranger(network: RefusalNetwork) -> SignedProposal:
    return draft(network, network.people.stranger).signed()


def by_orderer(network: RefusalNetwork) -> SignedProposal:
    return draft(network, network.people.orderer).signed()


def elsewhere(network: RefusalNetwork) -> SignedProposal:
    return draft(network, channel_id="elsewhere").signed()


NO_INPUT = ChaincodeProposalPayload().SerializeToString()
NO_CHANNEL_HEADER = Header(channel_header=b"\xff").SerializeToString()

REFUSED_FOR_WHO_OR_WHEN = [
    pytest.param(forged, DENIED_TO_MEMBER, id="forged by a colleague: row 5"),
    pytest.param(forged_by_stranger, DENIED_TO_MEMBER, id="forged by a stranger: row 5"),
    pytest.param(altered, DENIED_TO_MEMBER, id="altered after signing: row 5"),
    pytest.param(without_signature, UNSIGNED, id="not signed: row 5"),
    pytest.param(with_high_s, DENIED_TO_MEMBER, id="the signature's other half: row 5"),
    pytest.param(revoked, DENIED_TO_MEMBER, id="by a revoked client: row 5"),
    pytest.param(expired, "proposal client identity expired", id="by an expired client: row 0"),
    pytest.param(by_stranger, DENIED, id="by an organisation that is not on the channel: row 4"),
    pytest.param(by_orderer, NO_WRITER, id="by an organisation that may not write: row 7"),
    pytest.param(made(-61), SKEWED, id="61 s behind the peer's clock: row 0"),
    pytest.param(made(+61), SKEWED, id="61 s ahead of the peer's clock: row 0"),
    pytest.param(made(-3600), SKEWED, id="an hour old: row 0"),
]

REFUSED_FOR_FORM = [
    pytest.param(spoiled(transaction_id="0" * 64), "incorrectly computed txid", id="a wrong id"),
    pytest.param(with_header(type=CONFIG_UPDATE), "invalid header type 2", id="a wrong type"),
    pytest.param(with_header(epoch=1), "epoch is non-zero", id="an epoch"),
    pytest.param(spoiled(nonce=b""), "nonce is empty", id="no nonce"),
    pytest.param(spoiled(creator_bytes=b""), "creator is empty", id="no creator"),
    pytest.param(spoiled(creator_bytes=b"me"), DENIED, id="a creator that is none"),
]

MALFORMED = [
    pytest.param(
        lambda _: SignedProposal(proposal_bytes=b"\xff"),
        "error unmarshalling Proposal",
        id="garbage for a proposal",
    ),
    pytest.param(
        spoiled(header_bytes=b"\xff"), "error unmarshalling Header", id="garbage for headers"
    ),
    pytest.param(
        spoiled(header_bytes=NO_CHANNEL_HEADER),
        "error unmarshalling ChannelHeader",
        id="garbage for a channel header",
    ),
    pytest.param(
        spoiled(payload=b"\xff"),
        "error unmarshalling ChaincodeProposalPayload",
        id="garbage for a payload",
    ),
    pytest.param(spoiled(chaincode=""), "ChaincodeId.Name is empty", id="no chaincode"),
]


@pytest.mark.parametrize(
    ("propose", "text"), REFUSED_FOR_WHO_OR_WHEN + REFUSED_FOR_FORM + MALFORMED
)
async def test_the_endorser_refuses_a_proposal(
    network: RefusalNetwork, propose: Propose, text: str
) -> None:  # §4
    answer = await process_proposal(network, propose(network))
    assert isinstance(answer, Failure), answer
    assert answer.code is UNKNOWN
    assert re.search(text, answer.text)


@pytest.mark.parametrize(("propose", "text"), REFUSED_FOR_WHO_OR_WHEN + REFUSED_FOR_FORM)
@pytest.mark.parametrize(
    ("method", "code"), [("Evaluate", FAILED_PRECONDITION), ("Endorse", ABORTED)]
)
async def test_the_gateway_passes_the_refusal_on(
    network: RefusalNetwork, method: str, code: grpc.StatusCode, propose: Propose, text: str
) -> None:  # §5.3
    answer = await gateway(network, method, proposed(method, propose(network)))
    assert isinstance(answer, Failure), answer
    assert answer.code is code
    (detail,) = answer.details
    assert re.search(text, detail)


def proposed(method: str, proposal: SignedProposal) -> EvaluateRequest | EndorseRequest:
    kind = EvaluateRequest if method == "Evaluate" else EndorseRequest
    return kind(proposed_transaction=proposal)


@pytest.mark.parametrize(("propose", "_"), MALFORMED)
@pytest.mark.parametrize("method", ["Evaluate", "Endorse"])
async def test_the_gateway_refuses_what_it_cannot_read(
    network: RefusalNetwork, method: str, propose: Propose, _: str
) -> None:  # §5.3
    answer = await gateway(network, method, proposed(method, propose(network)))
    assert isinstance(answer, Failure), answer
    assert answer.code is INVALID_ARGUMENT
    assert answer.text.startswith("failed to unpack transaction proposal: ")
    assert answer.details == ()


# --- what has been there before ---


async def replayed(network: RefusalNetwork) -> SignedProposal:
    """Return a proposal whose transaction is on the ledger."""
    transaction = await endorsed(network)
    await network.order(transaction.encoded())
    return transaction.proposal


async def test_the_endorser_refuses_a_replayed_proposal(network: RefusalNetwork) -> None:
    answer = await process_proposal(network, await replayed(network))  # §4, row 6
    assert isinstance(answer, Failure), answer
    assert answer.code is UNKNOWN
    creator = network.people.client.identity.hex()
    assert re.fullmatch(
        rf"duplicate transaction found \[[0-9a-f]{{64}}\]. Creator \[{creator}\]", answer.text
    )


@pytest.mark.parametrize(
    ("method", "code"), [("Evaluate", FAILED_PRECONDITION), ("Endorse", ABORTED)]
)
async def test_the_gateway_refuses_a_replayed_proposal(
    network: RefusalNetwork, method: str, code: grpc.StatusCode
) -> None:  # §5.3
    answer = await gateway(network, method, proposed(method, await replayed(network)))
    assert isinstance(answer, Failure), answer
    assert answer.code is code
    assert answer.details[0].startswith("duplicate transaction found")


# --- answers that are no failures of the call ---


@dataclass(frozen=True)
class Unfit:
    """A proposal that a peer answers without endorsing it: the status is in the answer."""

    propose: Propose
    message: str


@pytest.mark.parametrize(
    "unfit",
    [
        pytest.param(
            Unfit(elsewhere, "channel 'elsewhere' not found"), id="an unknown channel: row 2"
        ),
        pytest.param(
            Unfit(
                spoiled(chaincode="nothing"),
                f"make sure the chaincode nothing has been successfully defined on channel "
                f"{CHANNEL_ID} and try again: chaincode nothing not found",
            ),
            id="an unknown chaincode: row 8",
        ),
    ],
)
async def test_the_endorser_is_asked_for_a_chaincode_or_channel_that_is_not_there(
    network: RefusalNetwork, unfit: Unfit
) -> None:  # §4
    answer = await process_proposal(network, unfit.propose(network))
    assert isinstance(answer, ProposalResponse), answer
    assert (answer.response.status, answer.response.message) == (500, unfit.message)
    assert answer.payload == b""
    assert not answer.HasField("endorsement")


async def test_only_administrators_install_chaincode(network: RefusalNetwork) -> None:  # §8.3
    proposal = draft(network, channel_id="")
    proposal.chaincode, proposal.args = "_lifecycle", (b"InstallChaincode", b"")
    answer = await process_proposal(network, proposal.signed())
    assert isinstance(answer, ProposalResponse), answer
    assert answer.response.status == 500
    assert "satisfies local MSP principal" in answer.response.message


async def test_a_refusal_of_the_contract_is_an_answer_without_endorsement(
    network: RefusalNetwork,
) -> None:  # §4, the result rules
    answer = await process_proposal(network, spoiled(args=(b"burn", b"key"))(network))
    assert isinstance(answer, ProposalResponse), answer
    assert answer.response.status == 404
    assert answer.response.message.startswith("UNKNOWN_FUNCTION: ")
    assert answer.payload == b""
    assert not answer.HasField("endorsement")


@pytest.mark.parametrize(
    ("method", "code"), [("Evaluate", UNAVAILABLE), ("Endorse", FAILED_PRECONDITION)]
)
async def test_the_gateway_does_not_know_another_channel(
    network: RefusalNetwork, method: str, code: grpc.StatusCode
) -> None:  # §5.3
    answer = await gateway(network, method, proposed(method, elsewhere(network)))
    assert isinstance(answer, Failure), answer
    assert answer.code is code
    assert answer.details == ()


# --- sizes ---


async def test_an_oversized_call_is_refused(network: RefusalNetwork) -> None:
    oversized = spoiled(args=(b"write", b"key", bytes(11 * 1024 * 1024)))
    answer = await process_proposal(network, oversized(network))
    assert isinstance(answer, Failure), answer
    assert answer.code is UNKNOWN
    assert "at most 10485760 are allowed" in answer.text


@pytest.mark.parametrize("path", ["/protos.Endorser/ProcessProposal", "/gateway.Gateway/Evaluate"])
async def test_a_proposal_larger_than_a_message_may_be_is_refused(
    network: RefusalNetwork, path: str
) -> None:  # §1
    method = path.rpartition("/")[2]
    oversized = bytes(MAX_MESSAGE_BYTES + 1)
    answer = (
        await process_proposal(network, oversized)
        if method == "ProcessProposal"
        else await gateway(network, method, oversized)
    )
    assert isinstance(answer, Failure), answer
    assert answer.code is RESOURCE_EXHAUSTED


# --- what is not refused ---


async def test_a_colleague_of_somebody_revoked_is_served(network: RefusalNetwork) -> None:
    answer = await process_proposal(network, draft(network, network.people.colleague).signed())
    assert isinstance(answer, ProposalResponse), answer
    assert answer.response.status == 200


@pytest.mark.parametrize("offset_s", [-59, 0, +59])
async def test_a_clock_may_be_a_little_off(network: RefusalNetwork, offset_s: float) -> None:
    answer = await process_proposal(network, made(offset_s)(network))
    assert isinstance(answer, ProposalResponse), answer
    assert answer.response.status == 200
    assert answer.HasField("endorsement")
