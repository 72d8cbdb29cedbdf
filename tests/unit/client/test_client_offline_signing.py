"""Signatures made elsewhere, and the messages that carry things there and back (wire.md §5.1)."""

from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import (
    Prehashed,
    decode_dss_signature,
    encode_dss_signature,
)
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from tests.unit.client.conftest import CHANNEL_ID, Authorities, Client, FakePeer

from tallystick.client import Gateway
from tallystick.client.checkpoint import Checkpoint, InMemoryCheckpointer
from tallystick.client.errors import EventStreamError, MissingSignerError
from tallystick.client.events_request import EventsRequest
from tallystick.client.network import Network
from tallystick.protos.common.common_pb2 import Envelope
from tallystick.protos.gateway import gateway_pb2
from tallystick.wire.errors import MalformedMessageError
from tallystick.wire.signing import is_low_s, verify

P256_ORDER = ec.SECP256R1().group_order


class FirmSigner:
    """Signs like a device that always gives the same signature, and the high one at that."""

    def __init__(self, key_pem: bytes) -> None:
        key = load_pem_private_key(key_pem, password=None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        self._key = key
        self._algorithm = ec.ECDSA(Prehashed(SHA256()), deterministic_signing=True)

    def sign_digest(self, digest: bytes) -> bytes:
        r, s = decode_dss_signature(self._key.sign(digest, self._algorithm))
        return encode_dss_signature(r, max(s, P256_ORDER - s))


@pytest.fixture
def device(authorities: Authorities) -> FirmSigner:
    """The private key, out of the client's reach."""
    return FirmSigner(authorities.user.key_pem)


def without_key(peer: FakePeer, client: Client) -> Gateway:
    return Gateway.over(peer, identity=client.identity, options=client.options())


async def test_signing_elsewhere_sends_the_same_bytes_as_signing_here(
    client: Client, device: FirmSigner
) -> None:
    online, offline = FakePeer(), FakePeer()
    here = Gateway.over(online, identity=client.identity, signer=device, options=client.options())
    await (
        here.network(CHANNEL_ID)
        .contract("token")
        .submit("transfer", 5, endorsing_organizations=["ATSMSP"])
    )

    gateway = without_key(offline, client)
    draft = (
        gateway.network(CHANNEL_ID)
        .contract("token")
        .new_proposal("transfer", 5, endorsing_organizations=["ATSMSP"])
    )
    proposal = gateway.proposal(draft.to_bytes())
    proposal.add_signature(device.sign_digest(proposal.digest))
    endorsed = await gateway.proposal(proposal.to_bytes()).endorse()
    transaction = gateway.transaction(endorsed.to_bytes())
    transaction.add_signature(device.sign_digest(transaction.digest))
    submitted = await gateway.transaction(transaction.to_bytes()).submit()
    commit = gateway.commit(submitted.to_bytes())
    commit.add_signature(device.sign_digest(commit.digest))
    status = await gateway.commit(commit.to_bytes()).status()

    assert status.is_valid
    assert transaction.result == b"result"
    assert offline.requests == online.requests


async def test_the_high_signature_of_a_device_is_turned_into_the_low_one(
    peer: FakePeer, client: Client, device: FirmSigner
) -> None:
    """§2: peers refuse a high s."""
    gateway = Gateway.over(peer, identity=client.identity, signer=device)

    await gateway.network(CHANNEL_ID).contract("token").evaluate("balance_of")

    [request] = peer.requests
    assert isinstance(request, gateway_pb2.EvaluateRequest)
    signed = request.proposed_transaction
    assert is_low_s(signed.signature, ec.SECP256R1())
    verify(client.identity.public_key, signed.signature, signed.proposal_bytes)


# Any: events of four types share a table
def request_for(kind: str, network: Network) -> EventsRequest[Any]:
    """Return an unsigned request for events of one kind."""
    match kind:
        case "chaincode":
            checkpoint = InMemoryCheckpointer(Checkpoint(block_number=4, transaction_id="a"))
            return network.new_chaincode_events_request("token", checkpoint=checkpoint)
        case "block":
            return network.new_block_events_request(start_block=4)
        case "filtered block":
            return network.new_filtered_block_events_request(start_block=4)
        case _:
            return network.new_block_and_private_data_events_request(start_block=4)


def request_in(kind: str, gateway: Gateway, data: bytes) -> EventsRequest[Any]:
    """Return the request for events of one kind that ``data`` holds."""
    readers: dict[str, Callable[[bytes], EventsRequest[Any]]] = {
        "chaincode": gateway.chaincode_events_request,
        "block": gateway.block_events_request,
        "filtered block": gateway.filtered_block_events_request,
        "block and private data": gateway.block_and_private_data_events_request,
    }
    return readers[kind](data)


KINDS: dict[str, type[gateway_pb2.SignedChaincodeEventsRequest] | type[Envelope]] = {
    "chaincode": gateway_pb2.SignedChaincodeEventsRequest,
    "block": Envelope,
    "filtered block": Envelope,
    "block and private data": Envelope,
}


@pytest.mark.parametrize("kind", KINDS)
async def test_events_can_be_asked_for_with_a_signature_made_elsewhere(
    client: Client, device: FirmSigner, kind: str
) -> None:
    """§5.6, §5.7: the message that travels is the one that a peer takes."""
    online, offline = FakePeer(streams_end=True), FakePeer(streams_end=True)
    here = Gateway.over(online, identity=client.identity, signer=device, options=client.options())
    gateway = without_key(offline, client)

    draft = request_for(kind, gateway.network(CHANNEL_ID)).to_bytes()
    assert not KINDS[kind].FromString(draft).signature
    request = request_in(kind, gateway, draft)
    request.add_signature(device.sign_digest(request.digest))
    carried = request_in(kind, gateway, request.to_bytes())

    for events in (carried.events(), request_for(kind, here.network(CHANNEL_ID)).events()):
        with pytest.raises(EventStreamError, match=f"of .*{CHANNEL_ID} broke off"):
            await anext(events)
    assert offline.requests == online.requests
    assert offline.requests == [KINDS[kind].FromString(carried.to_bytes())]


@pytest.mark.parametrize("kind", KINDS)
async def test_events_are_not_asked_for_unsigned(peer: FakePeer, client: Client, kind: str) -> None:
    request = request_for(kind, without_key(peer, client).network(CHANNEL_ID))

    with pytest.raises(MissingSignerError, match="add the signature"):
        await anext(request.events())

    assert not peer.requests


async def test_nothing_unsigned_is_sent(peer: FakePeer, client: Client) -> None:
    gateway = without_key(peer, client)
    proposal = gateway.network(CHANNEL_ID).contract("token").new_proposal("transfer")

    with pytest.raises(MissingSignerError, match="add the signature"):
        await proposal.endorse()

    assert not peer.requests


@pytest.mark.parametrize("kind", ["proposal", "transaction", "commit"])
def test_a_message_that_cannot_be_read_is_refused(
    peer: FakePeer, client: Client, kind: str
) -> None:
    gateway = without_key(peer, client)
    reader = {
        "proposal": gateway.proposal,
        "transaction": gateway.transaction,
        "commit": gateway.commit,
    }[kind]

    with pytest.raises(MalformedMessageError):
        reader(b"\xff")


@pytest.mark.parametrize("kind", KINDS)
def test_a_request_that_cannot_be_read_is_refused(
    peer: FakePeer, client: Client, kind: str
) -> None:
    """Both the message and what was signed in it."""
    gateway = without_key(peer, client)

    for data in (b"\xff", Envelope(payload=b"\xff").SerializeToString()):
        with pytest.raises(MalformedMessageError):
            request_in(kind, gateway, data)
