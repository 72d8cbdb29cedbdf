"""Proposals, transactions and deliver requests: wire.md §3 and §6."""

from dataclasses import dataclass, replace

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from tallystick.protos.common.common_pb2 import (
    ChannelHeader,
    Envelope,
    Header,
    HeaderType,
    Payload,
    SignatureHeader,
)
from tallystick.protos.orderer.ab_pb2 import SeekInfo, SeekNewest, SeekPosition, SeekSpecified
from tallystick.protos.peer.chaincode_pb2 import ChaincodeInvocationSpec
from tallystick.protos.peer.proposal_pb2 import (
    ChaincodeAction,
    ChaincodeHeaderExtension,
    ChaincodeProposalPayload,
    Proposal,
)
from tallystick.protos.peer.proposal_response_pb2 import (
    Endorsement,
    ProposalResponsePayload,
    Response,
)
from tallystick.protos.peer.transaction_pb2 import (
    ChaincodeActionPayload,
    Transaction,
    TransactionAction,
)
from tallystick.wire import envelope as wire
from tallystick.wire import signing
from tallystick.wire.errors import MalformedMessageError
from tallystick.wire.hashing import sha256
from tallystick.wire.messages import decode, timestamp_to_ns
from tallystick.wire.txid import NONCE_SIZE, transaction_id

CREATOR = b"serialized identity"
NONCE = bytes(range(NONCE_SIZE))
NOW_NS = 1_790_000_000_123_456_789
ARGUMENTS = wire.ProposalArguments("trades", "token", [b"transfer", b"ACME", b"100"])
SECRET = {"price": b"12.50", "buyer": b"fund 7"}
RESULT = ProposalResponsePayload(
    proposal_hash=b"hash",
    extension=ChaincodeAction(response=Response(status=200, payload=b"ok")).SerializeToString(),
).SerializeToString()
ENDORSEMENTS = [
    Endorsement(endorser=b"peer 1", signature=b"first"),
    Endorsement(endorser=b"peer 2", signature=b"second"),
]


@dataclass(frozen=True)
class KeySigner:
    key: ec.EllipticCurvePrivateKey
    identity: bytes = CREATOR

    def sign(self, message: bytes) -> bytes:
        return signing.sign(self.key, message)


SIGNER = KeySigner(ec.derive_private_key(0x7A11, ec.SECP256R1()))


def build(arguments: wire.ProposalArguments = ARGUMENTS) -> wire.BuiltProposal:
    return wire.build_proposal(arguments, creator=CREATOR, nonce=NONCE, timestamp_ns=NOW_NS)


def proposal_of(arguments: wire.ProposalArguments = ARGUMENTS) -> Proposal:
    return decode(Proposal, build(arguments).proposal_bytes)


def action_payload_of(transaction_payload: bytes) -> ChaincodeActionPayload:
    transaction = decode(Transaction, decode(Payload, transaction_payload).data)
    assert len(transaction.actions) == 1
    return decode(ChaincodeActionPayload, transaction.actions[0].payload)


# --- proposals ---


def test_a_proposal_carries_the_headers_of_an_endorser_transaction() -> None:
    """§3.1."""
    header = decode(Header, proposal_of().header)
    channel_header = decode(ChannelHeader, header.channel_header)
    signature_header = decode(SignatureHeader, header.signature_header)
    extension = decode(ChaincodeHeaderExtension, channel_header.extension)
    assert channel_header.type == HeaderType.ENDORSER_TRANSACTION
    assert (channel_header.version, channel_header.epoch) == (0, 0)
    assert channel_header.channel_id == "trades"
    assert timestamp_to_ns(channel_header.timestamp) == NOW_NS
    assert extension.chaincode_id.name == "token"
    assert (signature_header.creator, signature_header.nonce) == (CREATOR, NONCE)


def test_the_transaction_id_follows_from_nonce_and_creator() -> None:
    """§2."""
    channel_header = decode(ChannelHeader, decode(Header, proposal_of().header).channel_header)
    assert build().transaction_id == transaction_id(NONCE, CREATOR) == channel_header.tx_id


