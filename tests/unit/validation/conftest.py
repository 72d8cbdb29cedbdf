"""A small channel with real identities, and transactions on it that can be spoiled at any layer."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import cast

import pytest

from tallystick.node.channel.config import BatchParameters, ChannelConfig
from tallystick.node.channel.config_delta import compute_update
from tallystick.node.channel.config_edits import with_batch
from tallystick.node.channel.config_signing import unsigned_update, with_signature
from tallystick.node.channel.config_update import authorize
from tallystick.node.channel.genesis import (
    ApplicationOrganization,
    ChannelProfile,
    Endpoint,
    OrdererOrganization,
    build_genesis_block,
)
from tallystick.node.ledger.memory import MemoryStore
from tallystick.node.ledger.rwset import Metadata, encode_metadata
from tallystick.node.ledger.rwset_builder import ReadWriteSetBuilder
from tallystick.node.ledger.state import LedgerState, UpdateBatch, state_entries
from tallystick.node.ledger.version import Version
from tallystick.node.membership.ca import CertificateAuthority, CertificateRequest
from tallystick.node.membership.certificates import to_pem
from tallystick.node.membership.signature_checker import SignatureChecker
from tallystick.node.membership.signing_identity import SigningIdentity
from tallystick.node.policies.parser import parse_policy
from tallystick.node.validation.validator import Validator
from tallystick.protos.common.common_pb2 import (
    CONFIG,
    ENDORSER_TRANSACTION,
    Block,
    BlockData,
    BlockHeader,
    ChannelHeader,
    Envelope,
    Header,
    Payload,
    SignatureHeader,
)
from tallystick.protos.common.configtx_pb2 import Config, ConfigEnvelope
from tallystick.protos.ledger.rwset.kvrwset.kv_rwset_pb2 import KVMetadataEntry
from tallystick.protos.msp.msp_config_pb2 import (
    FabricMSPConfig,
    FabricNodeOUs,
    FabricOUIdentifier,
    MSPConfig,
)
from tallystick.protos.peer.chaincode_pb2 import ChaincodeID
from tallystick.protos.peer.collection_pb2 import CollectionConfigPackage
from tallystick.protos.peer.policy_pb2 import ApplicationPolicy
from tallystick.protos.peer.proposal_pb2 import (
    ChaincodeAction,
    ChaincodeHeaderExtension,
    ChaincodeProposalPayload,
)
from tallystick.protos.peer.proposal_response_pb2 import (
    Endorsement,
    ProposalResponsePayload,
    Response,
)
from tallystick.protos.peer.transaction_pb2 import (
    ChaincodeActionPayload,
    ChaincodeEndorsedAction,
    Transaction,
    TransactionAction,
    TxValidationCode,
)
from tallystick.wire.hashing import sha256
from tallystick.wire.txid import transaction_id

NOW = datetime(2026, 1, 1, tzinfo=UTC)
CHANNEL_ID = "trades"
CHAINCODE = "token"
ORGANIZATIONS = ("OneMSP", "TwoMSP", "ThreeMSP")


@dataclass
class Draft:
    """A transaction that is not encoded yet. A value of None is computed from the others.

    ``spoil`` is called with the whole draft first; the ``..._bytes`` replace what would be there.
    """

    creator: SigningIdentity
    endorsers: list[SigningIdentity]
    nonce: bytes
    results: bytes = b""
    chaincode: str = CHAINCODE
    header: ChannelHeader = field(default_factory=ChannelHeader)
    extension: ChaincodeHeaderExtension = field(default_factory=ChaincodeHeaderExtension)
    action: ChaincodeAction = field(default_factory=ChaincodeAction)
    proposal_payload: bytes = ChaincodeProposalPayload(input=b"call").SerializeToString()
    proposal_hash: bytes | None = None
    action_count: int = 1
    header_bytes: bytes | None = None
    signature_header_bytes: bytes | None = None
    action_header_bytes: bytes | None = None
    action_bytes: bytes | None = None
    action_payload_bytes: bytes | None = None
    data: bytes | None = None
    payload_bytes: bytes | None = None
    signature: bytes | None = None

    def envelope(self) -> bytes:
        signature_header = SignatureHeader(creator=self.creator.identity, nonce=self.nonce)
        header = Header(
            channel_header=_or(self.header_bytes, self.header.SerializeToString()),
            signature_header=_or(self.signature_header_bytes, signature_header.SerializeToString()),
        )
        data = _or(self.data, self._transaction(header))
        payload = _or(self.payload_bytes, Payload(header=header, data=data).SerializeToString())
        signature = _or(self.signature, self.creator.sign(payload))
        return Envelope(payload=payload, signature=signature).SerializeToString()

    def _transaction(self, header: Header) -> bytes:
        action_header = _or(self.action_header_bytes, header.signature_header)
        digest = sha256(header.channel_header + action_header + self.proposal_payload)
        response = ProposalResponsePayload(
            proposal_hash=_or(self.proposal_hash, digest),
            extension=_or(self.action_bytes, self.action.SerializeToString()),
        ).SerializeToString()
        payload = ChaincodeActionPayload(
            chaincode_proposal_payload=self.proposal_payload,
            action=ChaincodeEndorsedAction(
                proposal_response_payload=response,
                endorsements=[
                    Endorsement(endorser=one.identity, signature=one.sign(response + one.identity))
                    for one in self.endorsers
                ],
            ),
        ).SerializeToString()
        action = TransactionAction(
            header=action_header, payload=_or(self.action_payload_bytes, payload)
        )
        return Transaction(actions=[action] * self.action_count).SerializeToString()


def _or(given: bytes | None, computed: bytes) -> bytes:
    return computed if given is None else given


class Definitions:
    """Chaincode definitions that a test fills in."""

    def __init__(self) -> None:
        self.policies: dict[str, bytes] = {}
        self.packages: dict[str, CollectionConfigPackage] = {}

    def validation_policy(self, namespace: str) -> bytes | None:
        return self.policies.get(namespace)

    def collections(self, namespace: str) -> CollectionConfigPackage | None:
        return self.packages.get(namespace)

    def define(self, chaincode: str, policy: str) -> None:
        """Define a chaincode by the path, or the rule, of its endorsement policy."""
        self.policies[chaincode] = application_policy(policy).SerializeToString()


def application_policy(policy: str) -> ApplicationPolicy:
    if policy.startswith("/"):
        return ApplicationPolicy(channel_config_policy_reference=policy)
    return ApplicationPolicy(signature_policy=parse_policy(policy))


class Organization:
    """A CA and the identities that the tests need."""

    def __init__(self, msp_id: str) -> None:
        self.msp_id = msp_id
        self._authority = CertificateAuthority.create(f"ca.{msp_id}", msp_id, now=NOW)
        self.peer = self.issue("peer")
        self.client = self.issue("client")
        self.orderer = self.issue("orderer")
        self.admin = self.issue("admin")

    def issue(self, role: str) -> SigningIdentity:
        request = CertificateRequest(
            common_name=f"{role}.{self.msp_id}", organizational_units=(role,)
        )
        pair = self._authority.issue(request, now=NOW)
        return SigningIdentity.from_pem(self.msp_id, pair.certificate_pem, pair.key_pem)

    def msp(self) -> MSPConfig:
        units = {
            f"{role}_ou_identifier": FabricOUIdentifier(organizational_unit_identifier=role)
            for role in ("client", "peer", "admin", "orderer")
        }
        config = FabricMSPConfig(
            name=self.msp_id,
            root_certs=[to_pem(self._authority.certificate)],
            fabric_node_ous=FabricNodeOUs(enable=True, **units),
        )
        return MSPConfig(config=config.SerializeToString())


class Network:
    """The channel and everybody on it. Made once: keys and certificates cost time."""

    def __init__(self) -> None:
        self.organizations = {msp_id: Organization(msp_id) for msp_id in ORGANIZATIONS}
        self.orderer = Organization("OrdererMSP")
        self.outsider = Organization("OutsiderMSP")
        self.genesis = build_genesis_block(
            ChannelProfile(
                channel_id=CHANNEL_ID,
                application=tuple(
                    ApplicationOrganization(one.msp_id, one.msp())
                    for one in self.organizations.values()
                ),
                orderers=(
                    OrdererOrganization(
                        "OrdererMSP", self.orderer.msp(), (Endpoint("orderer.test", 7050),)
                    ),
                ),
            ),
            nonce=bytes(24),
            timestamp_ns=0,
        )
        self.channel = ChannelConfig.from_block(self.genesis)
        self._drafts = 0

    def peer(self, number: int) -> SigningIdentity:
        return self.organizations[ORGANIZATIONS[number - 1]].peer

    def draft(
        self,
        results: bytes = b"",
        *,
        endorsers: tuple[int, ...] = (1, 2),
        chaincode: str = CHAINCODE,
    ) -> Draft:
        """Return a transaction that is in order, endorsed by the peers of these organisations."""
        self._drafts += 1
        nonce = self._drafts.to_bytes(24, "big")
        creator = self.organizations["OneMSP"].client
        chaincode_id = ChaincodeID(name=chaincode)
        extension = ChaincodeHeaderExtension(chaincode_id=chaincode_id)
        return Draft(
            creator=creator,
            endorsers=[self.peer(number) for number in endorsers],
            nonce=nonce,
            chaincode=chaincode,
            header=ChannelHeader(
                type=ENDORSER_TRANSACTION,
                channel_id=CHANNEL_ID,
                tx_id=transaction_id(nonce, creator.identity),
                extension=extension.SerializeToString(),
            ),
            action=ChaincodeAction(
                results=results,
                response=Response(status=200),
                chaincode_id=ChaincodeID(name=chaincode, version="1.0"),
            ),
        )

    def older_channel(self) -> ChannelConfig:
        """Return a configuration as upgraded channels have it.

        It lacks the policies that came with the new lifecycle, and one organisation's group has
        another name than its MSP.
        """
        config = Config()
        config.CopyFrom(self.channel.config)
        application = config.channel_group.groups["Application"]
        del application.policies["LifecycleEndorsement"]
        for group in application.groups.values():
            del group.policies["Endorsement"]
        application.groups["first"].CopyFrom(application.groups["OneMSP"])
        del application.groups["OneMSP"]
        return ChannelConfig.from_config(CHANNEL_ID, config)

    def config_draft(self, edit: Callable[[ConfigEnvelope], object] = lambda _: None) -> Draft:
        """Return the next configuration of the channel, which all administrators agreed to.

        Args:
            edit: What happens to it afterwards, at the hands of an orderer.
        """
        wanted = with_batch(self.channel.config, BatchParameters(max_message_count=7))
        delivered = self.agreed(wanted)
        edit(delivered)
        draft = self.draft()
        draft.creator = self.orderer.orderer
        draft.header.type = CONFIG
        draft.data = delivered.SerializeToString()
        return draft

    def agreed(self, wanted: Config) -> ConfigEnvelope:
        """Return ``wanted`` as the next configuration, with the update that leads to it."""
        envelope = unsigned_update(compute_update(CHANNEL_ID, self.channel.config, wanted))
        for organization in (*self.organizations.values(), self.orderer):
            envelope = with_signature(
                envelope, organization.admin, new_nonce=lambda: bytes(24), now_ns=0
            )
        result = authorize(self.channel, envelope)
        assert isinstance(result, Config), result
        return ConfigEnvelope(config=result, last_update=envelope)


class CommittedState:
    """A committed state and known transaction ids; block 1 wrote the state."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.state = LedgerState(self.store)
        self.known: set[str] = set()

    def transaction_exists(self, identifier: str) -> bool:
        return identifier in self.known

    def put(self, key: str, value: bytes = b"1", metadata: Metadata | None = None) -> None:
        batch = UpdateBatch()
        batch.put(CHAINCODE, key, value, Version(1, 0), encoded(metadata or {}))
        self.store.write(state_entries(batch))

    def put_hash(self, collection: str, key: str, metadata: Metadata | None = None) -> None:
        batch = UpdateBatch()
        key_hash = sha256(key.encode())
        batch.put_hash(
            CHAINCODE, collection, key_hash, b"h", Version(1, 0), encoded(metadata or {})
        )
        self.store.write(state_entries(batch))


