"""Scenarios whose last call is refused: accounts, and access to data off the ledger."""

from datetime import timedelta

from pydantic import JsonValue
from tests.unit.contracts.refusals.scenarios import ATS, BROKER, TRANSFER_AGENT, reaches

from tallystick.contracts.accounts.models import MAX_ACCOUNTS, ChallengeTerms
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.participants import Participant
from tallystick.contracts.reasons import AccountReason, IdentityReason
from tallystick.contracts.statements import AccessGranted, AccountLinked, AccountUnlinked
from tallystick.contracts.testing import Market

HOUR = timedelta(hours=1)


def open_challenge(
    market: Market, number: int = 1, *, life: timedelta = HOUR, key: str | None = None
) -> str:
    terms = ChallengeTerms(
        challenge=f"{number:064x}",
        account=f"a-{number}",
        expires_at=market.after(life),
        key=key,
    )
    market.submit(ATS, Chaincode.IDENTITY, "open_challenge", terms)
    return terms.challenge


def link(market: Market, challenge: str, account: str = "a-1", identity: str = "alice") -> None:
    linked = AccountLinked(identity=identity, venue=ATS, account=account, challenge=challenge)
    intent = market.sign(identity, linked)
    market.submit(BROKER, Chaincode.IDENTITY, "link_account", linked, intent)


@reaches(AccountReason.CHALLENGE_LIFE_WRONG)
def _(market: Market) -> None:
    open_challenge(market, life=timedelta(days=2))


@reaches(AccountReason.CHALLENGE_UNKNOWN)
def _(market: Market) -> None:
    link(market, "0" * 64)


@reaches(AccountReason.CHALLENGE_SPENT)
def _(market: Market) -> None:
    challenge = open_challenge(market)
    link(market, challenge)
    link(market, challenge)


@reaches(AccountReason.CHALLENGE_EXPIRED)
def _(market: Market) -> None:
    challenge = open_challenge(market)
    market.ledger.advance(HOUR)
    link(market, challenge)


@reaches(AccountReason.CHALLENGE_FOR_ANOTHER)
def _(market: Market) -> None:
    challenge = open_challenge(market, key=market.wallets["bob"].key)
    link(market, challenge)


@reaches(AccountReason.ACCOUNT_TAKEN)
def _(market: Market) -> None:
    link(market, open_challenge(market))
    terms = ChallengeTerms(challenge="f" * 64, account="a-1", expires_at=market.after(HOUR))
    market.submit(ATS, Chaincode.IDENTITY, "open_challenge", terms)
    link(market, terms.challenge, identity="bob")


@reaches(AccountReason.ACCOUNT_NOT_LINKED)
def _(market: Market) -> None:
    unlinked = AccountUnlinked(identity="alice", venue=ATS, account="a-1")
    market.submit(ATS, Chaincode.IDENTITY, "unlink_account", unlinked)


@reaches(AccountReason.ACCOUNTS_TOO_MANY)
def _(market: Market) -> None:
    for number in range(MAX_ACCOUNTS + 1):
        link(market, open_challenge(market, number), f"a-{number}")


# --- access to data off the ledger ---


def grant_access(market: Market) -> None:
    granted = AccessGranted(
        identity="alice",
        grant="g-1",
        service=TRANSFER_AGENT,
        grantee=Participant.ISSUER,
        fields=("name",),
        reason="cap table",
        expires_at=market.after(HOUR),
    )
    intent = market.sign("alice", granted)
    market.submit(BROKER, Chaincode.IDENTITY, "grant_access", granted, intent)


def read(market: Market, *fields: JsonValue) -> None:
    asked = list(fields) or ["name"]
    market.submit(TRANSFER_AGENT, Chaincode.IDENTITY, "record_access", "alice", "g-1", asked)


@reaches(IdentityReason.GRANT_EXISTS)
def _(market: Market) -> None:
    grant_access(market)
    grant_access(market)


@reaches(IdentityReason.ACCESS_NOT_GRANTED)
def _(market: Market) -> None:
    read(market)


@reaches(IdentityReason.ACCESS_EXPIRED)
def _(market: Market) -> None:
    grant_access(market)
    market.ledger.advance(HOUR)
    read(market)


@reaches(IdentityReason.ACCESS_NOT_COVERED)
def _(market: Market) -> None:
    grant_access(market)
    read(market, "name", "date-of-birth")
