"""The steps of a cycle: when, by whom and in which order, and what readers see of it."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from tests.unit.contracts.actions_stage import dividend, enter, open_payer, raise_claim, record
from tests.unit.contracts.acts import refused
from tests.unit.contracts.discipline.stage import row
from tests.unit.contracts.netting.books import For
from tests.unit.contracts.netting.cleared import CLEARING, HOUR, SETTLEMENT, ClearedMarket, listed

from tallystick.chaincode import Refusal
from tallystick.chaincode.codec import Argument
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.netting import lifecycle
from tallystick.contracts.netting.models import CyclePage, CycleView, Report
from tallystick.contracts.participants import Participant
from tallystick.contracts.testing import LICENCES
from tallystick.contracts.trades.terms import DvpModel

BROKER = Participant.BROKER_DEALER


@pytest.fixture
def trading(cleared: ClearedMarket) -> ClearedMarket:
    """Ann sells ben ten units for a hundred, in a cycle that is open; both have what they owe."""
    cleared.issue("ann", 10)
    cleared.deposit("ben", 100)
    cleared.trade("T-1", "ann", "ben", For(quantity=10, amount=100))
    cleared.open_cycle(cleared.cycle_terms())
    cleared.accept("T-1")
    return cleared


def cancel(market: ClearedMarket) -> None:
    market.submit(CLEARING, SETTLEMENT, "cancel_cycle", "C-1", "an error")


def cancel_trade(market: ClearedMarket) -> None:
    market.submit(CLEARING, SETTLEMENT, "cancel", "T-1", "an error")


def end(market: ClearedMarket, batch: str) -> None:
    market.submit(Participant.ISSUER, SETTLEMENT, "end_batch", "C-1", batch)


def rows(market: ClearedMarket) -> dict[tuple[str, str], bytes]:
    return {
        (name, str(key)): value
        for name, world in market.ledger.world.rows.items()
        for each in (world.values, world.private)
        for key, value in each.items()
    }


def test_a_cycle_takes_trades_until_its_cut_off_and_settles_from_then_on(
    trading: ClearedMarket,
) -> None:
    """SS-93, to the second."""
    trading.trade("T-2", "ann", "ben")
    now = trading.ledger.now
    trading.ledger.now = now + HOUR - HOUR / 3600
    assert refused(trading.submit, CLEARING, SETTLEMENT, "settle_cycle", "C-1") == "CYCLE_NOT_DUE"

    trading.ledger.now = now + HOUR

    assert refused(trading.accept, "T-2") == "CUT_OFF_PASSED"
    trading.submit(CLEARING, SETTLEMENT, "settle_cycle", "C-1")
    assert trading.status("T-1") == "settled"


def test_a_cycle_settles_from_a_moment_on_and_not_before(cleared: ClearedMarket) -> None:
    terms = cleared.cycle_terms()
    cleared.open_cycle(terms.model_copy(update={"settles_from": cleared.after(24 * HOUR)}))

    assert refused(cleared.settle_cycle) == "CYCLE_NOT_DUE"
    cleared.ledger.advance(22 * HOUR)
    cleared.settle_cycle()

    assert cleared.cycle().cycle.status == "settled"


@pytest.mark.parametrize(
    "step",
    [pytest.param(ClearedMarket.settle_cycle, id="settle"), pytest.param(cancel, id="cancel")],
)
def test_a_cycle_that_has_settled_changes_nothing_any_more(
    step: Callable[[ClearedMarket], object], trading: ClearedMarket
) -> None:
    trading.settle_cycle()
    before = rows(trading)

    assert refused(step, trading) == "CYCLE_STATUS"
    assert rows(trading) == before


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        pytest.param("accept_trades", (listed(["T-1"]),), id="fills"),
        pytest.param("settle_cycle", (), id="settles"),
        pytest.param("cancel_cycle", ("why not",), id="cancels"),
    ],
)
def test_only_who_opened_a_cycle(
    function: str, arguments: tuple[Argument, ...], trading: ClearedMarket
) -> None:
    other = "OtherClearingMSP"
    trading.license(trading.licence(other, "clearing"))

    assert refused(trading.submit, other, SETTLEMENT, function, "C-1", *arguments) == (
        "NOT_THE_CLEARER"
    )


def test_a_venue_that_may_not_trade_any_more_lets_nothing_settle(trading: ClearedMarket) -> None:
    """SS-01, SS-90: every settlement has a live venue and a live clearing firm."""
    trading.submit(
        Participant.REGULATOR, "identity", "suspend_licence", Participant.ATS, "ats", "inquiry"
    )

    assert refused(trading.settle_cycle) == "LICENCE_SUSPENDED"
    assert trading.units("ann") == 10


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        pytest.param("cancel", ("T-1", "an error"), id="cancelled"),
        pytest.param("settle", ("T-1",), id="settled"),
        pytest.param("lock_legs", ("T-1",), id="locked"),
        pytest.param("accept_trades", ("C-2", listed(["T-1"])), id="taken into another cycle"),
        pytest.param("expire", ("T-1",), id="ended by time"),
    ],
)
def test_a_trade_in_a_cycle_cannot_be(
    function: str, arguments: tuple[Argument, ...], trading: ClearedMarket
) -> None:
    trading.open_cycle(trading.cycle_terms("C-2"))
    trading.ledger.advance(timedelta(days=1) if function == "expire" else timedelta(0))

    with pytest.raises(Refusal, match="TRADE_STATUS"):
        trading.submit(CLEARING, SETTLEMENT, function, *arguments)


def test_a_trade_that_expired_while_it_waited_is_dropped(trading: ClearedMarket) -> None:
    trading.ledger.advance(24 * HOUR)

    trading.settle_cycle()

    assert trading.dropped() == {"T-1": ("TRADE_OVERDUE",)}
    trading.submit(Participant.ISSUER, SETTLEMENT, "expire", "T-1")
    assert trading.status("T-1") == "expired"


def test_a_cycle_that_settles_whole_refuses_to_drop_a_trade(cleared: ClearedMarket) -> None:
    """SS-91: all of it or nothing, as the strict reading of model 3 has it."""
    cleared.issue("ann", 10)
    cleared.trade("T-1", "ann", "ben", For(quantity=10, amount=100))
    cleared.open_cycle(cleared.cycle_terms().model_copy(update={"settles_whole": True}))
    cleared.accept("T-1")

    assert refused(cleared.settle_cycle) == "COVER_MISSING"
    cleared.deposit("ben", 100)
    cleared.settle_cycle()

    assert cleared.status("T-1") == "settled"


@pytest.mark.parametrize("model", [DvpModel.NET_MONEY, DvpModel.NET])
def test_the_overseer_ends_the_cycle_of_a_firm_that_has_lost_its_licence(
    cleared: ClearedMarket, model: DvpModel
) -> None:
    """SS-89: abort at any step returns every unit, whoever cannot act any more."""
    cleared.issue("ann", 10)
    cleared.trade("T-1", "ann", "ben", For(quantity=10), model)
    terms = cleared.cycle_terms(model=model).model_copy(update={"keeps_dropped": False})
    cleared.open_cycle(terms)
    cleared.accept("T-1")
    cleared.submit(
        Participant.REGULATOR,
        Chaincode.IDENTITY,
        "suspend_licence",
        CLEARING,
        LICENCES[CLEARING],
        "an inspection",
    )
    assert refused(cancel, cleared) == "LICENCE_SUSPENDED"

    cleared.submit(Participant.REGULATOR, SETTLEMENT, "cancel_cycle", "C-1", "no clearing firm")

    assert cleared.status("T-1") == "cancelled"
    cleared.transfer("ann", "ben", 10)


def test_a_cancelled_cycle_lets_its_trades_go(trading: ClearedMarket) -> None:
    """SS-89."""
    cancel(trading)

    assert trading.cycle().cycle.status == "cancelled"
    assert trading.dropped() == {"T-1": ("CYCLE_STATUS",)}
    trading.open_cycle(trading.cycle_terms("C-2"))
    trading.accept("T-1", cycle="C-2")
    trading.settle_cycle("C-2")
    assert trading.holdings() == {"ann": (0, 0, 100), "ben": (10, 0, 0)}


def test_a_cancelled_cycle_can_end_its_trades_and_give_units_back(cleared: ClearedMarket) -> None:
    cleared.issue("ann", 10)
    cleared.trade("T-1", "ann", "ben", For(quantity=10), DvpModel.NET_MONEY)
    terms = cleared.cycle_terms(model=DvpModel.NET_MONEY)
    cleared.open_cycle(terms.model_copy(update={"keeps_dropped": False}))
    cleared.accept("T-1")

    cancel(cleared)

    assert cleared.status("T-1") == "cancelled"
    cleared.transfer("ann", "ben", 10)


def test_units_and_money_are_final_at_once_though_rows_of_many_trades_follow(
    cleared: ClearedMarket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SS-87: nothing can be done with a trade between the settlement and its row."""
    monkeypatch.setattr(lifecycle, "MAX_ENDED", 1)
    cleared.issue("ann", 10)
    cleared.deposit("ben", 100)
    for name, quantity in (("T-1", 10), ("T-2", 1)):
        cleared.trade(name, "ann", "ben", For(quantity=quantity, amount=100))
    cleared.open_cycle(cleared.cycle_terms())
    batch = cleared.accept("T-1", "T-2").transaction_id
    assert refused(end, cleared, batch) == "CYCLE_STATUS"

    cleared.settle_cycle()

    assert cleared.holdings() == {"ann": (0, 0, 100), "ben": (10, 0, 0)}
    assert (cleared.status("T-1"), cleared.status("T-2")) == ("in-cycle", "in-cycle")
    assert refused(cancel_trade, cleared) == "TRADE_STATUS"
    end(cleared, batch)
    assert (cleared.status("T-1"), cleared.status("T-2")) == ("settled", "failing")
    assert refused(end, cleared, batch) == "NOTHING_TO_END"


