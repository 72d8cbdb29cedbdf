"""What the contracts keep from those who need not know, and who gets to know it (SS-107)."""

from collections.abc import Callable
from datetime import timedelta
from hashlib import sha256

import pytest

from tallystick.chaincode import Refusal
from tallystick.chaincode.events import EventRecord
from tallystick.contracts.cash.models import CashAccount
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.events import EntryMade, MoneyTransferred, read_event
from tallystick.contracts.identity.models import References
from tallystick.contracts.participants import Participant
from tallystick.contracts.statements import MoneySent
from tallystick.contracts.testing import KYC_HOUSE, Market
from tallystick.contracts.trades.models import TradePage, TradeView

P = Participant
READERS = (P.ATS, P.CLEARING, P.TRANSFER_AGENT, P.REGULATOR)
OTHERS = (P.BROKER_DEALER, P.BANK, P.ISSUER)
PARTIES = (b"alice", b"bob")


def public(market: Market, chaincode: Chaincode) -> bytes:
    """Return all that peers of no collection know of a chaincode: rows, history, hashes."""
    rows = market.ledger.world.rows_of(chaincode)
    history = [change.value for changes in rows.history.values() for change in changes]
    return b" ".join([*(key.encode() for key in rows.history), *history])


def view(market: Market, reader: Participant, party: str = "") -> TradeView:
    return market.submit(reader, Chaincode.SETTLEMENT, "trade", "T-1", party).load(TradeView)


def settled(market: Market) -> None:
    market.agree(market.terms(amount=12_345))
    market.lock()
    market.settle()


def test_nothing_public_in_settlement_tells_whose_trade_it_is_or_at_what_price(
    market: Market,
) -> None:
    """SS-107."""
    settled(market)
    terms = market.terms(amount=12_345)
    said = public(market, Chaincode.SETTLEMENT)
    assert b"T-1" in said
    for secret in (*PARTIES, b"12345", terms.salt.encode()):
        assert secret not in said
    assert said.count(b"ACME") == 2  # in the key and the terms of its listing


@pytest.mark.parametrize("step", ["consent", "withdraw"])
@pytest.mark.parametrize("life_s", [60, 0], ids=["forged", "expired"])
def test_who_has_no_signature_of_a_party_is_not_told_who_it_is(
    step: str, life_s: int, market: Market
) -> None:
    """SS-107: anybody may submit what a party has signed, and so try."""
    market.propose(market.terms())
    moment = market.after(timedelta(seconds=life_s))
    forged = market.sign(KYC_HOUSE, market.claim("carol").statement, expires_at=moment)
    more = ("a reason",) if step == "withdraw" else ()
    with pytest.raises(Refusal, match="SIDE_NOT_SIGNED") as refused:
        market.submit(P.ISSUER, Chaincode.SETTLEMENT, step, "T-1", "buyer", *more, intent=forged)
    assert "bob" not in f"{refused.value.message} {refused.value.facts}"


@pytest.mark.parametrize("step", ["lock_legs", "settle_at_once", "settle"])
def test_who_may_not_clear_is_told_nothing_about_the_parties(step: str, market: Market) -> None:
    """SS-107."""
    market.list_security("ACME", accounts_required=True)
    market.agree(market.terms())
    with pytest.raises(Refusal, match="LICENCE_MISSING") as refused:
        market.submit(P.ISSUER, Chaincode.SETTLEMENT, step, "T-1")
    assert not any(each.decode() in f"{refused.value.facts}" for each in PARTIES)


def test_nothing_public_in_cash_tells_the_price_of_a_trade(market: Market) -> None:
    settled(market)
    assert b"12345" not in public(market, Chaincode.CASH)
    rows = market.ledger.world.rows_of(Chaincode.CASH)
    kinds = {key.split("\x00")[1] for key in rows.history}
    assert kinds == {"cash", "supply"}


