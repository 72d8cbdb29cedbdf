"""What a transfer reads: counted, so that nobody adds a row to it without noticing."""

from collections import Counter

import pytest

from tallystick.chaincode import split_composite_key
from tallystick.chaincode.testing.stub import MemoryStub
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.participants import Participant
from tallystick.contracts.parties import Requirement
from tallystick.contracts.statements import MoneySent
from tallystick.contracts.testing import KYC, KYC_HOUSE, Market

Reads = Counter[str]


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Reads:
    """Count the rows read, by kind, over both runs of each transaction."""
    counted: Reads = Counter()
    get_state = MemoryStub.get_state

    def counting(stub: MemoryStub, key: str) -> bytes | None:
        counted[split_composite_key(key)[0]] += 1
        return get_state(stub, key)

    monkeypatch.setattr(MemoryStub, "get_state", counting)
    return counted


def rows_of_a_transfer(market: Market, reads: Reads) -> dict[str, int]:
    reads.clear()
    market.transfer("alice", "bob", 1)
    return {kind: count // 2 for kind, count in reads.items()}  # the ledger runs it twice


OF_THE_REGISTER = {"security": 1, "position": 2}
OF_WHO_IS_WHO = {"organization": 1, "class": 1, "mandate": 1, "identity": 2, "claims": 2}


def test_a_transfer_reads_these_rows_and_no_other(market: Market, reads: Reads) -> None:
    market.issue("bob", 1)
    rows = rows_of_a_transfer(market, reads)
    assert rows == {**OF_THE_REGISTER, **OF_WHO_IS_WHO, "topic": 1, "key": 1}


def test_who_comes_is_counted_and_classed_by_further_topics(market: Market, reads: Reads) -> None:
    rows = rows_of_a_transfer(market, reads)
    of_who_comes = {"topic": 4, "key": 1, "counted": 1}
    assert rows == {**OF_THE_REGISTER, **OF_WHO_IS_WHO, **of_who_comes}


def test_a_further_topic_costs_one_row_however_many_are_attested(
    market: Market, reads: Reads
) -> None:
    topics = ("residence", "accredited")
    for topic in topics:
        market.submit(Participant.REGULATOR, Chaincode.IDENTITY, "trust_issuer", topic, KYC_HOUSE)
        for holder in ("alice", "bob"):
            made = market.claim(holder).statement.model_copy(update={"topic": topic})
            intent = market.sign(KYC_HOUSE, made)
            market.submit(Participant.BROKER_DEALER, Chaincode.IDENTITY, "add_claim", made, intent)
    asked = [Requirement(topic=topic) for topic in (KYC, *topics)]
    market.create_security("BETA", asked)
    market.issue("bob", 10, "BETA")
    reads.clear()
    market.issue("bob", 1, "BETA")
    assert (reads["topic"] // 2, reads["claims"] // 2, reads["key"] // 2) == (3, 1, 1)


@pytest.fixture
def private_reads(monkeypatch: pytest.MonkeyPatch) -> Reads:
    """Count the private rows read, by kind, over both runs of each transaction."""
    counted: Reads = Counter()
    get_private = MemoryStub.get_private_data

    def counting(stub: MemoryStub, collection: str, key: str) -> bytes | None:
        counted[split_composite_key(key)[0]] += 1
        return get_private(stub, collection, key)

    monkeypatch.setattr(MemoryStub, "get_private_data", counting)
    return counted


def test_a_payment_reads_one_private_row_beside_each_position(
    market: Market, private_reads: Reads
) -> None:
    """Reservations, credit: all in one row. What is written is read once more, for its salt."""
    sent = MoneySent(cash="USD", sender="bob", receiver="alice", amount=1)
    market.submit(Participant.BROKER_DEALER, Chaincode.CASH, "transfer", sent)

    rows = {kind: count // 2 for kind, count in private_reads.items()}
    assert rows == {"position": 2 + 2, "limits": 2}
