"""Taking an envelope apart: is it what a transaction must be, and did its creator sign it?

The rows of wire.md §12 up to the duplicate namespace, in their order: the first one that fails
gives the code. Each layer is parsed once, and what is signed or hashed is the bytes that arrived.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from google.protobuf.message import DecodeError, Message

from tallystick.node.channel.config import ChannelConfig
from tallystick.node.ledger.rwset import ParsedReadWriteSet, parse_results
from tallystick.node.membership.errors import IdentityError
from tallystick.node.membership.identity import Identity
from tallystick.node.membership.signature_checker import SignatureChecker
from tallystick.node.policies.evaluate import SignedData
from tallystick.node.validation.codes import FIRST_COUNTS, Rejection, ValidationCode
from tallystick.protos.common.common_pb2 import (
    CONFIG,
    CONFIG_UPDATE,
    ENDORSER_TRANSACTION,
    ChannelHeader,
    Envelope,
    Payload,
    SignatureHeader,
)
from tallystick.protos.peer import transaction_pb2 as codes
from tallystick.protos.peer.chaincode_event_pb2 import ChaincodeEvent
from tallystick.protos.peer.proposal_pb2 import ChaincodeAction, ChaincodeHeaderExtension
from tallystick.protos.peer.proposal_response_pb2 import ProposalResponsePayload
from tallystick.protos.peer.transaction_pb2 import (
    ChaincodeActionPayload,
    ChaincodeEndorsedAction,
    Transaction,
)
from tallystick.wire.errors import MalformedMessageError
from tallystick.wire.hashing import sha256
from tallystick.wire.txid import transaction_id

_KNOWN_TYPES = frozenset((CONFIG, CONFIG_UPDATE, ENDORSER_TRANSACTION))

_MessageT = TypeVar("_MessageT", bound=Message)


@dataclass(frozen=True, slots=True)
class ParsedTransaction:
    """A well-formed transaction, signed by its creator. Whether it is endorsed is still open.

    Attributes:
        transaction_id: Its id, checked against nonce and creator.
        creator: Who submitted it.
        chaincode: The chaincode that it invoked.
        action: What the chaincode did, the response included.
        endorsed: The endorsed bytes, and who endorsed them.
        rwset: What it read and writes.
        event: The chaincode's event, if there was one.
    """

    transaction_id: str
    creator: Identity
    chaincode: str
    action: ChaincodeAction
    endorsed: ChaincodeEndorsedAction
    rwset: ParsedReadWriteSet
    event: ChaincodeEvent | None

    def endorsements(self) -> list[SignedData]:
        """Return what each endorser signed: the response payload, then its own identity."""
        payload = self.endorsed.proposal_response_payload
        return [
            SignedData(entry.endorser, payload + entry.endorser, entry.signature)
            for entry in self.endorsed.endorsements
        ]


@dataclass(frozen=True, slots=True)
class ConfigTransaction:
    """An envelope that carries a channel configuration, signed by the orderer that made it.

    Attributes:
        transaction_id: The id that it claims. Nothing checks it.
        data: ``ConfigEnvelope`` bytes.
    """

    transaction_id: str
    data: bytes


@dataclass(frozen=True, slots=True)
class _Opened:
    """An envelope whose headers are sound and whose creator signed it."""

    payload: Payload
    channel_header: ChannelHeader
    signature_header: SignatureHeader
    creator: Identity


class _InvalidError(Exception):
    """A row of the table failed. Never leaves this module: there it becomes a `Rejection`."""

    def __init__(self, code: ValidationCode, reason: str) -> None:
        super().__init__(reason)
        self.code = code


def parse_transaction(
    envelope_bytes: bytes,
    channel: ChannelConfig,
    checker: SignatureChecker,
    is_committed: Callable[[str], bool] = lambda _: False,
) -> ParsedTransaction | ConfigTransaction | Rejection:
    """Return what an entry of a block holds, or why it cannot be valid.

    Args:
        envelope_bytes: The entry.
        channel: The channel's configuration before the block.
        checker: Verifies the creator's signature.
        is_committed: Tells whether a transaction id is already on the ledger.
    """
    identifier = ""
    try:
        envelope = _read(Envelope, envelope_bytes, codes.INVALID_OTHER_REASON)
        payload = _read(Payload, envelope.payload, codes.BAD_PAYLOAD)
        channel_header = _read(
            ChannelHeader, payload.header.channel_header, codes.BAD_COMMON_HEADER
        )
        identifier = channel_header.tx_id
        signature_header = _read(
            SignatureHeader, payload.header.signature_header, codes.BAD_COMMON_HEADER
        )
        _check_headers(channel_header, signature_header)
        _check_channel(channel_header, channel)
        creator = _creator(signature_header, envelope, channel, checker)
        opened = _Opened(payload, channel_header, signature_header, creator)
        if channel_header.type == ENDORSER_TRANSACTION:
            return _parse_endorser_transaction(opened, is_committed)
        return _parse_config_transaction(opened)
    except _InvalidError as error:
        return Rejection(error.code, str(error), identifier)


def _read(message_type: type[_MessageT], data: bytes, code: ValidationCode) -> _MessageT:
    try:
        return message_type.FromString(data)
    except DecodeError as error:
        name = message_type.DESCRIPTOR.full_name
        raise _InvalidError(code, f"{name} cannot be read: {error}") from error


def _check_headers(channel_header: ChannelHeader, signature_header: SignatureHeader) -> None:
    if channel_header.type not in _KNOWN_TYPES:
        raise _InvalidError(
            codes.BAD_COMMON_HEADER, f"header type {channel_header.type} is not known"
        )
    if channel_header.epoch != 0:
        raise _InvalidError(codes.BAD_COMMON_HEADER, f"epoch is {channel_header.epoch}, not 0")
    _check_signature_header(signature_header, codes.BAD_COMMON_HEADER)


def _check_signature_header(header: SignatureHeader, code: ValidationCode) -> None:
    if not header.nonce:
        raise _InvalidError(code, "a signature header has no nonce")
    if not header.creator:
        raise _InvalidError(code, "a signature header has no creator")


def _check_channel(header: ChannelHeader, channel: ChannelConfig) -> None:
    # Fabric looks the creator up among the members of the channel that the header names. For a
    # channel that the peer has not joined there are none, so its code for channels that it does
    # not know, TARGET_CHAIN_NOT_FOUND, comes too late ever to be seen.
    if header.channel_id != channel.channel_id:
        raise _InvalidError(
            codes.BAD_CREATOR_SIGNATURE,
            f"it is for channel {header.channel_id!r}, this is {channel.channel_id!r}",
        )


def _creator(
    header: SignatureHeader, envelope: Envelope, channel: ChannelConfig, checker: SignatureChecker
) -> Identity:
    try:
        creator = channel.msps.identity(header.creator)
    except IdentityError as error:
        raise _InvalidError(codes.BAD_CREATOR_SIGNATURE, str(error)) from error
    if not checker.good(creator, envelope.payload, envelope.signature):
        raise _InvalidError(
            codes.BAD_CREATOR_SIGNATURE, f"{creator} did not sign what the envelope holds"
        )
    return creator


def _parse_config_transaction(opened: _Opened) -> ConfigTransaction:
    if opened.channel_header.type != CONFIG:
        raise _InvalidError(
            codes.UNSUPPORTED_TX_PAYLOAD, "a configuration update is not a transaction"
        )
    if not opened.payload.data:
        raise _InvalidError(codes.INVALID_CONFIG_TRANSACTION, "it holds no configuration")
    return ConfigTransaction(opened.channel_header.tx_id, opened.payload.data)


def _parse_endorser_transaction(
    opened: _Opened, is_committed: Callable[[str], bool]
) -> ParsedTransaction:
    header = opened.channel_header
    identifier = transaction_id(opened.signature_header.nonce, opened.signature_header.creator)
    if header.tx_id != identifier:
        raise _InvalidError(
            codes.BAD_PROPOSAL_TXID, f"its nonce and creator give the id {identifier}"
        )
    endorsed, response_payload = _endorsed_action(opened)
    if is_committed(identifier):
        raise _InvalidError(
            codes.DUPLICATE_TXID, f"the ledger has a transaction with this id: {FIRST_COUNTS}"
        )
    action, rwset = _results(header, response_payload)
    chaincode = action.chaincode_id.name
    event = _event(action.events, chaincode)
    _check_namespaces(rwset)
    return ParsedTransaction(
        transaction_id=identifier,
        creator=opened.creator,
        chaincode=chaincode,
        action=action,
        endorsed=endorsed,
        rwset=rwset,
        event=event,
    )


def _endorsed_action(opened: _Opened) -> tuple[ChaincodeEndorsedAction, ProposalResponsePayload]:
    """Return the transaction's one action and what was endorsed, tied to the proposal."""
    code = codes.INVALID_ENDORSER_TRANSACTION
    actions = _read(Transaction, opened.payload.data, code).actions
    if len(actions) != 1:
        raise _InvalidError(code, f"it has {len(actions)} actions where one is allowed")
    action = actions[0]
    _check_signature_header(_read(SignatureHeader, action.header, code), code)
    payload = _read(ChaincodeActionPayload, action.payload, code)
    endorsed = payload.action
    response_payload = _read(ProposalResponsePayload, endorsed.proposal_response_payload, code)
    if not payload.chaincode_proposal_payload:
        raise _InvalidError(code, "its action does not repeat the proposal")
    # The action's own header counts, as in Fabric, which does not compare it to the outer one.
    proposal_hash = sha256(
        opened.payload.header.channel_header + action.header + payload.chaincode_proposal_payload
    )
    if response_payload.proposal_hash != proposal_hash:
        raise _InvalidError(code, "what was endorsed answers another proposal")
    return endorsed, response_payload