def test_readers_see_of_a_cycle_what_is_theirs(trading: ClearedMarket) -> None:
    """SS-95, SS-107: members see their own positions, the market none."""
    trading.settle_cycle()

    def seen(participant: str, *party: str) -> Report | None:
        answer = trading.submit(participant, SETTLEMENT, "cycle", "C-1", *party)
        return answer.load(CycleView).report

    own, everything = seen(BROKER, "ann"), seen(Participant.ATS)
    assert own is not None
    assert everything is not None
    assert {each.member for each in own.positions} == {"ann"}
    assert own.assets == ()
    assert {each.member for each in everything.positions} == {"ann", "ben"}
    assert seen(BROKER) is None
    assert seen(Participant.ISSUER, "ann") is None


def test_what_would_settle_can_be_asked_beforehand(trading: ClearedMarket) -> None:
    trading.trade("T-2", "ben", "ann", For(quantity=1, amount=500))
    trading.accept("T-2")

    answer = trading.submit(CLEARING, SETTLEMENT, "preview_cycle", "C-1").load(Report)

    assert [each.trade for each in answer.dropped] == ["T-2"]
    trading.settle_cycle()
    assert trading.report() == answer
    assert refused(trading.submit, BROKER, SETTLEMENT, "preview_cycle", "C-1") == "LICENCE_MISSING"


