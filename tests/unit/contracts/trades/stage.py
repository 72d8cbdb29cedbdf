"""What tests of trades share: the steps, each as somebody entitled takes it, and what they show."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from pydantic import JsonValue
from tests.unit.contracts.discipline import stage as discipline

from tallystick.chaincode.testing import Outcome
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.discipline.models import Cause
from tallystick.contracts.instants import Instant
from tallystick.contracts.netting.models import CycleTerms
from tallystick.contracts.participants import Participant
from tallystick.contracts.register.models import Holding
from tallystick.contracts.statements import Consent, Withdrawal
from tallystick.contracts.testing import Market
from tallystick.contracts.trades.models import Status, TradeView
from tallystick.contracts.trades.states import Step
from tallystick.contracts.trades.terms import DvpModel, TradeTerms

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
    market.ledger.now = datetime.fromisoformat(view(market).trade.expires_at)
    market.submit(P.ISSUER, SETTLEMENT, "expire", "T-1")


def buy_in(market: Market) -> None:
    """End T-1 since T-2 has brought its buyer the units."""
    market.submit(P.BROKER_DEALER, SETTLEMENT, "execute_buy_in", "T-1", "T-2")


def accept_into_cycle(market: Market) -> None:
    """Open a cycle, and accept T-1 for it."""
    terms = CycleTerms(
        cycle="C-1",
        venue=P.ATS,
        model=DvpModel.NET,
        cut_off_at=market.after(AN_HOUR),
        settles_from=market.after(AN_HOUR),
    )
    market.submit(P.CLEARING, SETTLEMENT, "open_cycle", terms)
    named: list[JsonValue] = ["T-1"]
    market.submit(P.CLEARING, SETTLEMENT, "accept_trades", "C-1", named)


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
    Step.BUY_IN: buy_in,
    Step.EXPIRE: expire,
}
"""What is done with a trade by itself: a cycle does the others with all that are in it."""

# The steps that lead to each status but a cycle from a trade to which everybody has agreed.
WAYS: Mapping[Status, tuple[Step, ...]] = {
    Status.PROPOSED: (),
    Status.LOCKED: (Step.LOCK,),
    Status.FAILING: (Step.LOCK, Step.RECORD_FAILURE),
    Status.SETTLED: (Step.LOCK, Step.SETTLE),
    Status.WITHDRAWN: (Step.WITHDRAW,),
    Status.REJECTED: (Step.LOCK, Step.REJECT),
    Status.CANCELLED: (Step.LOCK, Step.CANCEL),
    Status.BOUGHT_IN: (Step.BUY_IN,),
    Status.EXPIRED: (Step.LOCK, Step.EXPIRE),
}


def called_in(**changes: object) -> Market:
    """Return a market where T-1 fails, and its buyer has had the units from carol, by T-2."""
    market = Market()
    discipline.go_to(market, discipline.TRADED)
    market.open()
    market.onboard("alice", "bob", "carol")
    for seller in ("alice", "carol"):
        market.issue(seller, 1000)
    market.deposit("bob", discipline.AMOUNT)
    discipline.prepare(market)
    discipline.matched(market, "T-1", **changes)
    discipline.go_to(market, "2026-04-09T21:00:00Z")
    discipline.note(market, "2026-04-06", Cause.LACK_OF_SECURITIES, "seller")
    discipline.call(market)
    discipline.go_to(market, "2026-04-10T15:00:00Z")
    day = "2026-04-10"
    discipline.matched(market, "T-2", seller="carol", cycle=0, settlement_day=day)
    settle_at_once(market, "T-2")
    return market


def brought_to(status: Status) -> Market:
    """Return a market with T-1, for which its buyer has found other units, in a status.

    It has a mediator, but in a cycle, where no trade has any.
    """
    if status is Status.IN_CYCLE:
        market = called_in(model=DvpModel.NET)
        accept_into_cycle(market)
        return market
    market = called_in(mediators=(MEDIATOR,))
    approve(market, until=market.after(365 * A_DAY))
    for step in WAYS[status]:
        STEPS[step](market)
    return market
