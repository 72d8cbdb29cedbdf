"""What the steps of a plain trade read in ``settlement``: counted, so that nobody adds a row."""

from collections import Counter
from collections.abc import Callable

import pytest

from tallystick.chaincode import split_composite_key
from tallystick.chaincode.testing.stub import MemoryStub
from tallystick.contracts.testing import Market

OF_SETTLEMENT = ("trade", "terms", "consent", "listing", "approval", "agency", "order", "pending")
OF_IDENTITY = ("organization", "class", "conflicts", "mandate", "links")


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Count the rows read, public and private, by kind; the ledger runs each transaction twice."""
    counted: Counter[str] = Counter()
    public, private = MemoryStub.get_state, MemoryStub.get_private_data

    def counting_public(stub: MemoryStub, key: str) -> bytes | None:
        counted[split_composite_key(key)[0]] += 1
        return public(stub, key)

    def counting_private(stub: MemoryStub, collection: str, key: str) -> bytes | None:
        counted[split_composite_key(key)[0]] += 1
        return private(stub, collection, key)

    monkeypatch.setattr(MemoryStub, "get_state", counting_public)
    monkeypatch.setattr(MemoryStub, "get_private_data", counting_private)
    return counted


def rows(reads: Counter[str], kinds: tuple[str, ...], act: Callable[[], object]) -> dict[str, int]:
    reads.clear()
    act()
    return {kind: reads[kind] // 2 for kind in kinds if reads[kind]}


def test_a_plain_trade_pays_for_nothing_that_it_does_not_use(
    market: Market, reads: Counter[str]
) -> None:
    """SS-112: no mediator, agent, account, cached claim or placed order is looked for."""
    terms = market.terms()
    assert rows(reads, OF_SETTLEMENT, lambda: market.propose(terms)) == {
        "trade": 1,
        "terms": 1,
        "pending": 2,  # what stood there before goes into the salt, and so for the terms
    }
    market.consent(terms, "seller")
    assert rows(reads, OF_SETTLEMENT, lambda: market.consent(terms, "buyer")) == {
        "trade": 1,
        "terms": 1,
        "consent": 2,
    }
    assert rows(reads, OF_SETTLEMENT, market.lock) == {
        "trade": 1,
        "terms": 1,
        "consent": 2,
        "listing": 1,
    }
    assert rows(reads, OF_SETTLEMENT, market.settle) == {"trade": 1, "terms": 1, "listing": 1}


def test_what_a_proposal_reads_tells_nobody_whose_trade_it_is(
    market: Market, reads: Counter[str]
) -> None:
    """SS-107: reads of public rows are public."""
    kinds = ("identity", "claims", "mandate", "listing", "position", "security", "links")
    assert rows(reads, kinds, lambda: market.propose(market.terms())) == {}


def test_a_delivery_asks_identity_about_two_firms_and_no_more(
    market: Market, reads: Counter[str]
) -> None:
    market.agree(market.terms())
    market.lock()
    found = rows(reads, OF_IDENTITY, market.settle)
    assert found == {"organization": 5, "class": 2}