@pytest.mark.parametrize("is_init", [False, True])
def test_a_proposal_carries_the_invocation(*, is_init: bool) -> None:
    """§3.1."""
    payload = decode(
        ChaincodeProposalPayload, proposal_of(replace(ARGUMENTS, is_init=is_init)).payload
    )
    specification = decode(ChaincodeInvocationSpec, payload.input).chaincode_spec
    assert specification.chaincode_id.name == "token"
    assert list(specification.input.args) == ARGUMENTS.args
    assert specification.input.is_init is is_init


def test_transient_data_travels_in_the_proposal() -> None:
    payload = proposal_of(replace(ARGUMENTS, transient=SECRET)).payload
    assert dict(decode(ChaincodeProposalPayload, payload).TransientMap) == SECRET


def test_equal_arguments_make_equal_bytes_whatever_the_order_of_transient_keys() -> None:
    """§1: maps have no canonical order of their own."""
    reordered = dict(reversed(SECRET.items()))
    first, second = (build(replace(ARGUMENTS, transient=keys)) for keys in (SECRET, reordered))
    assert first == second


# --- what is hashed ---


def test_stripping_keeps_the_input_and_nothing_else() -> None:
    """§3.2: unknown fields go as well, since Fabric writes the message anew."""
    payload = ChaincodeProposalPayload(input=b"input", TransientMap=SECRET)
    unknown = bytes.fromhex("7a0161")
    stripped = wire.strip_transient(payload.SerializeToString() + unknown)
    assert stripped == ChaincodeProposalPayload(input=b"input").SerializeToString()
    assert wire.strip_transient(stripped) == stripped


def test_proposal_hash_covers_the_header_bytes_as_they_arrived() -> None:
    """§3.2: an unusual encoding of a header is hashed as it is."""
    channel_header = bytes.fromhex("08838000")  # type 3 in a varint of three bytes
    digest = wire.proposal_hash(channel_header, b"signature header", b"")
    assert digest == sha256(channel_header + b"signature header")


def test_proposal_hash_of_something_else_is_refused() -> None:
    with pytest.raises(MalformedMessageError, match="ChaincodeProposalPayload"):
        wire.proposal_hash(b"", b"", b"\x0a\xff")


# --- transactions ---


def test_a_transaction_wraps_the_proposal_and_its_result() -> None:
    """§3.4."""
    built = build(replace(ARGUMENTS, transient=SECRET))
    proposal = decode(Proposal, built.proposal_bytes)
    transaction_payload = wire.build_transaction_payload(built.proposal_bytes, RESULT, ENDORSEMENTS)
    payload = decode(Payload, transaction_payload)
    action = decode(Transaction, payload.data).actions[0]
    action_payload = action_payload_of(transaction_payload)
    assert payload.header == decode(Header, proposal.header)
    assert action.header == payload.header.signature_header
    assert action_payload.chaincode_proposal_payload == wire.strip_transient(proposal.payload)
    assert action_payload.action.proposal_response_payload == RESULT
    assert list(action_payload.action.endorsements) == ENDORSEMENTS


def test_no_transient_value_reaches_the_transaction() -> None:
    """§19 item 5."""
    built = build(replace(ARGUMENTS, transient=SECRET))
    payload = wire.build_transaction_payload(built.proposal_bytes, RESULT, ENDORSEMENTS)
    assert SECRET["price"] in built.proposal_bytes
    assert all(value not in payload for value in SECRET.values())


def test_an_endorser_counts_once_and_its_first_endorsement_stays() -> None:
    """§3.4."""
    again = Endorsement(endorser=b"peer 1", signature=b"another")
    payload = wire.build_transaction_payload(build().proposal_bytes, RESULT, [*ENDORSEMENTS, again])
    assert list(action_payload_of(payload).action.endorsements) == ENDORSEMENTS


def test_header_bytes_pass_from_proposal_to_transaction_unchanged() -> None:
    """§19 item 6: decoding the channel header and encoding it again would change these bytes."""
    header = Header(channel_header=bytes.fromhex("08838000"), signature_header=b"\x12\x00")
    proposal = Proposal(header=header.SerializeToString()).SerializeToString()
    payload = decode(Payload, wire.build_transaction_payload(proposal, RESULT, ENDORSEMENTS))
    assert payload.header.channel_header == header.channel_header
    assert payload.header.signature_header == header.signature_header


