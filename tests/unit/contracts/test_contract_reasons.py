"""Every reason in the table is reached by a call, and its sentence reads as one."""

import string
from collections.abc import Callable
from datetime import timedelta

import pytest

from tallystick.chaincode import Refusal, composite_key
from tallystick.chaincode.codec import Argument
from tallystick.chaincode.testing import Outcome
from tallystick.contracts.cash.models import Cash
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.identity.models import References, Verification
from tallystick.contracts.models import MAX_QUANTITY, Model
from tallystick.contracts.participants import Participant
from tallystick.contracts.parties import Requirement
from tallystick.contracts.purposes import Purpose
from tallystick.contracts.reasons import Reason
from tallystick.contracts.statements import (
    AllowanceWithdrawn,
    ClaimWithdrawn,
    KeyAddition,
    KeyRevocation,
    MoneySent,
    NewKey,
    Registration,
    UnitsAllowed,
    UnitsSent,
)
from tallystick.contracts.testing import KYC, KYC_HOUSE, Market, new_wallet
from tallystick.contracts.token.models import SecurityTerms

ATS = Participant.ATS
BANK = Participant.BANK
BROKER = Participant.BROKER_DEALER
CLEARING = Participant.CLEARING
TRANSFER_AGENT = Participant.TRANSFER_AGENT
REGULATOR = Participant.REGULATOR

A_YEAR = timedelta(days=366)
TEN_YEARS = timedelta(days=3651)

Scenario = Callable[[Market], object]
SCENARIOS: dict[Reason, Scenario] = {}


def reaches(reason: Reason) -> Callable[[Scenario], Scenario]:
    def note(scenario: Scenario) -> Scenario:
        SCENARIOS[reason] = scenario
        return scenario

    return note


def sent(quantity: int = 1, *, security: str = "ACME", receiver: str = "bob") -> UnitsSent:
    return UnitsSent(security=security, sender="alice", receiver=receiver, quantity=quantity)


def add_claim(market: Market, level: int = 1, subject: str = "bob") -> None:
    claim = market.claim(subject, level=level)
    market.submit(BROKER, Chaincode.IDENTITY, "add_claim", claim.statement, claim.intent)


def add_key(market: Market, identity: str, key: NewKey) -> None:
    addition = KeyAddition(identity=identity, key=key)
    intent = market.sign(identity, addition)
    market.submit(BROKER, Chaincode.IDENTITY, "add_key", addition, intent)


def revoke_key(market: Market, identity: str, key: str) -> None:
    revocation = KeyRevocation(identity=identity, key=key)
    intent = market.sign(identity, revocation)
    market.submit(BROKER, Chaincode.IDENTITY, "revoke_key", revocation, intent)


def approve(market: Market, quantity: int = 5) -> None:
    allowed = UnitsAllowed(
        security="ACME",
        holder="alice",
        spender=CLEARING,
        quantity=quantity,
        expires_at=market.after(timedelta(hours=1)),
    )
    market.submit(BROKER, Chaincode.TOKEN, "approve", allowed, market.sign("alice", allowed))


def draw(market: Market, quantity: int = 1) -> None:
    market.submit(CLEARING, Chaincode.TOKEN, "transfer_from", sent(quantity))


# --- who is asking ---


@reaches(Reason.PARTICIPANT_NOT_PERMITTED)
def _(market: Market) -> None:
    market.submit(Participant.ISSUER, Chaincode.TOKEN, "issue", "ACME", "alice", 1)


@reaches(Reason.CALLER_NOT_PERMITTED)
def _(market: Market) -> None:
    market.submit(CLEARING, Chaincode.TOKEN, "deliver", [market.terms().delivery])


@reaches(Reason.MANDATE_MISSING)
def _(market: Market) -> None:
    market.submit(BANK, Chaincode.TOKEN, "transfer", sent())


@reaches(Reason.MANDATE_EXPIRED)
def _(market: Market) -> None:
    market.ledger.advance(TEN_YEARS)
    market.transfer("alice", "bob", 1)


@reaches(Reason.NOT_THE_ISSUING_BANK)
def _(market: Market) -> None:
    euros = Cash(
        cash="EUR", currency="EUR", bank="OtherBankMSP", opened_at=market.after(timedelta(0))
    )
    rows = market.ledger.world.rows[Chaincode.CASH].values
    rows[composite_key("cash", "EUR")] = euros.model_dump_json().encode()
    market.submit(BANK, Chaincode.CASH, "deposit", "EUR", "bob", 1)


@reaches(Reason.NOT_THE_VENUE)
def _(market: Market) -> None:
    market.propose(market.terms().model_copy(update={"venue": "OtherMSP"}))


@reaches(Reason.TRANSIENT_MISSING)
def _(market: Market) -> None:
    market.submit(ATS, Chaincode.SETTLEMENT, "propose_trade")


