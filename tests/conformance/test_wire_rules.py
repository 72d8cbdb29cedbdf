"""The ledger that a whole network leaves, held against wire.md with code that knows only wire.md.

Nothing of `tallystick` is used to check but the generated messages: hashes, DER, signatures and the
net changes of blocks are worked out here a second time.
"""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from tallystick.contracts.register.models import SecurityTerms
from tallystick.node.committer import ChannelStorage, open_channel
from tallystick.node.ledger.memory import MemoryStore
from tallystick.node.membership.signature_checker import SignatureChecker
from tallystick.node.observability.metrics import PeerMetrics
from tallystick.node.testing import LocalNetwork
from tallystick.protos.common.common_pb2 import (
    CONFIG,
    Block,
    ChannelHeader,
    Envelope,
    LastConfig,
    Metadata,
    OrdererBlockMetadata,
    Payload,
    SignatureHeader,
)
from tallystick.protos.common.ledger_pb2 import BlockchainInfo
from tallystick.protos.ledger.rwset.kvrwset.kv_rwset_pb2 import HashedRWSet, KVRWSet
from tallystick.protos.ledger.rwset.rwset_pb2 import TxReadWriteSet
from tallystick.protos.ledger.txmgr.updates_pb2 import Updates
from tallystick.protos.msp.identities_pb2 import SerializedIdentity
from tallystick.protos.peer.proposal_pb2 import ChaincodeAction, ChaincodeProposalPayload
from tallystick.protos.peer.proposal_response_pb2 import ProposalResponsePayload
from tallystick.protos.peer.transaction_pb2 import (
    DUPLICATE_TXID,
    ENDORSEMENT_POLICY_FAILURE,
    VALID,
    ChaincodeActionPayload,
    ChaincodeEndorsedAction,
    Transaction,
)

HALF_ORDER = 0x7FFFFFFF800000007FFFFFFFFFFFFFFFDE737D56D38BCF4279DCE5617E3192A8
REPLAYED = "ATSMSP"


@dataclass(frozen=True, slots=True)
class Chain:
    """What a network left behind, and the codes that its clients were told.

    Attributes:
        blocks: The blocks of each peer, by its MSP id.
        info: What the peer whose ledger is replayed says about it.
        told: The code of each transaction that the test submitted, by its id.
        submitted_twice: Id of the transaction that was.
        endorsed_by_one: Id of the transaction whose client left out an endorser.
    """

    blocks: dict[str, list[Block]]
    info: BlockchainInfo
    told: dict[str, int]
    submitted_twice: str
    endorsed_by_one: str


@dataclass(frozen=True, slots=True)
class Entry:
    """A transaction, taken apart."""

    code: int
    block_number: int
    index: int
    envelope: Envelope
    payload: Payload
    channel_header: ChannelHeader
    signature_header: SignatureHeader
    proposal: bytes
    endorsed: ChaincodeEndorsedAction
    response: ProposalResponsePayload
    action: ChaincodeAction

    @property
    def results(self) -> TxReadWriteSet:
        return TxReadWriteSet.FromString(self.action.results)


async def leave_a_chain() -> Chain:
    async with LocalNetwork() as network:
        token = network.contract("TransferAgentMSP", "token")
        told: dict[str, int] = {}

        def creation(security: str) -> SecurityTerms:
            return SecurityTerms(security=security, name="Acme", issuer="IssuerMSP")

        twice = await token.new_proposal("create_security", creation("ACME")).endorse()
        for _ in range(2):
            commit = await twice.submit()
            told[twice.transaction_id] = (await commit.status()).code
        lonely = await token.new_proposal(
            "create_security",
            creation("LONELY"),
            endorsing_organizations=["TransferAgentMSP"],
        ).endorse()
        told[lonely.transaction_id] = (await (await lonely.submit()).status()).code

        ledgers = {
            msp_id: peer.channels[network.channel_id].ledger
            for msp_id, peer in network.peers.items()
        }
        height = max(ledger.height for ledger in ledgers.values())
        for peer in network.peers.values():
            await peer.channels[network.channel_id].watch.wait_for(height)
        return Chain(
            blocks={
                msp_id: [ledger.block(number) for number in range(height)]
                for msp_id, ledger in ledgers.items()
            },
            info=ledgers[REPLAYED].info(),
            told=told,
            submitted_twice=twice.transaction_id,
            endorsed_by_one=lonely.transaction_id,
        )


