"""Signatures made elsewhere, and the messages that carry things there and back (wire.md §5.1)."""

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
from tallystick.client.errors import MissingSignerError
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