# --- signed intents ---


@reaches(Reason.INTENT_EXPIRED)
def _(market: Market) -> None:
    intent = market.sign("alice", sent())
    market.ledger.advance(timedelta(hours=1))
    market.submit(BROKER, Chaincode.TOKEN, "transfer", sent(), intent)


@reaches(Reason.INTENT_ALREADY_USED)
def _(market: Market) -> None:
    intent = market.sign("alice", sent())
    market.submit(BROKER, Chaincode.TOKEN, "transfer", sent(), intent)
    market.submit(BROKER, Chaincode.TOKEN, "transfer", sent(), intent)


@reaches(Reason.INTENT_KEY_UNKNOWN)
def _(market: Market) -> None:
    market.wallets["alice"] = new_wallet("alice")
    market.submit(BROKER, Chaincode.TOKEN, "transfer", sent(), market.sign("alice", sent()))


@reaches(Reason.INTENT_SIGNATURE_INVALID)
def _(market: Market) -> None:
    market.submit(BROKER, Chaincode.TOKEN, "transfer", sent(2), market.sign("alice", sent(1)))


# --- identities, keys, claims ---


@reaches(Reason.IDENTITY_UNKNOWN)
def _(market: Market) -> None:
    market.deposit("nobody", 1)


@reaches(Reason.IDENTITY_EXISTS)
def _(market: Market) -> None:
    market.register("alice")


@reaches(Reason.KEY_MALFORMED)
def _(market: Market) -> None:
    add_key(market, "alice", NewKey(public_key="AAAA", purposes=(Purpose.ACTION,)))


@reaches(Reason.KEY_UNKNOWN)
def _(market: Market) -> None:
    revoke_key(market, "alice", "0" * 64)


@reaches(Reason.KEY_EXISTS)
def _(market: Market) -> None:
    add_key(market, "alice", market.wallets["alice"].new_key())


@reaches(Reason.LAST_MANAGEMENT_KEY)
def _(market: Market) -> None:
    revoke_key(market, "alice", market.wallets["alice"].key)


@reaches(Reason.MANAGEMENT_KEY_MISSING)
def _(market: Market) -> None:
    wallet = market.wallets["carol"] = new_wallet("carol")
    keys = (wallet.new_key(Purpose.ACTION),)
    statement = Registration(identity="carol", party="person", keys=keys)
    intent = market.sign("carol", statement)
    market.submit(BROKER, Chaincode.IDENTITY, "register_identity", statement, intent)


@reaches(Reason.CLAIM_UNKNOWN)
def _(market: Market) -> None:
    market.register("carol")
    withdrawn = ClaimWithdrawn(subject="carol", topic=KYC, issuer=KYC_HOUSE)
    intent = market.sign(KYC_HOUSE, withdrawn)
    market.submit(BROKER, Chaincode.IDENTITY, "revoke_claim", withdrawn, intent)


@reaches(Reason.REFERENCE_DIFFERS)
def _(market: Market) -> None:
    moved = market.investor("bob").model_copy(update={"country": "KY"})
    references = References(investors=(moved,))
    market.submit(BROKER, Chaincode.IDENTITY, "keep_references", references=references)


@reaches(Reason.CLAIM_WINDOW_EMPTY)
def _(market: Market) -> None:
    made = market.claim("bob").statement
    empty = made.model_copy(update={"valid_until": made.valid_from})
    intent = market.sign(KYC_HOUSE, empty)
    market.submit(BROKER, Chaincode.IDENTITY, "add_claim", empty, intent)


@reaches(Reason.TOPIC_WITHOUT_ISSUER)
def _(market: Market) -> None:
    verify(market, "bob", Requirement(topic="accredited"))


@reaches(Reason.ISSUER_NOT_TRUSTED)
def _(market: Market) -> None:
    market.submit(REGULATOR, Chaincode.IDENTITY, "distrust_issuer", KYC, "bob")


@reaches(Reason.CLAIM_MISSING)
def _(market: Market) -> None:
    market.register("carol")
    verify(market, "carol")


@reaches(Reason.CLAIM_REVOKED)
def _(market: Market) -> None:
    withdrawn = ClaimWithdrawn(subject="bob", topic=KYC, issuer=KYC_HOUSE)
    intent = market.sign(KYC_HOUSE, withdrawn)
    market.submit(BROKER, Chaincode.IDENTITY, "revoke_claim", withdrawn, intent)
    verify(market, "bob")


@reaches(Reason.CLAIM_EXPIRED)
def _(market: Market) -> None:
    market.ledger.advance(A_YEAR)
    verify(market, "bob")