@pytest.mark.parametrize("step", [Market.lock, Market.settle], ids=["lock", "settle"])
def test_no_event_tells_the_price_of_a_trade(
    step: Callable[[Market], object], market: Market
) -> None:
    market.agree(market.terms(amount=12_345))
    outcome = market.lock()
    if step is Market.settle:
        outcome = market.settle()
    said = "".join(event.model_dump_json() for event in outcome.events)
    assert "12345" not in said
    assert EntryMade.kind in outcome.event_types


def test_events_of_a_trade_name_nobody_until_its_legs_are_locked(market: Market) -> None:
    """SS-88, SS-107."""
    terms = market.terms()
    outcomes = [
        market.propose(terms),
        *(market.consent(terms, side) for side in ("buyer", "seller")),
    ]
    said = "".join(event.model_dump_json() for each in outcomes for event in each.events)
    assert "T-1" in said
    assert not any(party.decode() in said for party in PARTIES)


@pytest.mark.parametrize("reader", READERS)
def test_the_terms_are_for_the_venue_and_those_who_watch_over_the_market(
    reader: Participant, market: Market
) -> None:
    """F172, W24."""
    market.propose(market.terms())
    assert view(market, reader).terms == market.terms()
    page = market.submit(reader, Chaincode.SETTLEMENT, "trades").load(TradePage)
    assert page.trades[0].terms == market.terms()


@pytest.mark.parametrize("reader", OTHERS)
def test_others_see_that_there_is_a_trade_and_no_more(reader: Participant, market: Market) -> None:
    market.propose(market.terms())
    seen = view(market, reader)
    assert (seen.terms, seen.trade.terms_hash) == (None, market.terms().digest)
    page = market.submit(reader, Chaincode.SETTLEMENT, "trades").load(TradePage)
    assert page.trades[0].terms is None


@pytest.mark.parametrize(
    ("reader", "party", "sees"),
    [
        pytest.param(P.BROKER_DEALER, "bob", True, id="its broker"),
        pytest.param(P.BROKER_DEALER, "carol", False, id="a broker of somebody else"),
        pytest.param(P.BROKER_DEALER, "nobody", False, id="a broker of nobody"),
        pytest.param(P.ISSUER, "bob", False, id="who holds no mandate"),
    ],
)
def test_a_party_reads_its_trade_through_whoever_holds_its_mandate(
    reader: Participant, party: str, market: Market, *, sees: bool
) -> None:
    market.onboard("carol")
    market.propose(market.terms())
    assert (view(market, reader, party).terms is not None) is sees


def test_equal_accounts_have_different_hashes(market: Market) -> None:
    for index in range(2):
        market.onboard(f"twin-{index}")
        market.deposit(f"twin-{index}", 700)
    market.deposit("twin-0", 1)
    values = [
        value
        for (_, key), value in market.ledger.world.rows_of(Chaincode.CASH).private.items()
        if "twin" in key
    ]
    assert len({sha256(value).digest() for value in values}) == len(values)


def test_who_guesses_an_account_cannot_tell_when_a_trade_has_salted_it(market: Market) -> None:
    """The same market with another salt: nothing else differs, every private hash does."""

    def hashes(salt: str) -> set[bytes]:
        other = Market(clients=market.clients)
        other.wallets = dict(market.wallets)
        other.open()
        other.onboard("alice", "bob")
        other.issue("alice", 1000)
        other.deposit("bob", 50_000)
        before = set(private(other).values())
        other.agree(other.terms().model_copy(update={"salt": salt}))
        other.lock()
        return {sha256(value).digest() for value in private(other).values()} - {
            sha256(value).digest() for value in before
        }

    def private(of: Market) -> dict[tuple[str, str], bytes]:
        return of.ledger.world.rows_of(Chaincode.CASH).private

    assert len(hashes("a" * 32)) > 2
    assert not hashes("a" * 32) & hashes("b" * 32)


def test_an_account_that_a_trade_empties_is_not_deleted(market: Market) -> None:
    market.agree(market.terms(amount=50_000))
    market.lock()
    market.settle()
    private = market.ledger.world.rows_of(Chaincode.CASH).private
    assert any("position" in key and "bob" in key for _, key in private)
    assert market.money("bob") == 0


