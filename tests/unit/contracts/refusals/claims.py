"""Scenarios whose last call is refused: claims, and lists of the barred."""

from datetime import timedelta

from tests.unit.contracts.refusals.scenarios import (
    A_YEAR,
    BROKER,
    REGULATOR,
    add_claim,
    add_key,
    reaches,
    revoke_key,
)

from tallystick.chaincode import Refusal
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.claims.models import MAX_CLAIMS, MAX_ISSUERS, TopicTerms, Verification
from tallystick.contracts.claims.screening import SCREENING
from tallystick.contracts.identities.models import MAX_BLOCKS
from tallystick.contracts.parties import Requirement
from tallystick.contracts.reasons import (
    ClaimReason,
    IdentityReason,
)
from tallystick.contracts.statements import (
    ClaimWithdrawn,
    ListUpdated,
)
from tallystick.contracts.testing import EVIDENCE, KYC, KYC_HOUSE, Market, new_wallet


@reaches(ClaimReason.CLAIM_UNKNOWN)
def _(market: Market) -> None:
    market.register("carol")
    withdrawn = ClaimWithdrawn(subject="carol", topic=KYC, issuer=KYC_HOUSE)
    intent = market.sign(KYC_HOUSE, withdrawn)
    market.submit(BROKER, Chaincode.IDENTITY, "revoke_claim", withdrawn, intent)


@reaches(ClaimReason.CLAIM_WINDOW_EMPTY)
def _(market: Market) -> None:
    made = market.claim("bob").statement
    empty = made.model_copy(update={"valid_until": made.valid_from})
    intent = market.sign(KYC_HOUSE, empty)
    market.submit(BROKER, Chaincode.IDENTITY, "add_claim", empty, intent)


@reaches(ClaimReason.TOPIC_WITHOUT_ISSUER)
def _(market: Market) -> None:
    verify(market, "bob", Requirement(topic="accredited"))


@reaches(ClaimReason.ISSUER_NOT_TRUSTED)
def _(market: Market) -> None:
    market.submit(REGULATOR, Chaincode.IDENTITY, "distrust_issuer", KYC, "bob")


@reaches(ClaimReason.LIST_COUNTS)
def _(market: Market) -> None:
    market.submit(REGULATOR, Chaincode.IDENTITY, "trust_issuer", SCREENING, KYC_HOUSE)
    market.submit(REGULATOR, Chaincode.IDENTITY, "lift_bar", "bob", KYC_HOUSE, "ofac")


@reaches(ClaimReason.CLAIM_MISSING)
def _(market: Market) -> None:
    market.register("carol")
    verify(market, "carol")


@reaches(ClaimReason.CLAIM_REVOKED)
def _(market: Market) -> None:
    withdrawn = ClaimWithdrawn(subject="bob", topic=KYC, issuer=KYC_HOUSE)
    intent = market.sign(KYC_HOUSE, withdrawn)
    market.submit(BROKER, Chaincode.IDENTITY, "revoke_claim", withdrawn, intent)
    verify(market, "bob")


@reaches(ClaimReason.CLAIM_EXPIRED)
def _(market: Market) -> None:
    market.ledger.advance(A_YEAR)
    verify(market, "bob")


@reaches(ClaimReason.CLAIM_NOT_YET_VALID)
def _(market: Market) -> None:
    market.ledger.advance(timedelta(days=1))
    add_claim(market)
    market.ledger.advance(timedelta(seconds=-1))
    verify(market, "bob")


@reaches(ClaimReason.CLAIM_LEVEL_TOO_LOW)
def _(market: Market) -> None:
    verify(market, "bob", Requirement(topic=KYC, level=2))


@reaches(ClaimReason.CLAIM_KEY_REVOKED)
def _(market: Market) -> None:
    key = market.wallets[KYC_HOUSE].key
    add_key(market, KYC_HOUSE, new_wallet(KYC_HOUSE))
    revoke_key(market, KYC_HOUSE, key)
    verify(market, "bob")


def verify(market: Market, identity: str, requirement: Requirement | None = None) -> None:
    """Raise what ``verify`` finds, so that findings and refusals are tested alike."""
    requirements = [requirement or Requirement(topic=KYC)]
    outcome = market.evaluate(Chaincode.IDENTITY, "verify", identity, requirements)
    for reason in outcome.load(Verification).reasons:
        raise Refusal(reason.code, reason.message)


@reaches(ClaimReason.CLAIM_QUORUM_MISSED)
def _(market: Market) -> None:
    market.submit(REGULATOR, Chaincode.IDENTITY, "set_topic", TopicTerms(topic=KYC, quorum=2))
    verify(market, "bob")


@reaches(ClaimReason.CLAIM_VALUE_DIFFERS)
def _(market: Market) -> None:
    verify(market, "bob", Requirement(topic=KYC, values=("US",)))


@reaches(ClaimReason.CLAIM_VALUE_UNKNOWN)
def _(market: Market) -> None:
    terms = TopicTerms(topic=KYC, values=("US", "DE"))
    market.submit(REGULATOR, Chaincode.IDENTITY, "set_topic", terms)
    add_claim(market)


@reaches(ClaimReason.CLAIM_SELF_MADE)
def _(market: Market) -> None:
    add_claim(market, subject=KYC_HOUSE)
    verify(market, KYC_HOUSE)


@reaches(ClaimReason.CLAIMS_TOO_MANY)
def _(market: Market) -> None:
    for number in range(MAX_CLAIMS):
        made = market.claim("bob").statement.model_copy(
            update={"topic": f"topic-{number}", "issuer": "bob"}
        )
        intent = market.sign("bob", made)
        market.submit(BROKER, Chaincode.IDENTITY, "add_claim", made, intent)


@reaches(ClaimReason.ISSUERS_TOO_MANY)
def _(market: Market) -> None:
    for number in range(MAX_ISSUERS):
        market.register(f"house-{number}")
        arguments = (KYC, f"house-{number}")
        market.submit(REGULATOR, Chaincode.IDENTITY, "trust_issuer", *arguments)


# --- lists of the barred ---


def update_list(
    market: Market, version: int = 1, name: str = "ofac", *, added: bool = True
) -> None:
    """Put a version of a list in force that bob enters, or leaves."""
    names = ("bob",)
    updated = ListUpdated(
        issuer=KYC_HOUSE,
        list_name=name,
        version=version,
        list_hash=EVIDENCE,
        added=names if added else (),
        removed=() if added else names,
    )
    intent = market.sign(KYC_HOUSE, updated)
    market.submit(BROKER, Chaincode.IDENTITY, "update_list", updated, intent)


def trust_screening(market: Market) -> None:
    market.submit(REGULATOR, Chaincode.IDENTITY, "trust_issuer", SCREENING, KYC_HOUSE)


@reaches(IdentityReason.IDENTITY_BARRED)
def _(market: Market) -> None:
    trust_screening(market)
    update_list(market)
    verify(market, "bob")


@reaches(ClaimReason.LIST_VERSION_WRONG)
def _(market: Market) -> None:
    trust_screening(market)
    update_list(market, 2)


@reaches(ClaimReason.NOT_BARRED)
def _(market: Market) -> None:
    trust_screening(market)
    update_list(market, added=False)


@reaches(ClaimReason.BLOCKS_TOO_MANY)
def _(market: Market) -> None:
    trust_screening(market)
    for number in range(MAX_BLOCKS + 1):
        update_list(market, name=f"list-{number}")
