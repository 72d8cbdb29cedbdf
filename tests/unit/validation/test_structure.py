"""One case for each row of the table in wire.md §12 that looks at one envelope alone."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from tallystick.node.membership.signature_checker import SignatureChecker
from tallystick.node.validation.codes import Rejection
from tallystick.node.validation.structure import (
    ConfigTransaction,
    ParsedTransaction,
    parse_transaction,
)
from tallystick.protos.common.common_pb2 import CONFIG, CONFIG_UPDATE, MESSAGE, SignatureHeader
from tallystick.protos.ledger.rwset.rwset_pb2 import NsReadWriteSet, TxReadWriteSet
from tallystick.protos.peer.chaincode_event_pb2 import ChaincodeEvent
from tallystick.protos.peer.chaincode_pb2 import ChaincodeID
from tallystick.protos.peer.proposal_pb2 import ChaincodeHeaderExtension
from tallystick.protos.peer.transaction_pb2 import TxValidationCode

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.unit.validation.conftest import Draft, Network

UNREADABLE = b"\xff"


def rename(extension: ChaincodeHeaderExtension) -> Callable[[Draft], None]:
    """Return how to replace the header extension, by which the client names the chaincode."""

    def spoil(draft: Draft) -> None:
        draft.header.extension = extension.SerializeToString()

    return spoil


def give(**values: object) -> Callable[[Draft], None]:
    """Return how to set fields of a draft; ``a__b`` is field ``b`` of ``a``."""

    def spoil(draft: Draft) -> None:
        for path, value in values.items():
            owner, _, name = path.rpartition("__")
            setattr(getattr(draft, owner) if owner else draft, name, value)

    return spoil


def header_of(*, creator: bytes = b"someone", nonce: bytes = b"nonce") -> bytes:
    return SignatureHeader(creator=creator, nonce=nonce).SerializeToString()


def clear_chaincode(draft: Draft) -> None:
    draft.action.ClearField("chaincode_id")


def strip_version(draft: Draft) -> None:
    draft.action.chaincode_id.version = ""


def by_outsider(draft: Draft, network: Network) -> None:
    draft.creator = network.outsider.client


EVENT = ChaincodeEvent(chaincode_id="other", event_name="e").SerializeToString()
TWICE = TxReadWriteSet(
    ns_rwset=[NsReadWriteSet(namespace="n"), NsReadWriteSet(namespace="n")]
).SerializeToString()

ROWS: list[tuple[str, str, Callable[[Draft], None]]] = [
    ("payload", "BAD_PAYLOAD", give(payload_bytes=UNREADABLE)),
    ("channel header", "BAD_COMMON_HEADER", give(header_bytes=UNREADABLE)),
    ("signature header", "BAD_COMMON_HEADER", give(signature_header_bytes=UNREADABLE)),
    ("header type", "BAD_COMMON_HEADER", give(header__type=MESSAGE)),
    ("epoch", "BAD_COMMON_HEADER", give(header__epoch=1)),
    ("nonce", "BAD_COMMON_HEADER", give(nonce=b"")),
    ("creator", "BAD_COMMON_HEADER", give(signature_header_bytes=header_of(creator=b""))),
    ("no headers", "BAD_COMMON_HEADER", give(payload_bytes=b"")),
    ("unknown creator", "BAD_CREATOR_SIGNATURE", give(signature_header_bytes=header_of())),
    ("channel", "BAD_CREATOR_SIGNATURE", give(header__channel_id="other")),
    ("signature", "BAD_CREATOR_SIGNATURE", give(signature=b"0")),
    ("no signature", "BAD_CREATOR_SIGNATURE", give(signature=b"")),
    ("type 2", "UNSUPPORTED_TX_PAYLOAD", give(header__type=CONFIG_UPDATE)),
    ("type 1 without data", "INVALID_CONFIG_TRANSACTION", give(header__type=CONFIG, data=b"")),
    ("transaction id", "BAD_PROPOSAL_TXID", give(header__tx_id="00")),
    ("transaction", "INVALID_ENDORSER_TRANSACTION", give(data=UNREADABLE)),
    ("no action", "INVALID_ENDORSER_TRANSACTION", give(action_count=0)),
    ("two actions", "INVALID_ENDORSER_TRANSACTION", give(action_count=2)),
    ("action header", "INVALID_ENDORSER_TRANSACTION", give(action_header_bytes=UNREADABLE)),
    (
        "action without nonce",
        "INVALID_ENDORSER_TRANSACTION",
        give(action_header_bytes=header_of(nonce=b"")),
    ),
    ("action payload", "INVALID_ENDORSER_TRANSACTION", give(action_payload_bytes=UNREADABLE)),
    ("empty action payload", "INVALID_ENDORSER_TRANSACTION", give(action_payload_bytes=b"")),
    ("no proposal", "INVALID_ENDORSER_TRANSACTION", give(proposal_payload=b"")),
    ("proposal hash", "INVALID_ENDORSER_TRANSACTION", give(proposal_hash=b"other")),
    ("header extension", "BAD_HEADER_EXTENSION", give(header__extension=UNREADABLE)),
    ("no chaincode action", "BAD_RESPONSE_PAYLOAD", give(action_bytes=b"")),
    ("chaincode action", "BAD_RESPONSE_PAYLOAD", give(action_bytes=UNREADABLE)),
    ("results", "BAD_RWSET", give(action__results=UNREADABLE)),
    ("extension names none", "INVALID_OTHER_REASON", give(header__extension=b"")),
    ("action names none", "INVALID_OTHER_REASON", clear_chaincode),
    (
        "other chaincode",
        "INVALID_CHAINCODE",
        rename(ChaincodeHeaderExtension(chaincode_id=ChaincodeID(name="other"))),
    ),
    (
        "empty name",
        "INVALID_CHAINCODE",
        rename(ChaincodeHeaderExtension(chaincode_id=ChaincodeID())),
    ),
    ("no version, §19 item 3", "INVALID_CHAINCODE", strip_version),
    ("event", "INVALID_OTHER_REASON", give(action__events=UNREADABLE)),
    ("event of another, §19 item 4", "INVALID_OTHER_REASON", give(action__events=EVENT)),
    ("duplicate namespace", "ILLEGAL_WRITESET", give(action__results=TWICE)),
]


def parse(network: Network, draft: Draft) -> ParsedTransaction | ConfigTransaction | Rejection:
    return parse_transaction(draft.envelope(), network.channel, SignatureChecker())


def code_of(outcome: object) -> str:
    assert isinstance(outcome, Rejection), outcome
    return TxValidationCode.Name(outcome.code)


@pytest.mark.parametrize(
    ("code", "spoil"), [pytest.param(code, spoil, id=f"§12, {row}") for row, code, spoil in ROWS]
)
def test_each_row_has_its_code(network: Network, code: str, spoil: Callable[[Draft], None]) -> None:
    draft = network.draft()
    spoil(draft)
    assert code_of(parse(network, draft)) == code


@pytest.mark.parametrize(
    ("entry", "code"),
    [
        pytest.param(UNREADABLE, "INVALID_OTHER_REASON", id="§12, envelope parses"),
        pytest.param(b"", "BAD_COMMON_HEADER", id="§12, an empty envelope is one without headers"),
    ],
)
def test_an_entry_need_not_be_an_envelope(network: Network, entry: bytes, code: str) -> None:
    outcome = parse_transaction(entry, network.channel, SignatureChecker())
    assert code_of(outcome) == code


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        pytest.param(first, second, id=f"§12, {first[0]} before {second[0]}")
        for first, second in pairwise(ROWS)
        if first[1] != second[1]
    ],
)
def test_the_first_row_that_fails_gives_the_code(
    network: Network,
    earlier: tuple[str, str, Callable[[Draft], None]],
    later: tuple[str, str, Callable[[Draft], None]],
) -> None:
    draft = network.draft()
    later[2](draft)
    earlier[2](draft)
    assert code_of(parse(network, draft)) == earlier[1]


def test_a_creator_must_be_of_the_channel(network: Network) -> None:
    draft = network.draft()
    by_outsider(draft, network)
    assert code_of(parse(network, draft)) == "BAD_CREATOR_SIGNATURE", "§12"


def test_a_transaction_id_on_the_ledger_is_a_duplicate(network: Network) -> None:
    draft = network.draft()
    draft.header.extension = UNREADABLE  # the row after it
    outcome = parse_transaction(
        draft.envelope(), network.channel, SignatureChecker(), {draft.header.tx_id}.__contains__
    )
    assert code_of(outcome) == "DUPLICATE_TXID", "§12"


def test_a_transaction_in_order_is_taken_apart(network: Network) -> None:
    draft = network.draft(endorsers=(1, 3))
    draft.action.events = ChaincodeEvent(
        chaincode_id="token", event_name="moved"
    ).SerializeToString()
    parsed = parse(network, draft)
    assert isinstance(parsed, ParsedTransaction)
    assert parsed.transaction_id == draft.header.tx_id
    assert parsed.creator.serialized == draft.creator.identity
    assert (parsed.chaincode, parsed.action.response.status) == ("token", 200)
    assert parsed.event is not None
    assert parsed.event.event_name == "moved"
    endorsements = parsed.endorsements()
    assert [one.identity for one in endorsements] == [one.identity for one in draft.endorsers]
    assert all(one.message.endswith(one.identity) for one in endorsements), "§12, signed data"


def test_a_configuration_is_handed_on_unread(network: Network) -> None:
    outcome = parse(network, network.config_draft())
    assert isinstance(outcome, ConfigTransaction)
    assert outcome.data


def test_a_rejection_reads_as_one_line(network: Network) -> None:
    draft = network.draft()
    draft.header.channel_id = "other"
    text = str(parse(network, draft))
    assert text == (
        f"transaction {draft.header.tx_id}: BAD_CREATOR_SIGNATURE (4):"
        " it is for channel 'other', this is 'trades'"
    )
