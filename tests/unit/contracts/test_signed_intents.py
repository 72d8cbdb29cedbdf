"""A signature of an investor is good for one act, once, in time, on one channel."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256

import pytest

from tallystick.chaincode import Refusal
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.instants import instant_from_ns
from tallystick.contracts.intents import SignedIntent, intent_payload
from tallystick.contracts.participants import Participant
from tallystick.contracts.purposes import Purpose
from tallystick.contracts.statements import (
    ClaimWithdrawn,
    Consent,
    KeyAddition,
    KeyRotation,
    Statement,
    UnitsSent,
)
from tallystick.contracts.testing import KYC, KYC_HOUSE, Market, new_wallet
from tallystick.contracts.trades.terms import Order, TradeTerms

BROKER = Participant.BROKER_DEALER
SOON = "2026-03-31T16:00:00Z"


# --- the bytes ---


def test_the_payload_of_an_intent_is_this_text() -> None:
    sent = UnitsSent(security="ACME", sender="alice", receiver="bob", quantity=10)

    payload = intent_payload("securities", "alice", sent, nonce="n-1", expires_at=SOON)

    assert payload == (
        b'{"channel":"securities","contract":"token","expires_at":"2026-03-31T16:00:00Z",'
        b'"kind":"transfer","nonce":"n-1","protocol":"tallystick-intent-1","signer":"alice",'
        b'"statement":{"choice":{"lots":[],"tranche":null},"document_hash":null,"quantity":10,'
        b'"receiver":"bob","security":"ACME","sender":"alice"}}'
    )


def test_the_hash_of_a_trade_is_the_hash_of_its_canonical_json() -> None:
    terms = TradeTerms(
        trade="T-1",
        security="ACME",
        quantity=10,
        cash="USD",
        price="50",
        amount=500,
        buyer="bob",
        seller="alice",
        venue="ATSMSP",
        buy=Order(order="B-1", broker="BrokerMSP"),
        sell=Order(order="S-1", broker="BrokerMSP"),
        settlement_day="2026-03-31",
        expires_at=SOON,
        salt="0" * 32,
    )

    text = (
        b'{"amount":500,"best_bid":null,"best_offer":null,'
        b'"buy":{"account":null,"agent":null,"broker":"BrokerMSP","is_placed":false,"order":"B-1"},'
        b'"buyer":"bob","cash":"USD","claims":[],"cycle":null,"expires_at":"2026-03-31T16:00:00Z","legs":[],'
        b'"mediators":[],"model":"dvp-1","off_quote":null,"paid_at":null,"price":"50","quantity":10,'
        b'"salt":"00000000000000000000000000000000","security":"ACME",'
        b'"sell":{"account":null,"agent":null,"broker":"BrokerMSP","is_placed":false,"order":"S-1"},'
        b'"seller":"alice","settlement_day":"2026-03-31","trade":"T-1","venue":"ATSMSP"}'
    )
    assert terms.digest == sha256(text).hexdigest()


@pytest.mark.parametrize(
    ("time_ns", "text"),
    [
        pytest.param(0, "1970-01-01T00:00:00Z", id="the epoch"),
        pytest.param(1_774_972_800_000_000_000, SOON, id="a whole second"),
        pytest.param(1_774_972_799_999_999_999, "2026-03-31T15:59:59Z", id="just before it"),
    ],
)
def test_an_instant_is_whole_seconds_rounded_down(time_ns: int, text: str) -> None:
    assert instant_from_ns(time_ns) == text


# --- a consent, and all the ways in which it does not count ---


def consent_of_bob(market: Market) -> Consent:
    return Consent(trade="T-1", side="buyer", party="bob", terms_hash=market.terms().digest)


def as_bob(market: Market, **changes: str) -> SignedIntent:
    """Return bob's signature under a consent that differs in these fields."""
    return market.sign("bob", consent_of_bob(market).model_copy(update=changes))


def other_terms(market: Market) -> SignedIntent:
    return as_bob(market, terms_hash=market.terms(quantity=11).digest)


def other_channel(market: Market) -> SignedIntent:
    market.wallets["bob"] = replace(market.wallets["bob"], channel="elsewhere")
    return as_bob(market)