@pytest.fixture(scope="module")
def chain() -> Chain:
    return asyncio.run(leave_a_chain())


@pytest.fixture(scope="module")
def blocks(chain: Chain) -> list[Block]:
    return chain.blocks[REPLAYED]


@pytest.fixture(scope="module")
def entries(blocks: list[Block]) -> list[Entry]:
    return [
        taken_apart(block, index) for block in blocks[1:] for index in range(len(block.data.data))
    ]


def taken_apart(block: Block, index: int) -> Entry:
    envelope = Envelope.FromString(block.data.data[index])
    payload = Payload.FromString(envelope.payload)
    (transaction_action,) = Transaction.FromString(payload.data).actions
    assert transaction_action.header == payload.header.signature_header, "§3.4"
    action_payload = ChaincodeActionPayload.FromString(transaction_action.payload)
    response = ProposalResponsePayload.FromString(action_payload.action.proposal_response_payload)
    return Entry(
        code=block.metadata.metadata[2][index],
        block_number=block.header.number,
        index=index,
        envelope=envelope,
        payload=payload,
        channel_header=ChannelHeader.FromString(payload.header.channel_header),
        signature_header=SignatureHeader.FromString(payload.header.signature_header),
        proposal=action_payload.chaincode_proposal_payload,
        endorsed=action_payload.action,
        response=response,
        action=ChaincodeAction.FromString(response.extension),
    )


def der(tag: int, content: bytes) -> bytes:
    assert len(content) < 128
    return bytes((tag, len(content))) + content


