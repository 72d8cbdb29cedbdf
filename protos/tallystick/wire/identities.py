"""How an identity is written, and the hashes made from it. Source: wire.md §2."""

from tallystick.protos.msp.identities_pb2 import SerializedIdentity
from tallystick.wire.hashing import sha256


def serialize_identity(msp_id: str, certificate_pem: bytes) -> bytes:
    """Return ``msp.SerializedIdentity`` bytes: what creator and endorser fields hold.

    The PEM is taken as it is. A trailing newline is part of the identity, since transaction ids
    are hashes of these bytes.
    """
    return SerializedIdentity(mspid=msp_id, id_bytes=certificate_pem).SerializeToString()


def pki_id(msp_id: str, certificate_pem: bytes) -> bytes:
    """Return the 32-byte id by which peers refer to one another."""
    return sha256(msp_id.encode() + certificate_pem)


def binding(nonce: bytes, creator: bytes, epoch: int = 0) -> bytes:
    """Return the hash that ties chaincode-level credentials to one proposal."""
    return sha256(nonce + creator + epoch.to_bytes(8, "little"))