def other_contract(market: Market) -> SignedIntent:
    class Elsewhere(Consent):
        contract = "cash"

    return market.sign("bob", Elsewhere.model_validate(consent_of_bob(market).model_dump()))


def other_kind(market: Market) -> SignedIntent:
    class Otherwise(Consent):
        kind = "withdraw"

    return market.sign("bob", Otherwise.model_validate(consent_of_bob(market).model_dump()))


def other_identity(market: Market) -> SignedIntent:
    market.wallets["bob"] = replace(market.wallets["bob"], identity="alice")
    return as_bob(market)


def nonce_changed(market: Market) -> SignedIntent:
    return as_bob(market).model_copy(update={"nonce": "another"})


def expiry_put_off(market: Market) -> SignedIntent:
    return as_bob(market).model_copy(update={"expires_at": market.after(timedelta(days=9))})


def signature_of_somebody_else(market: Market) -> SignedIntent:
    forged = market.sign("alice", consent_of_bob(market))
    return forged.model_copy(update={"key": market.wallets["bob"].key})


def key_of_somebody_else(market: Market) -> SignedIntent:
    return market.sign("alice", consent_of_bob(market))


def no_signature(market: Market) -> SignedIntent:
    return as_bob(market).model_copy(update={"signature": "bm90IGEgc2lnbmF0dXJl"})


def not_base64(market: Market) -> SignedIntent:
    return as_bob(market).model_copy(update={"signature": "\u00e9"})


def expired(market: Market) -> SignedIntent:
    return market.sign("bob", consent_of_bob(market), expires_at=market.after(timedelta(0)))


def used_before(market: Market) -> SignedIntent:
    intent = market.sign("bob", consent_of_bob(market))
    other = market.terms("T-0")
    market.propose(other)
    consent = Consent(trade="T-0", side="buyer", party="bob", terms_hash=other.digest)
    same_nonce = market.wallets["bob"].sign(
        consent, nonce=intent.nonce, expires_at=intent.expires_at
    )
    market.submit(BROKER, Chaincode.SETTLEMENT, "consent", "T-0", "buyer", intent=same_nonce)
    return intent


@pytest.mark.parametrize(
    ("forge", "code"),
    [
        pytest.param(other_terms, "INTENT_SIGNATURE_INVALID", id="over other terms"),
        pytest.param(other_channel, "INTENT_SIGNATURE_INVALID", id="for another channel"),
        pytest.param(other_contract, "INTENT_SIGNATURE_INVALID", id="for another contract"),
        pytest.param(other_kind, "INTENT_SIGNATURE_INVALID", id="of another kind"),
        pytest.param(other_identity, "INTENT_SIGNATURE_INVALID", id="as another identity"),
        pytest.param(nonce_changed, "INTENT_SIGNATURE_INVALID", id="with its nonce changed"),
        pytest.param(expiry_put_off, "INTENT_SIGNATURE_INVALID", id="with its expiry put off"),
        pytest.param(signature_of_somebody_else, "INTENT_SIGNATURE_INVALID", id="forged"),
        pytest.param(no_signature, "INTENT_SIGNATURE_INVALID", id="not a signature"),
        pytest.param(not_base64, "INTENT_SIGNATURE_INVALID", id="not even base64"),
        pytest.param(key_of_somebody_else, "INTENT_KEY_UNKNOWN", id="by a stranger's key"),
        pytest.param(expired, "INTENT_EXPIRED", id="expired in this second"),
        pytest.param(used_before, "INTENT_ALREADY_USED", id="with a nonce used before"),
    ],
)
def test_a_consent_does_not_count(
    forge: Callable[[Market], SignedIntent], code: str, market: Market
) -> None:
    """SS-85, SS-113, F32, W35."""
    market.propose(market.terms())
    intent = forge(market)

    with pytest.raises(Refusal) as refused:
        market.submit(BROKER, Chaincode.SETTLEMENT, "consent", "T-1", "buyer", intent=intent)

    assert (refused.value.code, refused.value.facts["why"]) == ("SIDE_NOT_SIGNED", code)