@reaches(Reason.CLAIM_NOT_YET_VALID)
def _(market: Market) -> None:
    market.ledger.advance(timedelta(days=1))
    add_claim(market)
    market.ledger.advance(timedelta(seconds=-1))
    verify(market, "bob")


@reaches(Reason.CLAIM_LEVEL_TOO_LOW)
def _(market: Market) -> None:
    verify(market, "bob", Requirement(topic=KYC, level=2))


@reaches(Reason.CLAIM_KEY_REVOKED)
def _(market: Market) -> None:
    key = market.wallets[KYC_HOUSE].key
    add_key(market, KYC_HOUSE, new_wallet(KYC_HOUSE).new_key())
    revoke_key(market, KYC_HOUSE, key)
    verify(market, "bob")


def verify(market: Market, identity: str, requirement: Requirement | None = None) -> None:
    """Raise what ``verify`` finds, so that findings and refusals are tested alike."""
    requirements = [requirement or Requirement(topic=KYC)]
    outcome = market.evaluate(Chaincode.IDENTITY, "verify", identity, requirements)
    for reason in outcome.load(Verification).reasons:
        raise Refusal(reason.code, reason.message)


# --- securities and money ---


@reaches(Reason.SECURITY_UNKNOWN)
def _(market: Market) -> None:
    market.issue("alice", 1, "NONE")


@reaches(Reason.SECURITY_EXISTS)
def _(market: Market) -> None:
    terms = SecurityTerms(security="ACME", name="Again", issuer="IssuerMSP")
    market.submit(TRANSFER_AGENT, Chaincode.TOKEN, "create_security", terms)


@reaches(Reason.SECURITY_PAUSED)
def _(market: Market) -> None:
    market.submit(REGULATOR, Chaincode.TOKEN, "pause", "ACME", "news pending")
    market.transfer("alice", "bob", 1)


@reaches(Reason.SECURITY_NOT_PAUSED)
def _(market: Market) -> None:
    market.submit(REGULATOR, Chaincode.TOKEN, "resume", "ACME")


@reaches(Reason.CASH_UNKNOWN)
def _(market: Market) -> None:
    paid = MoneySent(cash="NONE", sender="bob", receiver="alice", amount=1)
    market.submit(BROKER, Chaincode.CASH, "transfer", paid)


@reaches(Reason.CASH_EXISTS)
def _(market: Market) -> None:
    market.submit(BANK, Chaincode.CASH, "open_cash", "USD", "USD")


@reaches(Reason.SAME_PARTY)
def _(market: Market) -> None:
    market.transfer("alice", "alice", 1)


@reaches(Reason.SENDER_NOT_VERIFIED)
def _(market: Market) -> None:
    market.ledger.advance(A_YEAR)
    add_claim(market)
    market.transfer("alice", "bob", 1)


@reaches(Reason.RECEIVER_NOT_VERIFIED)
def _(market: Market) -> None:
    market.register("carol")
    market.transfer("alice", "carol", 1)


@reaches(Reason.SENDER_FROZEN)
def _(market: Market) -> None:
    market.submit(TRANSFER_AGENT, Chaincode.TOKEN, "freeze", "ACME", "alice", "court order 7")
    market.transfer("alice", "bob", 1)


@reaches(Reason.RECEIVER_FROZEN)
def _(market: Market) -> None:
    market.submit(TRANSFER_AGENT, Chaincode.TOKEN, "freeze", "ACME", "bob", "court order 7")
    market.transfer("alice", "bob", 1)


@reaches(Reason.HOLDER_NOT_FROZEN)
def _(market: Market) -> None:
    market.submit(TRANSFER_AGENT, Chaincode.TOKEN, "unfreeze", "ACME", "alice")


@reaches(Reason.INSUFFICIENT_AVAILABLE)
def _(market: Market) -> None:
    market.transfer("alice", "bob", 1001)


@reaches(Reason.HOLDING_TOO_LARGE)
def _(market: Market) -> None:
    market.issue("alice", MAX_QUANTITY)


@reaches(Reason.INSUFFICIENT_FROZEN)
def _(market: Market) -> None:
    market.submit(TRANSFER_AGENT, Chaincode.TOKEN, "unfreeze_units", "ACME", "alice", 1, "error")


@reaches(Reason.ALLOWANCE_MISSING)
def _(market: Market) -> None:
    withdrawn = AllowanceWithdrawn(security="ACME", holder="alice", spender=CLEARING)
    intent = market.sign("alice", withdrawn)
    market.submit(BROKER, Chaincode.TOKEN, "revoke_allowance", withdrawn, intent)


@reaches(Reason.ALLOWANCE_EXPIRED)
def _(market: Market) -> None:
    approve(market)
    market.ledger.advance(timedelta(hours=1))
    draw(market)


@reaches(Reason.ALLOWANCE_EXCEEDED)
def _(market: Market) -> None:
    approve(market, 5)
    draw(market, 6)