def _results(
    header: ChannelHeader, response_payload: ProposalResponsePayload
) -> tuple[ChaincodeAction, ParsedReadWriteSet]:
    extension = _read(ChaincodeHeaderExtension, header.extension, codes.BAD_HEADER_EXTENSION)
    if not response_payload.extension:
        raise _InvalidError(codes.BAD_RESPONSE_PAYLOAD, "there is no chaincode action")
    action = _read(ChaincodeAction, response_payload.extension, codes.BAD_RESPONSE_PAYLOAD)
    try:
        rwset = parse_results(action.results)
    except MalformedMessageError as error:
        raise _InvalidError(codes.BAD_RWSET, str(error)) from error
    _check_chaincode(extension, action)
    return action, rwset


def _check_chaincode(extension: ChaincodeHeaderExtension, action: ChaincodeAction) -> None:
    if not extension.HasField("chaincode_id") or not action.HasField("chaincode_id"):
        raise _InvalidError(
            codes.INVALID_OTHER_REASON, "header extension or action name no chaincode"
        )
    invoked, answering = extension.chaincode_id.name, action.chaincode_id
    if not invoked or invoked != answering.name:
        raise _InvalidError(
            codes.INVALID_CHAINCODE,
            f"chaincode {invoked!r} was invoked and {answering.name!r} answered",
        )
    if not answering.version:
        raise _InvalidError(codes.INVALID_CHAINCODE, f"chaincode {invoked!r} has no version")


def _event(encoded: bytes, chaincode: str) -> ChaincodeEvent | None:
    if not encoded:
        return None
    event = _read(ChaincodeEvent, encoded, codes.INVALID_OTHER_REASON)
    if event.chaincode_id != chaincode:
        raise _InvalidError(
            codes.INVALID_OTHER_REASON,
            f"its event is of chaincode {event.chaincode_id!r}, itself of {chaincode!r}",
        )
    return event


def _check_namespaces(rwset: ParsedReadWriteSet) -> None:
    names = [entry.namespace for entry in rwset.namespaces]
    if len(set(names)) != len(names):
        raise _InvalidError(codes.ILLEGAL_WRITESET, f"a namespace appears twice in {names}")
