"""Which proposals an endorser signs, and how it fails the others (wire.md §4)."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from tests.scenarios.outcome import Outcome, State
from tests.unit.endorsement.conftest import (
    CHANNEL_ID,
    NOW_NS,
    SECOND_NS,
    World,
    transaction_id_of,
)
from tests.unit.reluctant_signer import ReluctantSigner

from tallystick.node.channel.config import ChannelConfig
from tallystick.node.endorsement.endorser import EndorserLimits
from tallystick.node.endorsement.errors import ProposalRefusedError
from tallystick.node.errors import LedgerError
from tallystick.node.ledger.simulator import Simulator
from tallystick.node.limits.errors import TooBusyError
from tallystick.node.limits.rates import ClientRates
from tallystick.node.membership.signing_identity import SigningIdentity
from tallystick.node.policies.evaluate import SignedData, valid_identities
from tallystick.node.settings import ClientRateSettings
from tallystick.protos.common.common_pb2 import (
    CONFIG,
    CONFIG_UPDATE,
    ENDORSER_TRANSACTION,
    ChannelHeader,
    Header,
    SignatureHeader,
)
from tallystick.protos.msp.identities_pb2 import SerializedIdentity
from tallystick.protos.peer.chaincode_event_pb2 import ChaincodeEvent
from tallystick.protos.peer.chaincode_pb2 import ChaincodeInvocationSpec, ChaincodeSpec
from tallystick.protos.peer.proposal_pb2 import (
    ChaincodeAction,
    ChaincodeHeaderExtension,
    ChaincodeProposalPayload,
    Proposal,
    SignedProposal,
)
from tallystick.protos.peer.proposal_response_pb2 import (
    ProposalResponse,
    ProposalResponsePayload,
    Response,
)
from tallystick.wire.envelope import ProposalArguments, proposal_hash
from tallystick.wire.txid import transaction_id


class Draft:
    """The parts of a proposal, for a test to spoil before they are encoded and signed."""

    def __init__(self, signed: SignedProposal) -> None:
        self.proposal = Proposal.FromString(signed.proposal_bytes)
        header = Header.FromString(self.proposal.header)
        self.channel_header = ChannelHeader.FromString(header.channel_header)
        self.signature_header = SignatureHeader.FromString(header.signature_header)

    def signed(self, signer: SigningIdentity) -> SignedProposal:
        header = Header(
            channel_header=self.channel_header.SerializeToString(),
            signature_header=self.signature_header.SerializeToString(),
        )
        self.proposal.header = header.SerializeToString()
        data = self.proposal.SerializeToString()
        return SignedProposal(proposal_bytes=data, signature=signer.sign(data))


async def refused(world: World, proposal: SignedProposal) -> str:
    """Return the text with which the call as such fails."""
    with pytest.raises(ProposalRefusedError) as caught:
        await world.one.endorser.process(proposal)
    return str(caught.value)


async def failed(world: World, proposal: SignedProposal) -> str:
    """Return the message of the response by which the peer says that it could not."""
    response = await world.one.endorser.process(proposal)
    assert response.response.status == 500
    assert not response.payload
    assert not response.HasField("endorsement")
    return response.response.message


async def spoiled(world: World, spoil: Callable[[Draft], object]) -> str:
    """Return why a proposal is refused after ``spoil``, signed by the client as it then is."""
    draft = Draft(world.call(b"put"))
    spoil(draft)
    return await refused(world, draft.signed(world.keys.organizations["OneMSP"].client))


def action_of(response: ProposalResponse) -> ChaincodeAction:
    return ChaincodeAction.FromString(
        ProposalResponsePayload.FromString(response.payload).extension
    )


async def test_a_peer_whose_key_does_not_sign_says_so_and_endorses_later(world: World) -> None:
    await world.define()
    world.one.signer = ReluctantSigner(world.one.signer, refusals=1)
    world.one.endorser = world.one.new_endorser()
    proposal = world.call(b"put")
    assert await failed(world, proposal) == "the token was taken out"
    assert (await world.one.endorser.process(proposal)).HasField("endorsement")


# --- row 0: limits, time and expiry ---


async def test_proposals_beyond_the_limit_are_refused_and_room_is_made_again(world: World) -> None:
    await world.define()
    endorser = world.one.endorser = world.one.new_endorser(EndorserLimits(concurrency=1))

    class Nested:
        refusal = ""

    async def nested(package_id: str, invocation: object) -> object:
        with pytest.raises(TooBusyError) as caught:
            await endorser.process(world.call(b"put"))
        Nested.refusal = str(caught.value)
        return await execute(package_id, invocation)  # type: ignore[arg-type]

    execute = world.one.runtime.execute
    world.one.runtime.execute = nested  # type: ignore[method-assign, assignment]
    assert (await endorser.process(world.call(b"put"))).response.status == 200
    assert Nested.refusal == (
        "too many requests for /protos.Endorser, exceeding concurrency limit (1);"
        " nothing was done: try again in 1 s"
    )
    world.one.runtime.execute = execute  # type: ignore[method-assign]
    assert (await endorser.process(world.call(b"put"))).response.status == 200


async def test_a_client_that_calls_too_often_is_refused_before_the_chaincode_runs(
    outcome: Outcome,
    world: World,
) -> None:
    await world.define()
    rates = ClientRates.on_loop(ClientRateSettings(calls_per_s=0.001, burst=2))
    endorser = world.one.endorser = world.one.new_endorser(rates=rates)
    forged = world.call(b"put")
    forged.signature = world.call(b"put").signature
    await refused(world, forged)  # and is not charged
    for _ in range(2):
        assert (await endorser.process(world.call(b"put"))).response.status == 200
    ran = len(world.one.runtime.invocations)
    with outcome.refuses(
        TooBusyError,
        leaves=State("no chaincode has run", lambda: len(world.one.runtime.invocations)),
        match="calls too often",
    ):
        await endorser.process(world.call(b"put"))
    assert len(world.one.runtime.invocations) == ran


@pytest.mark.parametrize("direction", [-1, 1])
async def test_a_clock_may_be_off_by_the_allowed_skew_and_not_by_more(
    world: World, direction: int
) -> None:
    await world.define()
    arguments = ProposalArguments(CHANNEL_ID, "token", (b"put",))
    edge = NOW_NS + direction * 60 * SECOND_NS
    response = await world.one.endorser.process(world.proposal(arguments, timestamp_ns=edge))
    assert response.response.status == 200
    text = await refused(world, world.proposal(arguments, timestamp_ns=edge + direction))
    assert text.startswith("request unauthorized due to incorrect timestamp 2026-08-01T")
    assert ", peer time 2026-08-01T12:00:00.000+00:00: they are 60.000 s apart" in text
    assert "allows 60 s" in text


async def test_a_time_beyond_all_calendars_is_refused_like_any_other(world: World) -> None:
    def spoil(draft: Draft) -> None:
        draft.channel_header.timestamp.seconds = 2**62

    assert "incorrect timestamp" in await spoiled(world, spoil)


async def test_the_client_s_certificate_must_not_have_expired(world: World) -> None:
    client = world.keys.organizations["OneMSP"].issue("client", timedelta(seconds=30))
    await world.define()
    arguments = ProposalArguments(CHANNEL_ID, "token", (b"put",))
    assert (
        await world.one.endorser.process(world.proposal(arguments, client))
    ).response.status == 200
    world.one.now_ns = NOW_NS + 31 * SECOND_NS
    text = await refused(world, world.proposal(arguments, client, world.one.now_ns))
    assert text == "proposal client identity expired"


# --- rows 1 to 3: form ---


@pytest.mark.parametrize(
    ("proposal_bytes", "layer"),
    [
        pytest.param(b"\xff", "Proposal", id="proposal"),
        pytest.param(Proposal(header=b"\xff").SerializeToString(), "Header", id="header"),
    ],
)
async def test_a_layer_that_cannot_be_read_is_named(
    world: World, proposal_bytes: bytes, layer: str
) -> None:
    text = await refused(world, SignedProposal(proposal_bytes=proposal_bytes))
    assert text.startswith(f"error unmarshalling {layer}: ")


def _no_chaincode(draft: Draft) -> None:
    draft.channel_header.extension = ChaincodeHeaderExtension().SerializeToString()


def _no_input(draft: Draft) -> None:
    spec = ChaincodeInvocationSpec(chaincode_spec=ChaincodeSpec())
    payload = ChaincodeProposalPayload(input=spec.SerializeToString())
    draft.proposal.payload = payload.SerializeToString()


def _wrong_type(draft: Draft) -> None:
    draft.channel_header.type = CONFIG_UPDATE


def _epoch(draft: Draft) -> None:
    draft.channel_header.epoch = 1


def _no_nonce(draft: Draft) -> None:
    draft.signature_header.nonce = b""


def _no_creator(draft: Draft) -> None:
    draft.signature_header.creator = b""


def _other_transaction_id(draft: Draft) -> None:
    draft.channel_header.tx_id = "ab"


@pytest.mark.parametrize(
    ("spoil", "start"),
    [
        pytest.param(
            _no_chaincode, "ChaincodeHeaderExtension.ChaincodeId.Name is empty", id="chaincode"
        ),
        pytest.param(_no_input, "chaincode input did not contain any input", id="input"),
        pytest.param(_wrong_type, "error validating proposal: invalid header type 2", id="type"),
        pytest.param(_epoch, "error validating proposal: epoch is non-zero", id="epoch"),
        pytest.param(_no_nonce, "error validating proposal: nonce is empty", id="nonce"),
        pytest.param(_no_creator, "error validating proposal: creator is empty", id="creator"),
        pytest.param(
            _other_transaction_id,
            "error validating proposal: incorrectly computed txid 'ab' -- expected '",
            id="transaction id",
        ),
    ],
)
async def test_a_proposal_of_the_wrong_form_is_refused(
    world: World, spoil: Callable[[Draft], object], start: str
) -> None:
    assert (await spoiled(world, spoil)).startswith(start)


async def test_a_proposal_may_be_of_type_config_too(world: World) -> None:
    await world.define()
    for header_type in (CONFIG, ENDORSER_TRANSACTION):
        draft = Draft(world.call(b"put"))
        draft.channel_header.type = header_type
        proposal = draft.signed(world.keys.organizations["OneMSP"].client)
        assert (await world.one.endorser.process(proposal)).response.status == 200


async def test_an_unknown_channel_is_a_failure_of_this_peer(world: World) -> None:
    proposal = world.proposal(ProposalArguments("other", "token", (b"put",)))
    assert await failed(world, proposal) == "channel 'other' not found"


# --- rows 4 to 7: the client ---


async def test_junk_for_a_creator_is_malformed(world: World) -> None:
    draft = Draft(world.call(b"put"))
    _become(draft, b"\xff")
    text = await refused(world, draft.signed(world.keys.organizations["OneMSP"].client))
    assert text == (
        "error validating proposal: access denied: channel [trades] creator org unknown, creator "
        "is malformed"
    )


@pytest.mark.parametrize("channel_id", [CHANNEL_ID, ""])
async def test_a_stranger_is_not_told_which_organisations_there_are(
    world: World, channel_id: str
) -> None:
    arguments = ProposalArguments(channel_id, "cscc", (b"GetChannels",))
    text = await refused(world, world.proposal(arguments, world.keys.outsider.client))
    assert text == (
        f"error validating proposal: access denied: channel [{channel_id}] creator org unknown, "
        "creator is malformed"
    )


async def test_another_organisation_cannot_call_the_peer_without_a_channel(world: World) -> None:
    other = world.keys.organizations["TwoMSP"].admin
    arguments = ProposalArguments("", "cscc", (b"GetChannels",))
    text = await refused(world, world.proposal(arguments, other))
    assert text.endswith("access denied: channel [] creator org unknown, creator is malformed")


async def test_a_certificate_that_no_ca_of_the_organisation_issued_is_refused(
    world: World,
) -> None:
    stranger = SerializedIdentity.FromString(world.keys.outsider.client.identity)
    stranger.mspid = "OneMSP"
    draft = Draft(world.call(b"put"))
    _become(draft, stranger.SerializeToString())
    text = await refused(world, draft.signed(world.keys.outsider.client))
    assert text.endswith("creator org unknown, creator is malformed")


async def test_a_certificate_that_its_organisation_does_not_stand_by_is_refused(
    world: World,
) -> None:
    unclassified = world.keys.organizations["OneMSP"].issue("visitor")
    arguments = ProposalArguments(CHANNEL_ID, "token", (b"put",))
    text = await refused(world, world.proposal(arguments, unclassified))
    assert text.endswith("access denied: channel [trades] creator org [OneMSP]")


async def test_a_bad_signature_is_refused(world: World) -> None:
    proposal = world.call(b"put")
    proposal.signature = world.keys.organizations["OneMSP"].admin.sign(proposal.proposal_bytes)
    text = await refused(world, proposal)
    assert text.endswith("access denied: channel [trades] creator org [OneMSP]")


async def test_a_proposal_without_a_signature_is_told_so(world: World) -> None:
    proposal = world.call(b"put")
    proposal.ClearField("signature")
    assert await refused(world, proposal) == "error validating proposal: empty signature bytes"


async def test_a_transaction_that_is_on_the_ledger_is_refused(world: World) -> None:
    await world.define()
    proposal = world.call(b"put")
    await world.submit(proposal, world.one)
    creator = world.keys.organizations["OneMSP"].client.identity.hex()
    assert await refused(world, proposal) == (
        f"duplicate transaction found [{transaction_id_of(proposal)}]. Creator [{creator}]"
    )


async def test_only_writers_may_call_chaincode(world: World) -> None:
    await world.define()
    peer = world.keys.organizations["OneMSP"].peer
    arguments = ProposalArguments(CHANNEL_ID, "token", (b"put",))
    assert await refused(world, world.proposal(arguments, peer)) == (
        "Failed evaluating policy on signed data during check policy on channel [trades] with "
        "policy [/Channel/Application/Writers]: [implicit policy evaluation failed - 0 "
        "sub-policies were satisfied, but this policy requires 1 of the 'Writers' sub-policies to "
        "be satisfied]"
    )


async def test_a_new_configuration_counts_at_once(world: World) -> None:
    await world.define()
    config = world.one.channel.config.config
    config_type = type(config)
    changed = config_type.FromString(config.SerializeToString())
    del changed.channel_group.groups["Application"].groups["OneMSP"]
    world.one.channel.config = ChannelConfig.from_config(CHANNEL_ID, changed)
    text = await refused(world, world.call(b"put"))
    assert text.endswith("creator org unknown, creator is malformed")


@pytest.mark.parametrize(
    ("args", "text"),
    [
        pytest.param(
            (b"put", b"a", b"b"), "the call has 3 arguments; at most 2 are allowed", id="many"
        ),
        pytest.param(
            (b"put", b"123456789"),
            "the arguments of the call have 12 bytes; at most 10 are allowed",
            id="large",
        ),
    ],
)
async def test_too_many_or_too_large_arguments_are_refused(
    world: World, args: tuple[bytes, ...], text: str
) -> None:
    limits = EndorserLimits(max_arguments=2, max_arguments_bytes=10)
    world.one.endorser = world.one.new_endorser(limits)
    assert await refused(world, world.call(*args)) == text


# --- row 8: the chaincode ---

UNDEFINED = "make sure the chaincode {} has been successfully defined on channel {} and try again: "


async def test_a_chaincode_must_be_defined(world: World) -> None:
    text = await failed(world, world.call(b"put"))
    assert text == UNDEFINED.format("token", CHANNEL_ID) + "chaincode token not found"


async def test_a_chaincode_belongs_to_a_channel(world: World) -> None:
    proposal = world.proposal(ProposalArguments("", "token", (b"put",)))
    text = await failed(world, proposal)
    assert text == UNDEFINED.format("token", "") + "chaincode token not found"


async def test_the_own_organisation_must_have_approved_a_package(world: World) -> None:
    await world.define()
    response = await world.two.endorser.process(world.call(b"put"))
    assert response.response.message == (
        UNDEFINED.format("token", CHANNEL_ID)
        + "chaincode definition for 'token' at sequence 1 on channel 'trades' has not yet been "
        "approved by this org, or was approved without a package"
    )


async def test_the_approved_package_must_be_installed(world: World) -> None:
    await world.define()
    (installed,) = world.one.packages.list()
    for path in (world.directory / "OneMSP" / "packages").iterdir():
        path.unlink()
    text = await failed(world, world.call(b"put"))
    assert text == (
        UNDEFINED.format("token", CHANNEL_ID)
        + "chaincode definition for 'token' exists, but chaincode is not installed: install "
        f"package {installed.package_id} on this peer"
    )


# --- row 9: the simulation ---


async def test_a_simulation_that_breaks_is_a_failure_of_this_peer(world: World) -> None:
    await world.define()

    def fail(_: Simulator) -> None:
        raise LedgerError("chaincode stream terminated")

    world.one.runtime.act = fail
    proposal = world.call(b"put")
    text = await failed(world, proposal)
    assert text == (
        "error in simulation: failed to execute transaction "
        f"{transaction_id_of(proposal)}: chaincode stream terminated"
    )
    assert text.endswith("chaincode stream terminated"), "by which gateways know the case"


async def test_the_chaincode_is_told_what_the_client_asked_for(world: World) -> None:
    await world.define()
    proposal = world.call(b"put", b"\xff", transient={"secret": b"s"})
    await world.one.endorser.process(proposal)
    ((package_id, invocation),) = world.one.runtime.invocations
    assert package_id == world.one.packages.list()[0].package_id
    assert list(invocation.args) == [b"put", b"\xff"]
    assert invocation.transient == {"secret": b"s"}
    with pytest.raises(KeyError):
        invocation.transient["absent"]  # a protobuf map would say b""
    assert invocation.creator == world.keys.organizations["OneMSP"].client.identity
    assert invocation.channel_id == CHANNEL_ID
    assert invocation.chaincode == invocation.entry_chaincode == "token"
    assert invocation.transaction_id == transaction_id_of(proposal)
    assert invocation.timestamp_ns == NOW_NS
    assert invocation.signed_proposal == proposal


# --- the results ---


@pytest.mark.parametrize(
    ("status", "payload", "is_endorsed"),
    [
        pytest.param(200, True, True, id="200"),
        pytest.param(399, True, True, id="399"),
        pytest.param(400, False, False, id="400"),
        pytest.param(499, False, False, id="499"),
        pytest.param(500, True, False, id="500"),
        pytest.param(501, True, False, id="501"),
    ],
)
async def test_the_status_decides_what_is_signed(
    world: World, status: int, *, payload: bool, is_endorsed: bool
) -> None:
    """§4, the result rules; §19 item 15."""
    await world.define()
    world.one.runtime.response = Response(status=status, message="said", payload=b"result")
    world.one.runtime.event = ChaincodeEvent(event_name="happened")
    response = await world.one.endorser.process(world.call(b"put"))
    assert response.response == world.one.runtime.response
    assert bool(response.payload) == payload
    assert response.HasField("endorsement") == is_endorsed
    assert response.HasField("interest") == is_endorsed
    assert response.version == (1 if is_endorsed else 0)
    if payload:
        action = action_of(response)
        assert action.response == response.response
        assert bool(action.events) == is_endorsed, "only what is endorsed has events"


async def test_the_endorsement_signs_payload_and_endorser(world: World) -> None:
    """§2."""
    await world.define()
    response = await world.one.endorser.process(world.call(b"put"))
    endorsement = response.endorsement
    assert endorsement.endorser == world.one.signer.identity
    signed = SignedData(
        endorsement.endorser, response.payload + endorsement.endorser, endorsement.signature
    )
    two = world.two
    assert len(valid_identities([signed], two.channel.config.msps, two.checker)) == 1


async def test_the_own_endorsement_need_not_be_verified_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.define()
    response = await world.one.endorser.process(world.call(b"put"))
    endorsement = response.endorsement
    identity = world.one.channel.config.msps.endorser(endorsement.endorser)

    def verify(*_: object) -> None:
        raise AssertionError("the signature was verified")

    monkeypatch.setattr(type(identity), "verify", verify)
    message = response.payload + endorsement.endorser
    assert world.one.checker.good(identity, message, endorsement.signature)


async def test_the_payload_ties_the_action_to_the_proposal(world: World) -> None:
    """§3.2, §3.3: transient data takes no part in the hash."""
    await world.define()
    proposal = world.call(b"put", transient={"secret": b"s"})
    response = await world.one.endorser.process(proposal)
    draft = Proposal.FromString(proposal.proposal_bytes)
    header = Header.FromString(draft.header)
    payload = ProposalResponsePayload.FromString(response.payload)
    assert payload.proposal_hash == proposal_hash(
        header.channel_header, header.signature_header, draft.payload
    )
    action = action_of(response)
    assert (action.chaincode_id.name, action.chaincode_id.version) == ("token", "1.0")
    assert action.events == b""


async def test_the_event_is_said_to_come_from_the_called_chaincode(world: World) -> None:
    """§3.3."""
    await world.define()
    world.one.runtime.event = ChaincodeEvent(
        chaincode_id="someone else", tx_id="another", event_name="moved", payload=b"p"
    )
    proposal = world.call(b"put")
    response = await world.one.endorser.process(proposal)
    assert ChaincodeEvent.FromString(action_of(response).events) == ChaincodeEvent(
        chaincode_id="token",
        tx_id=transaction_id_of(proposal),
        event_name="moved",
        payload=b"p",
    )


def _become(draft: Draft, creator: bytes) -> None:
    """Make ``creator`` the creator of a draft, with the transaction id that follows."""
    draft.signature_header.creator = creator
    draft.channel_header.tx_id = transaction_id(draft.signature_header.nonce, creator)
