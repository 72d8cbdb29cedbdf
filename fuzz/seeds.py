"""Writes the beginning of each corpus: messages of a network that lived for a moment.

`python -m fuzz.seeds` replaces them, the channel on which targets decode among them. What fuzzing
has added stays, though signatures in it are not good any more.
"""

import asyncio
import gzip
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from google.protobuf.message import Message

from fuzz.context import GENESIS
from fuzz.target import CORPUS
from fuzz.targets.snapshots import in_one, metadata_of
from tallystick.chaincode.package import build_package, build_package_of
from tallystick.node.channel.config import BatchParameters, ChannelConfig
from tallystick.node.channel.config_delta import compute_update
from tallystick.node.channel.config_edits import with_batch
from tallystick.node.channel.config_signing import unsigned_update, with_signature
from tallystick.node.cluster.topology import Topology
from tallystick.node.ledger.committed import results_of_entry
from tallystick.node.ledger.varint import uvarint
from tallystick.node.ordering.etcd.records import compressed, in_parts, whole
from tallystick.node.testing.local_network import LocalNetwork
from tallystick.protos.common.common_pb2 import Block, Envelope, SignatureHeader
from tallystick.protos.gateway.gateway_pb2 import ChaincodeEventsRequest, CommitStatusRequest
from tallystick.protos.ledger.snapshot_record_pb2 import SnapshotRecord
from tallystick.protos.msp.identities_pb2 import SerializedIdentity
from tallystick.protos.orderer.ab_pb2 import SeekNewest, SeekOldest, SeekPosition
from tallystick.protos.peer import chaincode_shim_pb2 as shim
from tallystick.protos.peer.collection_pb2 import (
    CollectionConfig,
    CollectionConfigPackage,
    CollectionPolicyConfig,
    StaticCollectionConfig,
)
from tallystick.protos.peer.policy_pb2 import ApplicationPolicy
from tallystick.protos.peer.proposal_pb2 import SignedProposal
from tallystick.protos.peer.proposal_response_pb2 import ProposalResponse, Response
from tallystick.protos.peer.snapshot_pb2 import SignedSnapshotRequest, SnapshotRequest
from tallystick.protos.tallystick.endorsement_pb2 import ProposalAnswered, ProposalAsked, Refusal
from tallystick.protos.tallystick.ordered_log_pb2 import LogRecord, OrderedBatch
from tallystick.protos.tallystick.private_data_pb2 import Push, Request
from tallystick.wire.envelope import ProposalArguments, build_deliver_seek, build_proposal
from tallystick.wire.messages import decode
from tallystick.wire.policies import parse_policy
from tallystick.wire.signing import Signer

ONE: Final = ec.derive_private_key(1, ec.SECP256R1())
ROOT: Final = Path(__file__).parents[1]
BANK: Final = "BankMSP"
RULE: Final = "OutOf(1, 'BankMSP.peer', AND('BankMSP.admin', 'ClearingMSP.client'))"
NONCE: Final = bytes(range(24))
NOW_NS: Final = 1_790_000_000_000_000_000
TOPOLOGY: Final = Topology.model_validate({
    "channel": {"id": "securities"},
    "organizations": [
        {
            "msp_id": BANK,
            "domain": "bank.example",
            "peers": [{"name": "peer0", "port": 7051, "operations_port": 7052}],
        },
        {
            "msp_id": "OrdererMSP",
            "domain": "orderer.example",
            "orderers": [{"name": "orderer0", "port": 7050, "operations_port": 7060}],
        },
    ],
    "chaincodes": [
        {
            "name": "keyvalue",
            "entry": "bench.keyvalue:KeyValueContract",
            "source": str(ROOT),
            "endorsement": "OR('BankMSP.peer')",
        }
    ],
})  # fmt: skip
CONNECTION: Final = {
    "address": "chaincode.example:9999",
    "dial_timeout": "1m30s",
    "tls_required": True,
    "client_auth_required": True,
    "client_key": "key",
    "client_cert": "certificate",
    "root_cert": "root",
}


