"""Lost keys in the middle of things: trades, cycles, claims and entitlements go on as if none were.

Every case is done twice: in one market both parties are recovered halfway, in the other nobody is.
"""

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from tests.unit.contracts import actions_stage as actions
from tests.unit.contracts.acts import refused
from tests.unit.contracts.discipline import stage as discipline
from tests.unit.contracts.netting.books import For
from tests.unit.contracts.netting.cleared import SETTLEMENT, ClearedMarket, cleared_of
from tests.unit.contracts.trades.stage import record_failure
from tests.unit.contracts.trades.test_recovered_parties import recover

from tallystick.chaincode import Refusal
from tallystick.contracts.cash.models import CashAccount
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.netting.models import CycleView
from tallystick.contracts.participants import Participant
from tallystick.contracts.register.models import Holding
from tallystick.contracts.statements import CancelTrade, EntitlementClaimed, UnitsSent
from tallystick.contracts.testing import Market
from tallystick.contracts.trades.models import TradeView
from tallystick.contracts.trades.terms import DvpModel

P = Participant
TOKEN, CASH = Chaincode.TOKEN, Chaincode.CASH
Act = Callable[[ClearedMarket], object]


@dataclass(frozen=True, slots=True)
class MidWay:
    """Something that takes two steps: what happens before keys are lost, and what after."""

    begin: Act
    finish: Act


def sell(market: ClearedMarket, model: DvpModel = DvpModel.GROSS) -> None:
    """Let alice sell bob ten units for 500 cents."""
    market.trade("T-1", "alice", "bob", For(10, 500), model)


def sell_and_lock(market: ClearedMarket) -> None:
    sell(market)
    market.lock()


def lock_and_settle(market: ClearedMarket) -> None:
    market.lock()
    market.settle()


def sell_and_fail(market: ClearedMarket) -> None:
    sell_and_lock(market)
    market.submit(P.TRANSFER_AGENT, TOKEN, "freeze", "ACME", "alice", "court order 7")
    record_failure(market)
    market.submit(P.TRANSFER_AGENT, TOKEN, "unfreeze", "ACME", "alice")


def consent_in_part(market: ClearedMarket) -> None:
    terms = market.terms()
    market.propose(terms)
    market.consent(terms, "seller")


def consent_as_buyer(market: ClearedMarket) -> None:
    market.consent(discipline.recorded_terms(market), "buyer")


def consent_and_settle(market: ClearedMarket) -> None:
    consent_as_buyer(market)
    lock_and_settle(market)


def hold_as_seller(market: ClearedMarket) -> None:
    sell(market)
    discipline.hold(market, "seller")


def hold_as_the_buyer(market: ClearedMarket) -> None:
    discipline.hold(market, "buyer")


def release_as_seller(market: ClearedMarket) -> None:
    discipline.hold(market, "seller", holds=False)


def release_and_settle(market: ClearedMarket) -> None:
    release_as_seller(market)
    lock_and_settle(market)


def ask_to_cancel(market: ClearedMarket) -> None:
    sell_and_lock(market)
    discipline.agree(market, "seller", CancelTrade())


def agree_to_cancel(market: ClearedMarket) -> None:
    discipline.agree(market, "buyer", CancelTrade())


def in_cycle(model: DvpModel) -> Act:
    """Return what takes two trades into a cycle, which both parties owe in, and pledge for."""

    def begin(market: ClearedMarket) -> None:
        market.issue("bob", 4)
        market.pledge("bob", 49_900)
        market.lend("bob", 50)
        sell(market, model)
        market.trade("T-2", "bob", "alice", For(4, 100), model)
        terms = market.cycle_terms(model=model)
        market.open_cycle(terms.model_copy(update={"draws_collateral": True}))
        market.accept("T-1", "T-2")

    return begin


def dropped(market: ClearedMarket) -> None:
    """Leave a trade with its units held, since nobody covered its price in a first cycle."""
    market.submit(P.BANK, CASH, "withdraw", "USD", "bob", 50_000)
    sell(market, DvpModel.NET_MONEY)
    market.open_cycle(market.cycle_terms(model=DvpModel.NET_MONEY))
    market.accept("T-1")
    market.settle_cycle()


def next_cycle(market: ClearedMarket) -> None:
    market.deposit("bob", 500)
    market.open_cycle(market.cycle_terms("C-2", DvpModel.NET_MONEY))
    market.accept("T-1", cycle="C-2")
    market.settle_cycle("C-2")


def owed_a_dividend(market: ClearedMarket) -> None:
    actions.open_payer(market)
    actions.record(market, actions.dividend(market))
    actions.enter(market, "alice")
    actions.fund(market, 5000)
    market.ledger.advance(actions.A_DAY)


def claim_it(market: ClearedMarket) -> None:
    claimed = EntitlementClaimed(action="D-1", holder="alice")
    intent = market.sign("alice", claimed)
    market.submit(P.ISSUER, SETTLEMENT, "claim_entitlement", claimed, intent)


def claimed_by_the_buyer(market: ClearedMarket) -> None:
    """Let a trade be open over a record date, and the buyer be owed what the seller gets."""
    actions.open_payer(market)
    actions.agree_for_long(market, 400)
    market.lock()
    actions.record(market, actions.dividend(market))
    actions.enter(market, "alice")
    actions.fund(market, 5000)
    actions.raise_claim(market)
    market.ledger.advance(actions.A_DAY)