def encoded(metadata: Metadata) -> bytes:
    entries = [KVMetadataEntry(name=name, value=value) for name, value in metadata.items()]
    return encode_metadata(entries)


class Setting:
    """All that a block is judged by, and a shorthand to have one judged."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.channel = network.channel
        self.definitions = Definitions()
        self.definitions.define(CHAINCODE, "/Channel/Application/Endorsement")
        self.ledger = CommittedState()
        self.checker = SignatureChecker()
        self.validator = Validator(
            lambda: self.channel, self.definitions, self.checker, self.ledger
        )

    def draft(
        self,
        write: Callable[[ReadWriteSetBuilder], None] = lambda _: None,
        *,
        endorsers: tuple[int, ...] = (1, 2),
        chaincode: str = CHAINCODE,
    ) -> Draft:
        """Return a transaction with the read/write set that ``write`` makes."""
        builder = ReadWriteSetBuilder()
        write(builder)
        return self.network.draft(builder.build()[0], endorsers=endorsers, chaincode=chaincode)

    def block(self, *drafts: Draft | bytes) -> Block:
        entries = [one if isinstance(one, bytes) else one.envelope() for one in drafts]
        return Block(header=BlockHeader(number=2), data=BlockData(data=entries))

    async def code_of(self, draft: Draft) -> str:
        """Return the name of the code of a transaction that is alone in its block."""
        (code,) = await self.codes(draft)
        return code_name(code)

    async def codes(self, *drafts: Draft | bytes) -> list[int]:
        return list((await self.validator.validate(self.block(*drafts))).codes)


def code_name(code: int) -> str:
    return {value: name for name, value in TxValidationCode.items()}[
        cast("TxValidationCode.ValueType", code)
    ]


@pytest.fixture(scope="session")
def network() -> Network:
    return Network()


@pytest.fixture
def setting(network: Network) -> Setting:
    return Setting(network)