async def network_seeds() -> Mapping[str, bytes]:
    """Return what a network of one bank and one orderer says, by ``target/name``."""
    async with LocalNetwork(TOPOLOGY) as network:
        await network.contract(BANK, "keyvalue", user="admin").submit("put", "key", "value")
        ledger = network.peers[BANK].channels[network.channel_id].ledger
        blocks = [ledger.read_bytes(number) for number in range(ledger.height)]
        package = build_package("keyvalue_1", "bench.keyvalue:KeyValueContract", ROOT)
        signer = network.user(BANK)
        return {
            "package/python": package,
            **_requests(signer, decode(Block, blocks[0])),
            **_ledger(blocks),
            **_identities(signer, blocks[0]),
        }


def _requests(signer: Signer, genesis: Block) -> dict[str, bytes]:
    call = ProposalArguments("securities", "keyvalue", [b"put", b"key", b"value"], {"t": b"secret"})
    built = build_proposal(call, creator=signer.identity, nonce=NONCE, timestamp_ns=NOW_NS)
    proposal = SignedProposal(
        proposal_bytes=built.proposal_bytes, signature=signer.sign(built.proposal_bytes)
    ).SerializeToString()
    config = ChannelConfig.from_block(genesis).config
    wanted = with_batch(config, BatchParameters(max_message_count=7))
    update = with_signature(
        unsigned_update(compute_update("securities", config, wanted)),
        signer,
        new_nonce=lambda: NONCE,
        now_ns=NOW_NS,
    )
    seek = build_deliver_seek(
        "securities",
        SeekPosition(oldest=SeekOldest()),
        SeekPosition(newest=SeekNewest()),
        signer=signer,
        timestamp_ns=NOW_NS,
    )
    return {
        "proposal/put": proposal,
        "gateway_proposal/put": proposal,
        "proposal_asked/put": ProposalAsked(
            number=7, proposal=decode(SignedProposal, proposal)
        ).SerializeToString(),
        "config_update/batch": update.SerializeToString(),
        "envelope/config_update": update.SerializeToString(),
        "deliver/all": seek.SerializeToString(),
    }


def _ledger(blocks: list[bytes]) -> dict[str, bytes]:
    entry = decode(Block, blocks[-1]).data.data[0]
    payload = decode(Envelope, entry).payload
    batch = OrderedBatch(previous_hash=bytes(32), envelopes=[entry])
    content = b"".join(compressed(batch))
    parts = -(-len(content) // 512)
    as_before = LogRecord(batch=batch.SerializeToString())
    push = Request(channel_id="securities", push=Push(private_results=results_of_entry(entry)))
    return {
        "block/genesis": blocks[0],
        "block/last": blocks[-1],
        "envelope/transaction": entry,
        "transaction/put": entry,
        "transaction/config": decode(Block, blocks[0]).data.data[0],
        "result/put": payload,
        "rwset/put": results_of_entry(entry),
        "etcd/batch": as_before.SerializeToString(),
        "etcd/compressed": whole(content),
        "etcd/parts": in_parts(content, 1, parts),
        "private_data/push": push.SerializeToString(),
    }


def _identities(signer: Signer, genesis: bytes) -> dict[str, bytes]:
    config = ChannelConfig.from_block(decode(Block, genesis)).config
    bank = config.channel_group.groups["Application"].groups[BANK]
    certificate = decode(SerializedIdentity, signer.identity).id_bytes
    return {
        "identity/admin": signer.identity,
        "endorser/admin": signer.identity,
        "caller/admin": signer.identity,
        "certificate/admin": certificate,
        "revocation_list/nobody": _revocation_list().public_bytes(Encoding.PEM),
        "private_key/one": ONE.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        "msp_config/bank": bank.values["MSP"].value,
        "signature/admin": signer.sign(b"message"),
    }


def _revocation_list() -> x509.CertificateRevocationList:
    day = datetime(2026, 1, 1, tzinfo=UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "ca.bank.example")])
    revoked = x509.RevokedCertificateBuilder().serial_number(7).revocation_date(day).build()
    builder = x509.CertificateRevocationListBuilder(name, day, day, [], [revoked])
    return builder.sign(ONE, SHA256())