def test_cycles_come_in_pages(cleared: ClearedMarket) -> None:
    for name in ("C-1", "C-2"):
        cleared.open_cycle(cleared.cycle_terms(name))

    first = cleared.evaluate(SETTLEMENT, "cycles", 1).load(CyclePage)
    second = cleared.evaluate(SETTLEMENT, "cycles", 1, first.bookmark).load(CyclePage)

    assert [page.cycles[0].terms.cycle for page in (first, second)] == ["C-1", "C-2"]


def test_a_trade_ended_when_its_cycle_did_though_its_row_follows(
    cleared: ClearedMarket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """W30, SS-87: who was on the register at the record date is not owed it once more."""
    monkeypatch.setattr(lifecycle, "MAX_ENDED", 0)
    open_payer(cleared)
    cleared.issue("ann", 1000)
    cleared.deposit("ben", 5000)
    cleared.trade("T-1", "ann", "ben", For(100, 5000))
    cleared.open_cycle(cleared.cycle_terms())
    batch = cleared.accept("T-1").transaction_id
    settled_at = cleared.after(HOUR)
    cleared.settle_cycle()
    record(cleared, dividend(cleared))
    enter(cleared, "ann", "ben")

    assert refused(raise_claim, cleared) == "MARKET_CLAIM_NOT_DUE"
    end(cleared, batch)

    assert row(cleared).ended_at == settled_at
    assert refused(raise_claim, cleared) == "MARKET_CLAIM_NOT_DUE"