# --- locks and trades ---


@reaches(Reason.LOCK_EXISTS)
def _(market: Market) -> None:
    through_settlement(market, "lock")
    through_settlement(market, "lock")


@reaches(Reason.LOCK_UNKNOWN)
def _(market: Market) -> None:
    through_settlement(market, "deliver")


@reaches(Reason.LOCK_DIFFERS)
def _(market: Market) -> None:
    through_settlement(market, "lock")
    through_settlement(market, "deliver", quantity=9)


def through_settlement(market: Market, function: str, *, quantity: int = 10) -> None:
    """Call the token contract as the settlement contract would; that one never gets this wrong."""
    move = market.terms(quantity=quantity).delivery
    chaincodes = market.ledger.world.chaincodes
    settlement = chaincodes[Chaincode.SETTLEMENT]
    chaincodes[Chaincode.SETTLEMENT] = chaincodes[Chaincode.TOKEN]
    rows = market.ledger.world.rows
    rows[Chaincode.SETTLEMENT] = rows[Chaincode.TOKEN]
    try:
        market.submit(CLEARING, Chaincode.SETTLEMENT, function, [move])
    finally:
        chaincodes[Chaincode.SETTLEMENT] = settlement


@reaches(Reason.TRADE_UNKNOWN)
def _(market: Market) -> None:
    market.settle("T-9")


@reaches(Reason.TRADE_EXISTS)
def _(market: Market) -> None:
    market.propose(market.terms())
    market.propose(market.terms(quantity=11))


@reaches(Reason.TRADE_DATES_WRONG)
def _(market: Market) -> None:
    terms = market.terms()
    market.propose(terms.model_copy(update={"expires_at": market.after(timedelta(0))}))


@reaches(Reason.TRADE_STATUS)
def _(market: Market) -> None:
    market.agree(market.terms())
    market.settle()


@reaches(Reason.TRADE_EXPIRED)
def _(market: Market) -> None:
    market.agree(market.terms())
    market.ledger.advance(timedelta(days=1))
    market.lock()


@reaches(Reason.TRADE_NOT_EXPIRED)
def _(market: Market) -> None:
    market.propose(market.terms())
    market.submit(BROKER, Chaincode.SETTLEMENT, "expire", "T-1")


@reaches(Reason.CONSENT_MISSING)
def _(market: Market) -> None:
    terms = market.terms()
    market.propose(terms)
    market.consent(terms, "buyer")
    market.lock()


@reaches(Reason.CONSENT_ALREADY_GIVEN)
def _(market: Market) -> None:
    terms = market.terms()
    market.agree(terms)
    market.consent(terms, "buyer")


@reaches(Reason.SETTLEMENT_DAY_NOT_REACHED)
def _(market: Market) -> None:
    tomorrow = market.after(timedelta(days=1))
    market.agree(market.terms().model_copy(update={"settlement_day": tomorrow[:10]}))
    market.lock()
    market.settle()


@pytest.mark.parametrize("reason", [pytest.param(reason, id=reason.name) for reason in Reason])
def test_every_reason_is_reached_by_a_call(reason: Reason, market: Market) -> None:
    with pytest.raises(Refusal) as refused:
        SCENARIOS[reason](market)

    assert refused.value.code == reason.name
    assert "{" not in refused.value.message


@pytest.mark.parametrize("reason", [pytest.param(reason, id=reason.name) for reason in Reason])
def test_a_reason_reads_as_a_sentence(reason: Reason) -> None:
    facts = [name for _, name, _, _ in string.Formatter().parse(reason.sentence) if name]

    assert reason.sentence.endswith((".", "{cause}"))
    assert not {"code", "message"}.intersection(facts), "these name parts of every refusal"
    assert reason.status in {400, 403, 404, 409, 422}


class RememberingMarket(Market):
    """Remembers the rows as they were before the last call."""

    def submit(
        self,
        participant: Participant,
        chaincode: str,
        function: str,
        *arguments: Argument,
        **secrets: Model,
    ) -> Outcome:
        self.rows_before = self.rows
        return super().submit(participant, chaincode, function, *arguments, **secrets)

    @property
    def rows(self) -> dict[tuple[str, str], bytes]:
        return {
            (name, str(key)): value
            for name, rows in self.ledger.world.rows.items()
            for each in (rows.values, rows.private)
            for key, value in each.items()
        }


@pytest.mark.parametrize("reason", [pytest.param(reason, id=reason.name) for reason in Reason])
def test_a_refused_call_changes_nothing(reason: Reason, market: Market) -> None:
    remembering = RememberingMarket(**vars(market))

    with pytest.raises(Refusal):
        SCENARIOS[reason](remembering)

    assert remembering.rows == remembering.rows_before