def test_a_consent_counts_whoever_submits_it(market: Market) -> None:
    """F37."""
    market.propose(market.terms())
    intent = market.sign("bob", consent_of_bob(market))

    outcome = market.submit(
        Participant.ISSUER, Chaincode.SETTLEMENT, "consent", "T-1", "buyer", intent=intent
    )

    assert outcome.event_types == ("settlement.ConsentGiven",)


# --- keys have purposes ---


def made(market: Market) -> tuple[str, str, Statement]:
    claim = market.claim("bob").statement
    return "add_claim", KYC_HOUSE, claim


def mandated(market: Market) -> tuple[str, str, Statement]:
    return "grant_mandate", "alice", market.mandate("alice").statement


def sent(_: Market) -> tuple[str, str, Statement]:
    statement = UnitsSent(security="ACME", sender="alice", receiver="bob", quantity=1)
    return "transfer", "alice", statement


@pytest.mark.parametrize("purpose", list(Purpose))
@pytest.mark.parametrize(
    ("act", "wanted"),
    [
        pytest.param(made, Purpose.CLAIM, id="a claim"),
        pytest.param(mandated, Purpose.MANAGEMENT, id="a mandate"),
        pytest.param(sent, Purpose.ACTION, id="a transfer"),
    ],
)
def test_a_key_signs_for_its_purpose_and_a_management_key_for_all(
    act: Callable[[Market], tuple[str, str, Statement]],
    wanted: Purpose,
    purpose: Purpose,
    market: Market,
) -> None:
    """F105."""
    function, signer, statement = act(market)
    add_key(market, signer, purpose)
    chaincode = Chaincode(statement.contract)

    def submit() -> None:
        intent = market.sign(signer, statement)
        market.submit(BROKER, chaincode, function, statement, intent)

    if purpose in {wanted, Purpose.MANAGEMENT}:
        submit()
        assert market.wallets[signer].key
    else:
        with pytest.raises(Refusal, match="INTENT_KEY_UNKNOWN"):
            submit()


def add_key(market: Market, identity: str, purpose: Purpose) -> None:
    """Give an identity another key for one purpose, and let it sign with that from now on."""
    wallet = new_wallet(identity)
    addition = KeyAddition(identity=identity, key=wallet.new_key(purpose))
    intent = market.sign(identity, addition, wallet)
    market.submit(BROKER, Chaincode.IDENTITY, "add_key", addition, intent)
    market.wallets[identity] = wallet


def test_a_rotated_key_is_dead_at_once_and_its_successor_lives(market: Market) -> None:
    """SS-113."""
    old, new = market.wallets["alice"], new_wallet("alice")
    rotation = KeyRotation(identity="alice", old=old.key, new=new.new_key())
    intent = market.sign("alice", rotation, new)
    market.submit(BROKER, Chaincode.IDENTITY, "rotate_key", rotation, intent)
    statement = UnitsSent(security="ACME", sender="alice", receiver="bob", quantity=1)

    with pytest.raises(Refusal, match="INTENT_KEY_UNKNOWN"):
        market.submit(
            BROKER, Chaincode.TOKEN, "transfer", statement, market.sign("alice", statement)
        )
    market.wallets["alice"] = new
    market.submit(BROKER, Chaincode.TOKEN, "transfer", statement, market.sign("alice", statement))

    assert market.units("bob") == 1


def test_a_revoked_claim_cannot_be_entered_again(market: Market) -> None:
    market.register("carol")
    claim = market.claim("carol")
    arguments = (claim.statement, claim.intent)
    market.submit(BROKER, Chaincode.IDENTITY, "add_claim", *arguments)
    withdrawn = ClaimWithdrawn(subject="carol", topic=KYC, issuer=KYC_HOUSE)
    market.submit(
        BROKER, Chaincode.IDENTITY, "revoke_claim", withdrawn, market.sign(KYC_HOUSE, withdrawn)
    )

    with pytest.raises(Refusal, match="INTENT_ALREADY_USED"):
        market.submit(BROKER, Chaincode.IDENTITY, "add_claim", *arguments)


def test_nobody_makes_claims_in_the_name_of_another(market: Market) -> None:
    """F107."""
    claim = market.claim("bob").statement

    with pytest.raises(Refusal, match="INTENT_KEY_UNKNOWN"):
        market.submit(BROKER, Chaincode.IDENTITY, "add_claim", claim, market.sign("bob", claim))
