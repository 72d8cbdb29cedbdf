"""Acts of a market that tests of the register share, each by whoever is entitled to it."""

from datetime import timedelta
from hashlib import sha256

from tallystick.chaincode.codec import Argument
from tallystick.chaincode.testing import Outcome
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.participants import Participant
from tallystick.contracts.register.models import (
    AllowanceLine,
    ForcedMove,
    ForcedOrder,
    Holding,
    HoldLine,
    LotLine,
)
from tallystick.contracts.statements import (
    ANY_SCOPE,
    AllowanceScope,
    Statement,
    UnitsAllowed,
    UnitsHeld,
    UnitsSent,
)
from tallystick.contracts.testing import EVIDENCE, Market

TOKEN = Chaincode.TOKEN
HOUR = timedelta(hours=1)
SECRET = "open sesame"
HASH_LOCK = sha256(SECRET.encode()).hexdigest()


def as_agent(market: Market, function: str, *arguments: Argument) -> Outcome:
    return market.submit(Participant.TRANSFER_AGENT, TOKEN, function, *arguments)


def signed(market: Market, signer: str, statement: Statement) -> Outcome:
    """Submit what somebody signed, through the broker-dealer."""
    intent = market.sign(signer, statement)
    broker = Participant.BROKER_DEALER
    return market.submit(broker, TOKEN, statement.kind, statement, intent)


def sent(quantity: int, sender: str = "alice", receiver: str = "bob") -> UnitsSent:
    return UnitsSent(security="ACME", sender=sender, receiver=receiver, quantity=quantity)


def holding(market: Market, holder: str = "alice") -> Holding:
    return market.evaluate(TOKEN, "holding", "ACME", holder).load(Holding)


def lots(market: Market, holder: str, *tranche: str) -> tuple[LotLine, ...]:
    return market.evaluate(TOKEN, "lots", "ACME", holder, *tranche).load(tuple[LotLine, ...])


# --- allowances ---


def allow(
    market: Market,
    quantity: int | None,
    scope: AllowanceScope = ANY_SCOPE,
    *,
    expected: int | None = None,
    is_covered: bool = False,
) -> Outcome:
    """Let the clearing firm draw units of alice for an hour."""
    allowed = UnitsAllowed(
        security="ACME",
        holder="alice",
        spender=Participant.CLEARING,
        quantity=quantity,
        expires_at=market.after(HOUR),
        scope=scope,
        expected=expected,
        is_covered=is_covered,
    )
    return signed(market, "alice", allowed)


def draw(market: Market, quantity: int, scope: AllowanceScope = ANY_SCOPE) -> Outcome:
    """Draw units of alice for bob, as the clearing firm."""
    return market.submit(Participant.CLEARING, TOKEN, "transfer_from", sent(quantity), scope)


def allowances(market: Market) -> dict[str, int | None]:
    """Return what of alice's may be drawn, by scope."""
    lines = market.evaluate(TOKEN, "allowances", "ACME", "alice").load(tuple[AllowanceLine, ...])
    return {line.scope.name: line.quantity for line in lines}


# --- holds ---


def hold(
    market: Market,
    quantity: int = 100,
    *,
    name: str = "h-1",
    receiver: str | None = "bob",
    hash_lock: str | None = None,
) -> Outcome:
    """Hold units of alice for an hour, under the clearing firm as notary."""
    held = UnitsHeld(
        security="ACME",
        holder="alice",
        hold=name,
        quantity=quantity,
        notary=Participant.CLEARING,
        receiver=receiver,
        expires_at=market.after(HOUR),
        hash_lock=hash_lock,
    )
    return signed(market, "alice", held)


def holds(market: Market) -> dict[str, int]:
    """Return what is held of alice's, by name of the hold."""
    lines = market.evaluate(TOKEN, "holds", "ACME", "alice").load(tuple[HoldLine, ...])
    return {line.hold: line.quantity for line in lines}


# --- orders ---


def force(
    market: Market, quantity: int, receiver: str | None = "bob", *, holder: str = "alice"
) -> Outcome:
    """Take units of somebody by order."""
    taken = ForcedMove(holder=holder, receiver=receiver, quantity=quantity)
    order = ForcedOrder(security="ACME", moves=(taken,), evidence_hash=EVIDENCE)
    return as_agent(market, "force", order)