def message_seeds() -> Mapping[str, bytes]:
    """Return messages that need no network, by ``target/name``."""
    policy = parse_policy(RULE)
    collection = StaticCollectionConfig(
        name="prices",
        member_orgs_policy=CollectionPolicyConfig(
            signature_policy=parse_policy("OR('BankMSP.member')")
        ),
        maximum_peer_count=1,
        block_to_live=5,
        endorsement_policy=ApplicationPolicy(signature_policy=policy),
    )
    collections = CollectionConfigPackage(
        config=[CollectionConfig(static_collection_config=collection)]
    )
    reference = ApplicationPolicy(channel_config_policy_reference="/Channel/Application/Writers")
    connection = json.dumps(CONNECTION).encode()
    package = build_package_of("ccaas", "dialled", {"connection.json": connection})
    return {
        **_peer_message_seeds(),
        "snapshot/values": _snapshot(collections.SerializeToString()),
        "snapshot_metadata/files": metadata_of(
            dict.fromkeys(("txids.data", "txids.metadata"), 64 * "0")
        ).signable(),
        "policy_text/nested": RULE.encode(),
        "signature_policy/nested": policy.SerializeToString(),
        "endorsement_policy/key": policy.SerializeToString(),
        "endorsement_policy/reference": reference.SerializeToString(),
        "collections/prices": collections.SerializeToString(),
        "connection/tls": connection,
        "package/ccaas": package,
        "archive/ccaas": gzip.decompress(package),
        "source/contract": (ROOT / "bench" / "keyvalue.py").read_bytes(),
        "chaincode_messages/calls": _chaincode_messages(),
        "arguments/transfer": b"transfer\0NORTH\0alice\0bob\x00100",
        "event/transfer": b'{"events":[{"type":"Transfer","version":1,"data":{"units":3}}]}',
        "failure_details/status": b"\x08\x0a\x12\x07aborted",
    }


def _snapshot(collections: bytes) -> bytes:
    """Return a snapshot with a value, the hash of a private one, a transaction and a definition."""
    first = b"\x01\x01\x00"
    config = SnapshotRecord(key=b"CHANNEL_CONFIG_ENV_BYTES", value=b"config", version=first)
    value = SnapshotRecord(key=b"key", value=b"value", version=b"\x01\x07\x01\x02")
    hashed = SnapshotRecord(key=bytes(32), value=bytes(32), version=first)
    return in_one(
        {
            "public_state.data": _strings(config, value),
            "public_state.metadata": b"\x01\x02\x00\x01\x08keyvalue\x01",
            "private_state_hashes.data": _strings(hashed),
            "private_state_hashes.metadata": b"\x01\x01\x11keyvalue$$hprices\x01",
            "txids.data": b"\x01\x02ab",
            "txids.metadata": b"\x01\x01",
            "confighistory.data": b"\x01\x01k" + uvarint(len(collections)) + collections,
            "confighistory.metadata": b"\x01\x01",
        }
    )


def _strings(*records: SnapshotRecord) -> bytes:
    encoded = [record.SerializeToString() for record in records]
    return b"\x01" + b"".join(uvarint(len(each)) + each for each in encoded)


def _peer_message_seeds() -> dict[str, bytes]:
    creator = SignatureHeader(creator=b"\n\x07BankMSP", nonce=NONCE)
    snapshot = SnapshotRequest(signature_header=creator, channel_id="securities", block_number=3)
    events = ChaincodeEventsRequest(
        identity=b"bank",
        channel_id="securities",
        chaincode_id="keyvalue",
        start_position=SeekPosition(oldest=SeekOldest()),
    )
    response = ProposalResponse(response=Response(status=200, payload=b"value"))
    messages: dict[str, Message] = {
        "proposal_answered/response": ProposalAnswered(number=7, response=response),
        "proposal_answered/refusal": ProposalAnswered(
            number=7, refusal=Refusal(code=2, details="no such channel")
        ),
        "snapshot_request/third": SignedSnapshotRequest(
            request=snapshot.SerializeToString(), signature=b"signature"
        ),
        "gateway_request/status": CommitStatusRequest(
            transaction_id="ab", channel_id="securities", identity=b"bank"
        ),
        "gateway_request/events": events,
    }
    return {name: message.SerializeToString() for name, message in messages.items()}


