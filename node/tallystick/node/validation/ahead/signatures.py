"""Which signatures of a block are good. Pure, and independent of any channel's configuration.

Who made a signature is a fact that no configuration changes. Whether an organisation stands by the
signer is asked when the block is validated.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from google.protobuf.message import DecodeError

from tallystick.node.membership.certificates import load_certificate
from tallystick.node.membership.errors import CertificateError
from tallystick.node.membership.signature_checker import MAX_IDENTITY_BYTES
from tallystick.node.policies.evaluate import SignedData
from tallystick.protos.common.common_pb2 import Block, Envelope, Payload, SignatureHeader
from tallystick.protos.msp.identities_pb2 import SerializedIdentity
from tallystick.protos.peer.transaction_pb2 import ChaincodeActionPayload, Transaction
from tallystick.protos.tallystick.checked_signatures_pb2 import CheckedSignatures
from tallystick.wire.errors import WireError
from tallystick.wire.hashing import sha256
from tallystick.wire.signing import verify_digest


def good_signatures(block: Block) -> CheckedSignatures:
    """Return the good signatures of ``block``, as far as they were made with elliptic-curve keys.

    What is left out is not bad for that: whoever validates the block checks it again.
    """
    checked = CheckedSignatures()
    places: dict[bytes, int] = {}
    for entry in block.data.data:
        for signed in signatures_of(entry):
            digest = sha256(signed.message)
            if _is_good(signed, digest):
                checked.good.add(
                    identity=places.setdefault(signed.identity, len(places)),
                    digest=digest,
                    signature=signed.signature,
                )
    checked.identities.extend(places)
    return checked


def signatures_of(entry: bytes) -> Iterator[SignedData]:
    """Yield who signed an entry of a block: its creator, then each endorser, once.

    What cannot be read ends it: there the validator stops as well.
    """
    try:
        envelope = Envelope.FromString(entry)
        payload = Payload.FromString(envelope.payload)
        creator = SignatureHeader.FromString(payload.header.signature_header).creator
        yield SignedData(creator, envelope.payload, envelope.signature)
        for action in Transaction.FromString(payload.data).actions:
            endorsed = ChaincodeActionPayload.FromString(action.payload).action
            seen: set[bytes] = set()
            for each in endorsed.endorsements:
                if each.endorser not in seen:
                    seen.add(each.endorser)
                    message = endorsed.proposal_response_payload + each.endorser
                    yield SignedData(each.endorser, message, each.signature)
    except DecodeError:
        return


def _is_good(signed: SignedData, digest: bytes) -> bool:
    key = key_of(signed.identity)
    if key is None:
        return False
    try:
        verify_digest(key, signed.signature, digest)
    except WireError:
        return False
    return True


def key_of(serialized: bytes) -> EllipticCurvePublicKey | None:
    """Return the key in ``SerializedIdentity`` bytes; None if there is none of this kind.

    It is read once, and kept unless the identity is padded.
    """
    if len(serialized) > MAX_IDENTITY_BYTES:
        return _read_key(serialized)
    return kept_key_of(serialized)


def _read_key(serialized: bytes) -> EllipticCurvePublicKey | None:
    try:
        certificate = load_certificate(SerializedIdentity.FromString(serialized).id_bytes)
        key = certificate.public_key()
    except (DecodeError, CertificateError, ValueError, UnsupportedAlgorithm):
        return None
    return key if isinstance(key, EllipticCurvePublicKey) else None


kept_key_of: Final = lru_cache(maxsize=4_096)(_read_key)
"""Does what `_read_key` does, once for each identity."""
