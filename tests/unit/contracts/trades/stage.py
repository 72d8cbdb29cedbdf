"""What tests of trades share: the steps, each as somebody entitled takes it, and what they show."""

from collections.abc import Callable, Mapping
from datetime import timedelta

from tallystick.chaincode.testing import Outcome
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.instants import Instant
from tallystick.contracts.participants import Participant
from tallystick.contracts.register.models import Holding
from tallystick.contracts.statements import Consent, Withdrawal
from tallystick.contracts.testing import Market
from tallystick.contracts.trades.models import Status, TradeView
from tallystick.contracts.trades.states import Step
from tallystick.contracts.trades.terms import TradeTerms

P = Participant
SETTLEMENT = Chaincode.SETTLEMENT
A_DAY = timedelta(days=1)
AN_HOUR = timedelta(hours=1)
MEDIATOR = P.BANK

BEFORE = (1000, 0, 0, 50_000)
SETTLED = (990, 10, 500, 49_500)


def view(
    market: Market, trade: str = "T-1", reader: str = P.REGULATOR, party: str = ""
) -> TradeView:
    """Return a trade as somebody sees it."""
    return market.submit(reader, SETTLEMENT, "trade", trade, party).load(TradeView)


def holdings(market: Market) -> tuple[int, int, int, int]:
    """Return the units of alice and bob, then their money."""
    return market.units("alice"), market.units("bob"), market.money("alice"), market.money("bob")


def held(market: Market, holder: str = "alice") -> int:
    """Return how many ACME of a holder are on hold."""
    return market.evaluate(Chaincode.TOKEN, "holding", "ACME", holder).load(Holding).held


def mediated(market: Market) -> TradeTerms:
    """Return terms of a trade with one mediator."""
    return market.terms().model_copy(update={"mediators": (MEDIATOR,)})


def approve(market: Market, until: Instant | None = None) -> None:
    """Approve T-1 as its mediator."""
    market.submit(MEDIATOR, SETTLEMENT, "approve_trade", "T-1", until or market.after(10 * A_DAY))


def give_consent(market: Market) -> None:
    """Enter the buyer's consent to T-1."""
    digest = view(market).trade.terms_hash
    consent = Consent(trade="T-1", side="buyer", party="bob", terms_hash=digest)
    intent = market.sign("bob", consent)
    market.submit(P.ISSUER, SETTLEMENT, "consent", "T-1", "buyer", intent=intent)


def settle_at_once(market: Market, trade: str = "T-1") -> Outcome:
    """Settle a trade gross, in real time."""
    return market.submit(P.CLEARING, SETTLEMENT, "settle_at_once", trade)


def freeze(market: Market) -> None:
    """Freeze the seller."""
    market.submit(P.TRANSFER_AGENT, Chaincode.TOKEN, "freeze", "ACME", "alice", "court order 7")


def unfreeze(market: Market) -> None:
    """Cure that."""
    market.submit(P.TRANSFER_AGENT, Chaincode.TOKEN, "unfreeze", "ACME", "alice")


def record_failure(market: Market, trade: str = "T-1") -> Outcome:
    """Record what stands against a trade."""
    return market.submit(P.CLEARING, SETTLEMENT, "record_failure", trade)


def fail(market: Market) -> None:
    """Record that T-1 fails since the seller is frozen, and cure that."""
    freeze(market)
    record_failure(market)
    unfreeze(market)


def withdraw(market: Market) -> None:
    """End T-1 as its seller."""
    said = Withdrawal(trade="T-1", side="seller", party="alice", reason="second thoughts")
    intent = market.sign("alice", said)
    market.submit(P.ISSUER, SETTLEMENT, "withdraw", "T-1", "seller", said.reason, intent=intent)


def reject(market: Market) -> None:
    """End T-1 as its mediator."""
    market.submit(MEDIATOR, SETTLEMENT, "reject_trade", "T-1", "not in order")


def cancel(market: Market) -> None:
    """End T-1 as its venue."""
    market.submit(P.ATS, SETTLEMENT, "cancel", "T-1", "an error")


def expire(market: Market) -> None:
    """End T-1 when its time is over."""
    market.ledger.advance(A_DAY)
    market.submit(P.ISSUER, SETTLEMENT, "expire", "T-1")


STEPS: Mapping[Step, Callable[[Market], object]] = {
    Step.CONSENT: give_consent,
    Step.APPROVE: approve,
    Step.LOCK: Market.lock,
    Step.SETTLE: Market.settle,
    Step.SETTLE_AT_ONCE: settle_at_once,
    Step.RECORD_FAILURE: fail,
    Step.WITHDRAW: withdraw,
    Step.REJECT: reject,
    Step.CANCEL: cancel,
    Step.EXPIRE: expire,
}

# The steps that lead to each status from a trade to which everybody has agreed.
WAYS: Mapping[Status, tuple[Step, ...]] = {
    Status.PROPOSED: (),
    Status.LOCKED: (Step.LOCK,),
    Status.FAILING: (Step.LOCK, Step.RECORD_FAILURE),
    Status.SETTLED: (Step.LOCK, Step.SETTLE),
    Status.WITHDRAWN: (Step.WITHDRAW,),
    Status.REJECTED: (Step.LOCK, Step.REJECT),
    Status.CANCELLED: (Step.LOCK, Step.CANCEL),
    Status.EXPIRED: (Step.LOCK, Step.EXPIRE),
}


def brought_to(market: Market, status: Status) -> Market:
    """Return the market with the mediated trade T-1 in a status."""
    market.agree(mediated(market))
    approve(market)
    for step in WAYS[status]:
        STEPS[step](market)
    return market
