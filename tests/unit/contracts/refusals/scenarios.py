"""What scenarios of refusals share: the table of them, and acts that several need."""

from collections.abc import Callable
from datetime import timedelta

from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.participants import Participant
from tallystick.contracts.purposes import Purpose
from tallystick.contracts.reasons import (
    ReasonTable,
)
from tallystick.contracts.statements import (
    KeyAddition,
    KeyRevocation,
    UnitsAllowed,
    UnitsSent,
)
from tallystick.contracts.testing import Market
from tallystick.contracts.wallet import Wallet

ATS = Participant.ATS
BANK = Participant.BANK
BROKER = Participant.BROKER_DEALER
CLEARING = Participant.CLEARING
TRANSFER_AGENT = Participant.TRANSFER_AGENT
REGULATOR = Participant.REGULATOR

A_YEAR = timedelta(days=366)
TEN_YEARS = timedelta(days=3651)


Scenario = Callable[[Market], object]
SCENARIOS: dict[ReasonTable, Scenario] = {}


def reaches(reason: ReasonTable) -> Callable[[Scenario], Scenario]:
    """Note a scenario as the one whose last call is refused for this reason."""

    def note(scenario: Scenario) -> Scenario:
        assert reason not in SCENARIOS, f"{reason.name} is reached twice"
        SCENARIOS[reason] = scenario
        return scenario

    return note


def sent(quantity: int = 1, *, security: str = "ACME", receiver: str = "bob") -> UnitsSent:
    return UnitsSent(security=security, sender="alice", receiver=receiver, quantity=quantity)


def add_claim(market: Market, level: int = 1, subject: str = "bob") -> None:
    claim = market.claim(subject, level=level)
    market.submit(BROKER, Chaincode.IDENTITY, "add_claim", claim.statement, claim.intent)


def add_key(market: Market, identity: str, wallet: Wallet, *purposes: Purpose) -> None:
    """Give an identity a further key, which signs along as it must."""
    addition = KeyAddition(identity=identity, key=wallet.new_key(*purposes))
    intent = market.sign(identity, addition, wallet)
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