def header_bytes(block: Block) -> bytes:
    number = block.header.number
    integer = number.to_bytes(number.bit_length() // 8 + 1, "big")
    hashes = (block.header.previous_hash, block.header.data_hash)
    return der(0x30, der(0x02, integer) + b"".join(der(0x04, one) for one in hashes))


def verify(identity: bytes, message: bytes, signature: bytes) -> None:
    """Fail unless the certificate in ``identity`` signed ``message``, with the lower s."""
    pem = SerializedIdentity.FromString(identity).id_bytes
    key = x509.load_pem_x509_certificate(pem).public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    key.verify(signature, message, ec.ECDSA(SHA256()))
    assert decode_dss_signature(signature)[1] <= HALF_ORDER


def varint(number: int) -> bytes:
    assert number < 128
    return bytes((number,))


def ordered(number: int) -> bytes:
    minimal = number.to_bytes((number.bit_length() + 7) // 8, "big")
    return bytes((len(minimal),)) + minimal


def update_bytes(block: Block) -> bytes:
    """Return the net changes of a block none of whose transactions touches metadata."""
    changes: dict[tuple[str, str, bytes], tuple[bytes, bytes]] = {}
    for index in range(len(block.data.data)):
        entry = taken_apart(block, index)
        if entry.code != VALID:
            continue
        version = ordered(block.header.number) + ordered(index)
        for namespace, collection, key, value in written(entry):
            changes[namespace, collection, key] = (value, version)
    updates = Updates()
    before = ("", "")
    for (namespace, collection, key), (value, version) in sorted(changes.items()):
        updates.kvwrites.add(
            namespace=namespace if namespace != before[0] else "",
            collection=collection if (namespace, collection) != before else "",
            key=key,
            isDelete=not value,
            value=value,
            version_bytes=version,
        )
        before = (namespace, collection)
    return updates.SerializeToString()


def written(entry: Entry) -> Iterator[tuple[str, str, bytes, bytes]]:
    for namespace in entry.results.ns_rwset:
        for write in KVRWSet.FromString(namespace.rwset).writes:
            yield namespace.namespace, "", write.key.encode(), write.value
        for collection in namespace.collection_hashed_rwset:
            name = collection.collection_name
            for hashed in HashedRWSet.FromString(collection.hashed_rwset).hashed_writes:
                yield namespace.namespace, name, hashed.key_hash, hashed.value_hash


def test_blocks_are_numbered_linked_and_hashed(blocks: list[Block]) -> None:
    """§11."""
    previous_hash = b""
    for number, block in enumerate(blocks):
        assert block.header.number == number
        assert block.header.previous_hash == previous_hash
        assert block.header.data_hash == sha256(b"".join(block.data.data)).digest()
        previous_hash = sha256(header_bytes(block)).digest()


def test_the_ledger_says_where_it_stands(chain: Chain, blocks: list[Block]) -> None:
    """§13, ledger info."""
    assert chain.info.height == len(blocks)
    assert chain.info.currentBlockHash == sha256(header_bytes(blocks[-1])).digest()
    assert chain.info.previousBlockHash == blocks[-1].header.previous_hash


def test_every_block_has_five_slots_and_knows_the_last_configuration(blocks: list[Block]) -> None:
    """§7.3, §11, §19 item 2."""
    for block in blocks:
        slots = block.metadata.metadata
        assert len(slots) == 5
        value = OrdererBlockMetadata.FromString(Metadata.FromString(slots[0]).value)
        assert value.HasField("last_config")
        assert value.last_config == LastConfig(index=0)
        assert Metadata.FromString(slots[1]).value == LastConfig(index=0).SerializeToString()
        assert not slots[3]


def test_the_first_block_is_unsigned(blocks: list[Block]) -> None:
    """§15.3."""
    assert blocks[0].metadata.metadata[0].hex() == "0a020a00"
    assert not blocks[0].metadata.metadata[1]
    envelope = Envelope.FromString(blocks[0].data.data[0])
    header = Payload.FromString(envelope.payload).header
    channel_header = ChannelHeader.FromString(header.channel_header)
    signature_header = SignatureHeader.FromString(header.signature_header)
    assert (envelope.signature, signature_header.creator) == (b"", b"")
    assert (channel_header.type, channel_header.version, channel_header.epoch) == (CONFIG, 1, 0)
    assert channel_header.tx_id == sha256(signature_header.nonce).hexdigest()


def test_the_orderer_signs_metadata_and_header(blocks: list[Block]) -> None:
    """§2, §7.3, §19 item 1."""
    for block in blocks[1:]:
        metadata = Metadata.FromString(block.metadata.metadata[0])
        (signed,) = metadata.signatures
        creator = SignatureHeader.FromString(signed.signature_header).creator
        message = metadata.value + signed.signature_header + header_bytes(block)
        verify(creator, message, signed.signature)


def test_commit_hashes_chain_flags_and_changes(blocks: list[Block]) -> None:
    """§11: from block 1 on."""
    assert not blocks[0].metadata.metadata[4]
    commit_hash = b""
    for block in blocks[1:]:
        flags = block.metadata.metadata[2]
        assert len(flags) == len(block.data.data), "§19 item 19"
        commit_hash = sha256(
            varint(len(flags)) + flags + update_bytes(block) + commit_hash
        ).digest()
        assert Metadata.FromString(block.metadata.metadata[4]).value == commit_hash


def test_a_transaction_is_tied_to_its_proposal(entries: list[Entry]) -> None:
    """§2, §3.1, §3.2, §3.4, §19 items 5 and 6."""
    for entry in entries:
        header = entry.payload.header
        nonce, creator = entry.signature_header.nonce, entry.signature_header.creator
        assert (len(nonce), entry.channel_header.type) == (24, 3)
        assert entry.channel_header.tx_id == sha256(nonce + creator).hexdigest()
        assert not ChaincodeProposalPayload.FromString(entry.proposal).TransientMap
        hashed = header.channel_header + header.signature_header + entry.proposal
        assert entry.response.proposal_hash == sha256(hashed).digest()
        verify(creator, entry.envelope.payload, entry.envelope.signature)


def test_endorsers_sign_the_result_and_themselves(entries: list[Entry]) -> None:
    """§2, §3.3."""
    for entry in entries:
        endorsements = entry.endorsed.endorsements
        assert endorsements
        assert len({one.endorser for one in endorsements}) == len(endorsements), "§3.4"
        for one in endorsements:
            message = entry.endorsed.proposal_response_payload + one.endorser
            verify(one.endorser, message, one.signature)
        assert entry.action.chaincode_id.version, "§19 item 3"


def test_read_write_sets_are_in_order_and_show_the_hidden_reads(entries: list[Entry]) -> None:
    """§10."""
    for entry in entries:
        namespaces = {one.namespace: one for one in entry.results.ns_rwset}
        assert list(namespaces) == sorted(namespaces)
        for namespace in namespaces.values():
            rwset = KVRWSet.FromString(namespace.rwset)
            for keys in ([one.key for one in rwset.reads], [one.key for one in rwset.writes]):
                assert keys == sorted(set(keys))
        lifecycle = KVRWSet.FromString(namespaces["_lifecycle"].rwset)
        ran = [name for name in namespaces if name != "_lifecycle"]
        if entry.action.chaincode_id.name != "_lifecycle":
            hidden = [f"namespaces/fields/{name}/Sequence" for name in ran]
            assert [one.key for one in lifecycle.reads] == hidden


def test_a_commit_writes_the_five_keys_of_a_definition(entries: list[Entry]) -> None:
    """§16."""
    fields = ("Collections", "EndorsementInfo", "Sequence", "ValidationInfo")
    commits = [
        [write.key for write in KVRWSet.FromString(namespace.rwset).writes]
        for entry in entries
        for namespace in entry.results.ns_rwset
        if namespace.namespace == "_lifecycle" and KVRWSet.FromString(namespace.rwset).writes
    ]
    assert sorted(commits) == [
        [
            *[f"namespaces/fields/{name}/{field}" for field in fields],
            f"namespaces/metadata/{name}",
        ]
        for name in ("cash", "identity", "settlement", "token")
    ]


def test_the_same_envelope_is_valid_once(chain: Chain, entries: list[Entry]) -> None:
    """§12, and §5.5: the first occurrence is the one that counts."""
    codes = [one.code for one in entries if one.channel_header.tx_id == chain.submitted_twice]
    assert codes == [VALID, DUPLICATE_TXID]
    assert chain.told[chain.submitted_twice] == VALID


def test_a_missing_endorsement_shows_only_at_the_commit(chain: Chain, entries: list[Entry]) -> None:
    """§5.3, §12, §19 item 25."""
    codes = [one.code for one in entries if one.channel_header.tx_id == chain.endorsed_by_one]
    assert codes == [ENDORSEMENT_POLICY_FAILURE]
    assert chain.told[chain.endorsed_by_one] == ENDORSEMENT_POLICY_FAILURE


def test_all_peers_have_the_same_blocks_and_verdicts(chain: Chain) -> None:
    """§11, §18.2: equal flags and commit hashes, or the state has forked."""
    stored = [[block.SerializeToString() for block in blocks] for blocks in chain.blocks.values()]
    assert len(stored) == 3
    assert all(blocks == stored[0] for blocks in stored)


async def test_a_peer_that_replays_the_blocks_reaches_the_same_commit_hashes(
    blocks: list[Block], tmp_path: Path
) -> None:
    """§18.5: from what the orderer serves, which has slots 2 to 4 empty (§6)."""
    storage = ChannelStorage(tmp_path, MemoryStore())
    served = [as_the_orderer_serves(block) for block in blocks]
    channel = await open_channel(
        served[0],
        storage,
        msp_id="TransferAgentMSP",
        checker=SignatureChecker(),
        metrics=PeerMetrics(),
    )
    for block in served[1:]:
        await channel.commit(block)
    replayed = [channel.ledger.block(number) for number in range(len(blocks))]
    assert replayed == blocks


def as_the_orderer_serves(block: Block) -> Block:
    served = Block()
    served.CopyFrom(block)
    for slot in (2, 3, 4):
        served.metadata.metadata[slot] = b""
    return served