def settle_and_pay(market: ClearedMarket) -> None:
    market.settle()
    actions.resolve_claim(market)
    actions.pay(market, "alice", "bob")


CASES = pytest.mark.parametrize(
    "case",
    [
        pytest.param(MidWay(consent_in_part, consent_and_settle), id="one side has consented"),
        pytest.param(MidWay(sell, lock_and_settle), id="proposed"),
        pytest.param(MidWay(sell_and_lock, Market.settle), id="locked"),
        pytest.param(MidWay(sell_and_fail, Market.settle), id="failing"),
        pytest.param(MidWay(hold_as_seller, release_and_settle), id="on hold"),
        pytest.param(MidWay(ask_to_cancel, agree_to_cancel), id="asked to be cancelled"),
        pytest.param(
            MidWay(in_cycle(DvpModel.NET_MONEY), ClearedMarket.settle_cycle), id="in-cycle, DvP 2"
        ),
        pytest.param(
            MidWay(in_cycle(DvpModel.NET), ClearedMarket.settle_cycle), id="in-cycle, DvP 3"
        ),
        pytest.param(MidWay(dropped, next_cycle), id="left a cycle"),
        pytest.param(MidWay(owed_a_dividend, claim_it), id="owed a dividend"),
        pytest.param(MidWay(claimed_by_the_buyer, settle_and_pay), id="owed a market claim"),
    ],
)


def rows(market: Market) -> dict[tuple[str, str], bytes]:
    """Return all rows but those of `identity`, where keys are."""
    return {
        (name, str(key)): value
        for name, found in market.ledger.world.rows.items()
        if name != Chaincode.IDENTITY
        for each in (found.values, found.private)
        for key, value in each.items()
    }


def come_to(market: ClearedMarket) -> object:
    """Return what parties have, hold, owe and net to, and where their trades stand."""
    names = [name for name in ("T-1", "T-2") if has_trade(market, name)]
    return (
        [market.evaluate(TOKEN, "holding", "ACME", each).load(Holding) for each in PARTIES],
        [market.evaluate(CASH, "account", "USD", each).load(CashAccount) for each in PARTIES],
        [market.status(name) for name in names],
        [cycle_of(market, each) for each in ("C-1", "C-2")],
    )


PARTIES = ("alice", "bob")


def has_trade(market: Market, name: str) -> bool:
    try:
        market.evaluate(SETTLEMENT, "trade", name).load(TradeView)
    except Refusal:
        return False
    return True


def cycle_of(market: Market, cycle: str) -> object:
    try:
        return market.evaluate(SETTLEMENT, "cycle", cycle).load(CycleView).report
    except Refusal:
        return None


@CASES
def test_whoever_recovers_halfway_ends_where_it_would_have_ended(
    case: MidWay, market: Market
) -> None:
    """SS-67, SS-89, W19, F63: units, counts, locks, pledges, nets belong to the identity."""
    undisturbed = cleared_of(market)
    case.begin(undisturbed)
    recovered = undisturbed.fork()
    before = rows(recovered)

    for party in PARTIES:
        recover(recovered, party)

    assert rows(recovered) == before
    case.finish(recovered)
    case.finish(undisturbed)
    assert come_to(recovered) == come_to(undisturbed)
    assert rows(recovered) != before, "something was left to be done"


@CASES
def test_after_it_only_the_new_key_disposes_of_what_there_is(case: MidWay, market: Market) -> None:
    """SS-67: also of what came in after the loss."""
    cleared = cleared_of(market)
    case.begin(cleared)
    lost = dict(cleared.wallets)
    for party in PARTIES:
        recover(cleared, party)
    case.finish(cleared)
    fresh = cleared.wallets
    sender, receiver = PARTIES if cleared.units("alice") else PARTIES[::-1]

    cleared.wallets = lost
    assert refused(send_all, cleared, sender, receiver) == "INTENT_KEY_UNKNOWN"
    cleared.wallets = fresh
    units = cleared.units(sender)
    send_all(cleared, sender, receiver)

    assert units > 0
    assert cleared.units(sender) == 0


@pytest.mark.parametrize(
    ("begin", "act", "code"),
    [
        pytest.param(sell_and_lock, hold_as_the_buyer, "SIDE_NOT_SIGNED", id="puts on hold"),
        pytest.param(hold_as_seller, release_as_seller, "SIDE_NOT_SIGNED", id="releases"),
        pytest.param(ask_to_cancel, agree_to_cancel, "SIDE_NOT_SIGNED", id="agrees to a change"),
        pytest.param(consent_in_part, consent_as_buyer, "SIDE_NOT_SIGNED", id="consents"),
        pytest.param(owed_a_dividend, claim_it, "INTENT_KEY_UNKNOWN", id="claims a dividend"),
    ],
)
def test_the_lost_key_does_nothing_in_the_middle_of_anything(
    begin: Act, act: Act, code: str, market: Market
) -> None:
    """SS-67, W19."""
    cleared = cleared_of(market)
    begin(cleared)
    lost = dict(cleared.wallets)
    for party in PARTIES:
        recover(cleared, party)
    cleared.wallets = lost
    before = rows(cleared)

    assert refused(act, cleared) == code

    assert rows(cleared) == before


def send_all(market: Market, sender: str, receiver: str) -> None:
    """Send all that somebody holds, by its signature."""
    quantity = market.units(sender)
    sent = UnitsSent(security="ACME", sender=sender, receiver=receiver, quantity=quantity)
    market.submit(P.BANK, TOKEN, "transfer", sent, market.sign(sender, sent))
