"""Scenarios whose last call is refused: securities, allowances and holds."""

from datetime import timedelta
from hashlib import sha256

from pydantic import JsonValue
from tests.unit.contracts.refusals.scenarios import (
    BROKER,
    CLEARING,
    TRANSFER_AGENT,
    approve,
    reaches,
)

from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.models import MAX_QUANTITY
from tallystick.contracts.reasons import RegisterReason
from tallystick.contracts.register.models import (
    ForcedMove,
    ForcedOrder,
    HoldExecution,
    SecurityTerms,
)
from tallystick.contracts.statements import (
    AllowanceRaised,
    HoldExtended,
    UnitsAllowed,
    UnitsHeld,
)
from tallystick.contracts.testing import EVIDENCE, Market

SECRET = "open sesame"


def as_agent(market: Market, function: str, *arguments: JsonValue) -> None:
    market.submit(TRANSFER_AGENT, Chaincode.TOKEN, function, "ACME", *arguments)


def hold(market: Market, *, receiver: str | None = "bob") -> None:
    held = UnitsHeld(
        security="ACME",
        holder="alice",
        hold="h-1",
        quantity=10,
        notary=CLEARING,
        receiver=receiver,
        expires_at=market.after(timedelta(hours=1)),
        hash_lock=sha256(SECRET.encode()).hexdigest(),
    )
    market.submit(BROKER, Chaincode.TOKEN, "place_hold", held, market.sign("alice", held))


def execute(market: Market, participant: str = CLEARING, secret: str | None = None) -> None:
    execution = HoldExecution(
        security="ACME", holder="alice", hold="h-1", quantity=10, secret=secret
    )
    market.submit(participant, Chaincode.TOKEN, "execute_hold", execution)


def allow(
    market: Market,
    quantity: int | None,
    *,
    lifetime: timedelta = timedelta(hours=1),
    expected: int | None = None,
    is_covered: bool = False,
) -> None:
    allowed = UnitsAllowed(
        security="ACME",
        holder="alice",
        spender=CLEARING,
        quantity=quantity,
        expires_at=market.after(lifetime),
        expected=expected,
        is_covered=is_covered,
    )
    market.submit(BROKER, Chaincode.TOKEN, "approve", allowed, market.sign("alice", allowed))


@reaches(RegisterReason.SECURITY_ENDED)
def _(market: Market) -> None:
    as_agent(market, "deactivate", "wound up")
    market.transfer("alice", "bob", 1)


@reaches(RegisterReason.ISSUANCE_CLOSED)
def _(market: Market) -> None:
    as_agent(market, "close_issuance")
    market.issue("alice", 1)


@reaches(RegisterReason.CAP_EXCEEDED)
def _(market: Market) -> None:
    as_agent(market, "set_cap", 1000)
    market.issue("alice", 1)


@reaches(RegisterReason.CAP_BELOW_SUPPLY)
def _(market: Market) -> None:
    as_agent(market, "set_cap", 999)


@reaches(RegisterReason.GRANULARITY_MISSED)
def _(market: Market) -> None:
    terms = SecurityTerms(security="FUND", name="A fund", issuer="IssuerMSP", granularity=10)
    market.submit(TRANSFER_AGENT, Chaincode.TOKEN, "create_security", terms)
    market.issue("alice", 15, "FUND")


@reaches(RegisterReason.ENFORCEMENT_RENOUNCED)
def _(market: Market) -> None:
    as_agent(market, "renounce_enforcement")
    taken = ForcedMove(holder="alice", receiver="bob", quantity=1)
    order = ForcedOrder(security="ACME", moves=(taken,), evidence_hash=EVIDENCE)
    market.submit(TRANSFER_AGENT, Chaincode.TOKEN, "force", order)


@reaches(RegisterReason.DOCUMENT_UNKNOWN)
def _(market: Market) -> None:
    as_agent(market, "remove_document", "prospectus")


@reaches(RegisterReason.ALLOWANCE_DIFFERS)
def _(market: Market) -> None:
    approve(market, 5)
    allow(market, 9, expected=4)


@reaches(RegisterReason.ALLOWANCE_UNBOUNDED)
def _(market: Market) -> None:
    allow(market, None)
    raised = AllowanceRaised(security="ACME", holder="alice", spender=CLEARING, quantity=1)
    intent = market.sign("alice", raised)
    market.submit(BROKER, Chaincode.TOKEN, "increase_allowance", raised, intent)


@reaches(RegisterReason.ALLOWANCE_TOO_LARGE)
def _(market: Market) -> None:
    allow(market, MAX_QUANTITY)
    raised = AllowanceRaised(security="ACME", holder="alice", spender=CLEARING, quantity=1)
    intent = market.sign("alice", raised)
    market.submit(BROKER, Chaincode.TOKEN, "increase_allowance", raised, intent)


@reaches(RegisterReason.ALLOWANCE_NOT_COVERED)
def _(market: Market) -> None:
    allow(market, 1001, is_covered=True)


@reaches(RegisterReason.MOMENT_PAST)
def _(market: Market) -> None:
    allow(market, 1, lifetime=timedelta(0))


@reaches(RegisterReason.NOT_THE_NOTARY)
def _(market: Market) -> None:
    hold(market)
    execute(market, BROKER)


@reaches(RegisterReason.SECRET_WRONG)
def _(market: Market) -> None:
    hold(market)
    execute(market, BROKER, "open barley")


@reaches(RegisterReason.HOLD_EXPIRED)
def _(market: Market) -> None:
    hold(market)
    market.ledger.advance(timedelta(hours=1))
    extended = HoldExtended(
        security="ACME", holder="alice", hold="h-1", expires_at=market.after(timedelta(hours=1))
    )
    intent = market.sign("alice", extended)
    market.submit(BROKER, Chaincode.TOKEN, "renew_hold", extended, intent)


@reaches(RegisterReason.CHANGE_UNKNOWN)
def _(market: Market) -> None:
    rows: list[JsonValue] = [{"transaction": "tx", "whose": "alice"}] * 2
    as_agent(market, "fold_changes", "supply", rows)


@reaches(RegisterReason.HOLD_SHORTENED)
def _(market: Market) -> None:
    hold(market)
    shortened = HoldExtended(
        security="ACME", holder="alice", hold="h-1", expires_at=market.after(timedelta(minutes=1))
    )
    intent = market.sign("alice", shortened)
    market.submit(BROKER, Chaincode.TOKEN, "renew_hold", shortened, intent)


@reaches(RegisterReason.HOLD_RECEIVER_MISSING)
def _(market: Market) -> None:
    hold(market, receiver=None)
    execute(market)
