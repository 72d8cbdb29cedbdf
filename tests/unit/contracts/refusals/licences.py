"""Scenarios whose last call is refused: licences and the separation of functions."""

from datetime import timedelta

from tests.unit.contracts.refusals.scenarios import (
    ATS,
    BROKER,
    REGULATOR,
    TRANSFER_AGENT,
    reaches,
)

from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.licensing.models import MAX_LICENCES, LicenceGrant
from tallystick.contracts.participants import Participant
from tallystick.contracts.powers import Power
from tallystick.contracts.reasons import IdentityReason, LicenceReason
from tallystick.contracts.statements import Representation
from tallystick.contracts.testing import LICENCE_LIFE, Market

ISSUER = Participant.ISSUER
NEWCOMER = "OtherMSP"


def act(market: Market) -> None:
    """Call something that only the transfer agent may."""
    market.issue("alice", 1)


def suspend(market: Market, organization: str = TRANSFER_AGENT) -> None:
    arguments = (organization, "transfer-agent", "under investigation")
    market.submit(REGULATOR, Chaincode.IDENTITY, "suspend_licence", *arguments)


def represent(market: Market, identity: str) -> None:
    statement = Representation(identity=identity, organization=ISSUER)
    intent = market.sign(identity, statement)
    market.submit(ISSUER, Chaincode.IDENTITY, "represent", statement, intent)


@reaches(LicenceReason.LICENCE_MISSING)
def _(market: Market) -> None:
    market.submit(ISSUER, Chaincode.TOKEN, "issue", "ACME", "alice", 1)


@reaches(LicenceReason.LICENCE_NOT_YET_VALID)
def _(market: Market) -> None:
    grant = market.licence(TRANSFER_AGENT, "transfer-agent")
    tomorrow = {"valid_from": market.after(timedelta(days=1))}
    market.license(grant.model_copy(update=tomorrow))
    act(market)


@reaches(LicenceReason.LICENCE_EXPIRED)
def _(market: Market) -> None:
    market.ledger.advance(LICENCE_LIFE)
    act(market)


@reaches(LicenceReason.LICENCE_SUSPENDED)
def _(market: Market) -> None:
    suspend(market)
    act(market)


@reaches(LicenceReason.LICENCE_UNKNOWN)
def _(market: Market) -> None:
    suspend(market, NEWCOMER)


@reaches(LicenceReason.LICENCE_NOT_SUSPENDED)
def _(market: Market) -> None:
    arguments = (TRANSFER_AGENT, "transfer-agent")
    market.submit(REGULATOR, Chaincode.IDENTITY, "resume_licence", *arguments)


@reaches(LicenceReason.LICENCE_WINDOW_EMPTY)
def _(market: Market) -> None:
    market.license(market.licence(NEWCOMER, "issuer", life=timedelta(0)))


@reaches(LicenceReason.LICENCES_TOO_MANY)
def _(market: Market) -> None:
    grants: list[LicenceGrant] = []
    for number in range(MAX_LICENCES + 1):
        grant = market.licence(NEWCOMER, "issuer")
        grants.append(grant.model_copy(update={"jurisdiction": f"A{chr(ord('A') + number)}"}))
    market.license(*grants)


@reaches(LicenceReason.LICENCE_CLASS_UNKNOWN)
def _(market: Market) -> None:
    market.license(market.licence(NEWCOMER, "astrologer"))


@reaches(LicenceReason.NOT_FOR_ONESELF)
def _(market: Market) -> None:
    market.license(market.licence(REGULATOR, "transfer-agent"))


@reaches(LicenceReason.FUNCTIONS_NOT_SEPARATE)
def _(market: Market) -> None:
    market.license(market.licence(ATS, "clearing"))
    market.agree(market.terms())
    market.submit(ATS, Chaincode.SETTLEMENT, "lock_legs", "T-1")


@reaches(LicenceReason.WAIVER_UNKNOWN)
def _(market: Market) -> None:
    arguments = (ATS, Power.OPERATE_VENUE, Power.CLEAR)
    market.submit(REGULATOR, Chaincode.IDENTITY, "revoke_waiver", *arguments)


@reaches(LicenceReason.ORGANIZATION_TAKEN)
def _(market: Market) -> None:
    represent(market, "alice")
    represent(market, "bob")


@reaches(IdentityReason.IDENTITY_REPRESENTS)
def _(market: Market) -> None:
    represent(market, "alice")
    statement = Representation(identity="alice", organization=BROKER)
    intent = market.sign("alice", statement)
    market.submit(BROKER, Chaincode.IDENTITY, "represent", statement, intent)


@reaches(LicenceReason.ORGANIZATION_NOT_REPRESENTED)
def _(market: Market) -> None:
    market.submit(ISSUER, Chaincode.IDENTITY, "end_representation")