def test_an_envelope_is_signed_over_its_payload() -> None:
    """§2."""
    envelope = wire.signed_envelope(b"payload", SIGNER)
    assert envelope.payload == b"payload"
    signing.verify(SIGNER.key.public_key(), envelope.signature, b"payload")


# --- taking apart ---


def test_the_result_of_a_transaction_can_be_read_back() -> None:
    """§5.1: a client finds its result in the envelope that it is asked to sign."""
    payload = wire.build_transaction_payload(build().proposal_bytes, RESULT, ENDORSEMENTS)
    assert wire.chaincode_action_of(payload).response.payload == b"ok"


@pytest.mark.parametrize("count", [0, 2])
def test_a_transaction_without_exactly_one_action_is_refused(count: int) -> None:
    """§3.4."""
    data = Transaction(actions=[TransactionAction()] * count).SerializeToString()
    with pytest.raises(MalformedMessageError, match=f"it has {count} actions"):
        wire.chaincode_action_of(Payload(data=data).SerializeToString())


def test_the_channel_header_of_an_envelope_can_be_read() -> None:
    payload = wire.build_transaction_payload(build().proposal_bytes, RESULT, ENDORSEMENTS)
    channel_header = wire.channel_header_of(Envelope(payload=payload))
    assert channel_header.tx_id == build().transaction_id


@pytest.mark.parametrize(
    ("payload", "message_type"),
    [
        (b"\xff", "common.Payload"),
        (
            Payload(header=Header(channel_header=b"\xff")).SerializeToString(),
            "common.ChannelHeader",
        ),
    ],
)
def test_an_unreadable_layer_is_named(payload: bytes, message_type: str) -> None:
    with pytest.raises(MalformedMessageError) as caught:
        wire.channel_header_of(Envelope(payload=payload))
    assert caught.value.message_type == message_type


# --- deliver requests ---


def test_a_deliver_request_is_signed_and_needs_no_nonce() -> None:
    """§6 and §19 item 7."""
    start = SeekPosition(specified=SeekSpecified(number=7))
    stop = SeekPosition(specified=SeekSpecified(number=wire.FOREVER_BLOCK_NUMBER))
    request = wire.build_deliver_seek("trades", start, stop, signer=SIGNER, timestamp_ns=NOW_NS)
    signing.verify(SIGNER.key.public_key(), request.signature, request.payload)
    channel_header = wire.channel_header_of(request)
    payload = decode(Payload, request.payload)
    signature_header = decode(SignatureHeader, payload.header.signature_header)
    seek = decode(SeekInfo, payload.data)
    assert channel_header.type == HeaderType.DELIVER_SEEK_INFO
    assert (channel_header.channel_id, channel_header.tx_id) == ("trades", "")
    assert timestamp_to_ns(channel_header.timestamp) == NOW_NS
    assert (signature_header.creator, signature_header.nonce) == (CREATOR, b"")
    assert (seek.start, seek.stop) == (start, stop)
    assert seek.behavior == SeekInfo.BLOCK_UNTIL_READY


def test_a_position_of_an_empty_message_is_still_a_position() -> None:
    """§6: start and stop must both be set, and newest is a message without fields."""
    newest = SeekPosition(newest=SeekNewest())
    request = wire.build_deliver_seek("trades", newest, newest, signer=SIGNER, timestamp_ns=NOW_NS)
    seek = decode(SeekInfo, decode(Payload, request.payload).data)
    assert seek.start.WhichOneof("Type") == seek.stop.WhichOneof("Type") == "newest"


def test_any_other_payload_carries_the_given_nonce() -> None:
    header = ChannelHeader(type=HeaderType.CONFIG_UPDATE, channel_id="trades")
    payload = decode(Payload, wire.build_payload(header, b"data", creator=CREATOR, nonce=NONCE))
    signature_header = decode(SignatureHeader, payload.header.signature_header)
    assert decode(ChannelHeader, payload.header.channel_header) == header
    assert (signature_header.creator, signature_header.nonce) == (CREATOR, NONCE)
    assert payload.data == b"data"