def _chaincode_messages() -> bytes:
    kind = shim.ChaincodeMessage
    sent = (
        (kind.GET_STATE, shim.GetState(key="key")),
        (kind.PUT_STATE, shim.PutState(key="key", value=b"value")),
        (kind.GET_STATE_BY_RANGE, shim.GetStateByRange(startKey="a", endKey="z")),
        (kind.PUT_STATE, shim.PutState(key="key", value=b"value", collection="c")),
        (kind.DEL_STATE, shim.DelState(key="key")),
        (kind.GET_HISTORY_FOR_KEY, shim.GetHistoryForKey(key="key")),
        (kind.GET_STATE_METADATA, shim.GetStateMetadata(key="key")),
        (kind.WRITE_BATCH_STATE, shim.WriteBatchState(rec=[shim.WriteRecord(key="key")])),
    )
    messages = [
        shim.ChaincodeMessage(
            type=number, payload=payload.SerializeToString(), txid="t1", channel_id="ch"
        ).SerializeToString()
        for number, payload in sent
    ]
    return b"".join(len(message).to_bytes(2) + message for message in messages)


def text_seeds() -> Mapping[str, bytes]:
    """Return requests and files in text, by ``target/name``."""
    form = (
        b'--x\r\nContent-Disposition: form-data; name="config-block"; filename="b"\r\n\r\n'
        b"block\r\n--x--\r\n"
    )
    head = b"Content-Type: multipart/form-data; boundary=x\r\nContent-Length: %d\r\n\r\n"
    examples = ROOT / "examples" / "operations"
    return {
        "operations/health": b"GET /healthz HTTP/1.1\r\nHost: node\r\n\r\n",
        "operations/logspec": b'PUT /logspec HTTP/1.1\r\nContent-Length: 15\r\n\r\n{"spec":"info"}',
        "participation/join": b"POST /participation/v1/channels HTTP/1.1\r\n"
        + head % len(form)
        + form,
        "peer_settings/example": (examples / "peer.toml").read_bytes(),
        "orderer_settings/example": (examples / "orderer.toml").read_bytes(),
        "msp_settings/units": b"NodeOUs:\n  Enable: true\n  PeerOUIdentifier:\n"
        b"    Certificate: cacerts/ca.pem\n    OrganizationalUnitIdentifier: peer\n",
        "topology/small": b'[channel]\nid = "securities"\n[[organizations]]\nmsp_id = "BankMSP"\n'
        b'domain = "bank.example"\npeers = [{name = "peer0", port = 7051, operations_port = 7052}]',
        "backup_manifest/peer": b'{"address":"localhost:7051","files":'
        b'{"data/chaincode/notes.tar.gz":"e3b0"},"format":1,"kind":"peer","msp_id":"BankMSP","taken_at":'
        b'"2026-11-29T06:52:10+00:00","version":"0.1.0"}',
        "profile/file": b'{"channel":"c","msp_id":"BankMSP","gateway":"a:1","tls_ca":"ca.pem",'
        b'"certificate":"c.pem","key":"k.pem"}',
        "checkpoint/file": b'{"block_number":3,"transaction_id":"ab"}',
        "proof/file": b'{"schema_name":"tallystick-proof-1","transaction_id":"ab","block":"",'
        b'"statement":""}',
    }


def main() -> None:
    """Write all seeds."""
    GENESIS.parent.mkdir(parents=True, exist_ok=True)
    seeds = {**asyncio.run(network_seeds()), **message_seeds(), **text_seeds()}
    for name, content in seeds.items():
        path = CORPUS / f"{name}.bin"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


if __name__ == "__main__":
    main()