@pytest.mark.parametrize("reader", [P.ATS, P.ISSUER])
def test_strangers_read_no_account(reader: Participant, market: Market) -> None:
    for call, code in (
        (("account", "USD", "bob"), "MANDATE_MISSING"),
        (("balance_of", "USD", "bob"), "MANDATE_MISSING"),
        (("accounts", "USD"), "LICENCE_MISSING"),
        (("entries", "USD", "0" * 64), "LICENCE_MISSING"),
    ):
        with pytest.raises(Refusal, match=code):
            market.submit(reader, Chaincode.CASH, *call)


def test_a_broker_reads_the_account_of_its_client(market: Market) -> None:
    account = market.submit(P.BROKER_DEALER, Chaincode.CASH, "account", "USD", "bob")
    assert account.load(CashAccount).amount == 50_000


def test_a_payment_without_authority_tells_nothing_about_the_account(market: Market) -> None:
    sent = MoneySent(cash="USD", sender="bob", receiver="alice", amount=60_000)
    with pytest.raises(Refusal) as refused:
        market.submit(P.ISSUER, Chaincode.CASH, "transfer", sent)
    assert refused.value.code == "MANDATE_MISSING"
    assert "50000" not in str(refused.value.facts)


def test_readers_get_what_a_trade_did_to_accounts(market: Market) -> None:
    market.agree(market.terms(amount=500))
    market.lock()
    outcome = market.settle()
    entries = market.submit(P.BANK, Chaincode.CASH, "entries", "USD", outcome.transaction_id)
    (record,) = entries.load(tuple[EventRecord, ...])
    event = read_event(record)
    assert isinstance(event, MoneyTransferred)
    assert (event.sender, event.receiver, event.amount, event.lock) == ("bob", "alice", 500, "T-1")


# --- references to investors' data ---


def keep(market: Market) -> None:
    references = References(
        investors=(market.investor("alice"),), evidence=(market.evidence("alice"),)
    )
    market.submit(P.BROKER_DEALER, Chaincode.IDENTITY, "keep_references", references=references)


@pytest.mark.parametrize(
    "reader", [P.TRANSFER_AGENT, P.CLEARING, P.REGULATOR, P.BROKER_DEALER], ids=str
)
def test_references_are_for_those_who_watch_and_the_investors_agent(
    reader: Participant, market: Market
) -> None:
    keep(market)
    found = market.submit(reader, Chaincode.IDENTITY, "references", "alice").load(References)
    assert found.investors == (market.investor("alice"),)
    assert found.evidence == (market.evidence("alice"),)
    none = market.submit(P.REGULATOR, Chaincode.IDENTITY, "references", KYC_HOUSE)
    assert none.load(References) == References()


@pytest.mark.parametrize("reader", [P.ATS, P.BANK, P.ISSUER], ids=str)
def test_references_are_for_nobody_else(reader: Participant, market: Market) -> None:
    keep(market)
    with pytest.raises(Refusal, match="MANDATE_MISSING"):
        market.submit(reader, Chaincode.IDENTITY, "references", "alice")


def test_the_ledger_has_hashes_of_references_only(market: Market) -> None:
    keep(market)
    said = public(market, Chaincode.IDENTITY)
    assert market.investor("alice").data_hash.encode() in said
    for secret in (b'"US"', b"vault/7", b"vault/8", market.investor("alice").salt.encode()):
        assert secret not in said


def test_a_malformed_secret_is_refused_without_being_repeated(market: Market) -> None:
    with pytest.raises(Refusal) as refused:
        market.submit(
            P.ATS, Chaincode.SETTLEMENT, "propose_trade", terms=market.investor("hush-hush")
        )
    assert refused.value.code == "INVALID_ARGUMENT"
    assert "terms." in refused.value.message
    assert "hush-hush" not in refused.value.message
