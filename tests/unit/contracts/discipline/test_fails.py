"""Trades that do not settle on their day: age, causes, penalties, and who pays them."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.contracts.discipline import stage
from tests.unit.contracts.discipline.stage import (
    A_SECOND,
    AMOUNT,
    CUT_OFFS,
    NEW_YORK,
    PENALTY,
    SETTLEMENT,
    P,
    collect,
    fail,
    go_to,
    hold,
    matched,
    note,
    read_pack,
    row,
    terms,
)

from tallystick.chaincode import Refusal
from tallystick.contracts.calendars.models import Calendar
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.discipline.models import Cause, CauseNote, FailRecord, FailView
from tallystick.contracts.discipline.packs import DisciplinePack, Regime, RegimePeriod
from tallystick.contracts.discipline.payments import Owed, netted
from tallystick.contracts.discipline.penalties import Blame, Facts, Figures, blame, penalty_of
from tallystick.contracts.statements import Side
from tallystick.contracts.testing import Market

CALENDAR = Calendar(**dict(NEW_YORK), version=1, kept_by="")
LACK = Cause.LACK_OF_SECURITIES


# --- age ---


@pytest.mark.parametrize("days", range(3))
def test_a_trade_grows_a_day_older_at_the_second_of_each_cut_off(
    days: int, disciplined: Market
) -> None:
    """SS-98, F144, W12: nobody has done anything; a query sees the right age."""
    matched(disciplined)
    go_to(disciplined, CUT_OFFS[days])
    disciplined.ledger.advance(-A_SECOND)
    before = fail(disciplined)
    disciplined.ledger.advance(A_SECOND)
    after = fail(disciplined)

    assert (before.age, after.age) == (days, days + 1)
    assert before.failing_since == (CUT_OFFS[0] if days else None)
    assert after.failing_since == CUT_OFFS[0]


def test_the_age_stays_what_it_was_when_the_trade_settled(disciplined: Market) -> None:
    matched(disciplined)
    go_to(disciplined, CUT_OFFS[1])
    disciplined.lock()
    disciplined.settle()
    go_to(disciplined, CUT_OFFS[2])

    assert fail(disciplined).age == 2


def test_a_trade_settled_in_the_last_second_of_its_day_never_failed(disciplined: Market) -> None:
    """SS-98."""
    matched(disciplined)
    go_to(disciplined, CUT_OFFS[0])
    disciplined.ledger.advance(-A_SECOND)
    disciplined.lock()
    disciplined.settle()
    go_to(disciplined, CUT_OFFS[2])

    assert fail(disciplined).age == 0


def test_everybody_sees_the_age_and_only_readers_of_the_terms_the_cause(
    disciplined: Market,
) -> None:
    """SS-107."""
    matched(disciplined)
    go_to(disciplined, CUT_OFFS[0])
    note(disciplined, "2026-04-06", LACK, "seller")

    def seen(reader: str, party: str = "") -> FailView:
        return disciplined.submit(reader, SETTLEMENT, "fail", "T-1", party).load(FailView)

    assert seen(P.ISSUER).age == 1
    assert (seen(P.ISSUER).days, seen(P.ISSUER).record) == (None, None)
    for view in (seen(P.REGULATOR), seen(P.BROKER_DEALER, "bob")):
        assert view.days is not None
        assert [(each.cause, each.side, each.penalty) for each in view.days] == [
            (LACK, "seller", PENALTY)
        ]


# --- causes ---


def facts(**changes: object) -> Facts:
    usual = {
        "calendar": CALENDAR,
        "settlement_day": "2026-04-06",
        "until": CUT_OFFS[2],
        "matched_at": "2026-04-02T15:00:00Z",
        "late": None,
        "security": "ACME",
        "cash": "USD",
        "amount": AMOUNT,
    }
    return Facts(**{**usual, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("matched_at", "late", "expected"),
    [
        pytest.param("2026-04-06T20:59:59Z", "buyer", Blame(None, None), id="in time"),
        pytest.param(CUT_OFFS[0], "buyer", Blame(Cause.LATE_MATCHING, "buyer"), id="too late"),
        pytest.param(CUT_OFFS[0], None, Blame(Cause.LATE_MATCHING, None), id="both at once"),
        pytest.param(None, None, Blame(Cause.LATE_MATCHING, None), id="never"),
    ],
)
def test_who_consented_last_is_responsible_until_the_trade_is_matched(
    matched_at: str | None, late: Side | None, expected: Blame
) -> None:
    """F144: exact at the second of the cut-off."""
    assert blame(facts(matched_at=matched_at, late=late), FailRecord(), "2026-04-06") == expected


def test_a_consent_that_is_given_anew_makes_nobody_late(disciplined: Market) -> None:
    """F144, SS-85: the seller had nothing to deliver while the buyer's first consent counted."""
    proposed = terms(disciplined)
    disciplined.propose(proposed)
    disciplined.consent(proposed, "seller")
    disciplined.consent(proposed, "buyer", CUT_OFFS[1])
    go_to(disciplined, CUT_OFFS[1])
    note(disciplined, "2026-04-06", LACK, "seller")
    disciplined.consent(proposed, "buyer")

    assert causes(disciplined) == [(LACK, "seller")] * 2


def test_a_consent_that_ended_before_the_other_came_matches_nothing(disciplined: Market) -> None:
    """F144, SS-85: so who gives it anew has consented last."""
    proposed = terms(disciplined)
    disciplined.propose(proposed)
    disciplined.consent(proposed, "buyer", disciplined.after(A_SECOND))
    disciplined.ledger.advance(A_SECOND)
    disciplined.consent(proposed, "seller")
    go_to(disciplined, CUT_OFFS[0])
    assert causes(disciplined) == [(Cause.LATE_MATCHING, None)]
    disciplined.consent(proposed, "buyer")

    assert causes(disciplined) == [(Cause.LATE_MATCHING, "buyer")]


def causes(market: Market) -> list[tuple[Cause | None, Side | None]]:
    """Return why a trade failed on each day, and who is responsible."""
    days = fail(market).days
    assert days is not None, "the regulator may read"
    return [(each.cause, each.side) for each in days]


def test_what_clearing_recorded_holds_from_its_day_until_the_next_note() -> None:
    record = FailRecord(
        notes=(
            CauseNote(day="2026-04-06", cause=LACK, side="seller"),
            CauseNote(day="2026-04-08", cause=Cause.LACK_OF_CASH, side="buyer"),
        )
    )
    sides = [blame(facts(), record, f"2026-04-0{day}").side for day in (6, 7, 8)]

    assert sides == ["seller", "seller", "buyer"]


def test_a_side_that_holds_the_trade_at_the_cut_off_is_responsible(disciplined: Market) -> None:
    """F144: held for one cut-off, released at the second of the next."""
    matched(disciplined)
    hold(disciplined, "buyer")
    go_to(disciplined, CUT_OFFS[1])
    disciplined.ledger.advance(-A_SECOND)
    hold(disciplined, "buyer", holds=False)
    go_to(disciplined, CUT_OFFS[1])
    days = fail(disciplined).days

    assert days is not None
    assert [(each.cause, each.side) for each in days] == [(Cause.ON_HOLD, "buyer"), (None, None)]


def test_a_hold_of_the_very_second_of_the_cut_off_is_of_the_next_day(disciplined: Market) -> None:
    matched(disciplined)
    go_to(disciplined, CUT_OFFS[0])
    hold(disciplined, "buyer")
    go_to(disciplined, CUT_OFFS[1])
    days = fail(disciplined).days

    assert days is not None
    assert [each.cause for each in days] == [None, Cause.ON_HOLD]


def test_two_sides_that_hold_owe_each_other_nothing(disciplined: Market) -> None:
    matched(disciplined)
    hold(disciplined, "buyer")
    hold(disciplined, "seller")
    go_to(disciplined, CUT_OFFS[0])
    days = fail(disciplined).days

    assert days is not None
    assert [(each.cause, each.side, each.penalty) for each in days] == [(Cause.ON_HOLD, None, 0)]


def test_a_late_match_costs_who_came_last(disciplined: Market) -> None:
    agreed = stage.terms(disciplined)
    disciplined.propose(agreed)
    disciplined.consent(agreed, "buyer")
    go_to(disciplined, CUT_OFFS[0])
    disciplined.consent(agreed, "seller")
    days = fail(disciplined).days

    assert days is not None
    assert [(each.cause, each.side, each.penalty) for each in days] == [
        (Cause.LATE_MATCHING, "seller", PENALTY)
    ]


# --- holds ---


def test_a_trade_on_hold_is_neither_locked_nor_settled(disciplined: Market) -> None:
    """W12: hold and release."""
    matched(disciplined)
    go_to(disciplined, "2026-04-06T15:00:00Z")
    hold(disciplined, "seller")
    with pytest.raises(Refusal, match="TRADE_ON_HOLD"):
        disciplined.lock()
    hold(disciplined, "seller", holds=False)
    disciplined.lock()
    hold(disciplined, "buyer")
    with pytest.raises(Refusal, match="TRADE_ON_HOLD"):
        disciplined.settle()
    hold(disciplined, "buyer", holds=False)
    disciplined.settle()

    assert row(disciplined).status == "settled"


# --- what a day costs ---

CSDR = read_pack("eu-csdr-2026-01-01")


def figures(instrument: str = "liquid-share", **changes: object) -> Figures:
    period = RegimePeriod(
        since="2026-04-01",
        pack="eu-csdr",
        pack_version=1,
        standard=instrument,
        currencies={"USD": "USD"},
    )
    return Figures(CSDR.model_copy(update=changes), period)


@pytest.mark.parametrize(
    ("instrument", "cause", "penalty"),
    [
        pytest.param("liquid-share", LACK, 400, id="one basis point"),
        pytest.param("illiquid-share", LACK, 200, id="half a basis point"),
        pytest.param("sovereign-bond", LACK, 40, id="a tenth"),
        pytest.param("sme-growth-market-bond", LACK, 60, id="15 hundredths"),
        pytest.param("liquid-share", Cause.ON_HOLD, 400, id="held: as for want of securities"),
        pytest.param("liquid-share", Cause.LACK_OF_CASH, 417, id="3.75 % a year over 360 days"),
        pytest.param("unheard-of", LACK, 0, id="no rate"),
    ],
)
def test_a_day_costs_what_the_pack_says(instrument: str, cause: Cause, penalty: int) -> None:
    """F144: Delegated Regulation (EU) 2017/389, Annex."""
    assert penalty_of(facts(), cause, figures(instrument)) == penalty


def test_without_figures_in_force_a_day_costs_nothing() -> None:
    assert penalty_of(facts(), LACK, None) == 0
    assert penalty_of(facts(cash="CHF"), Cause.LACK_OF_CASH, figures()) == 0


@given(amount=st.integers(1, 2**53 - 1), cause=st.sampled_from([LACK, Cause.LACK_OF_CASH]))
def test_a_penalty_is_the_exact_one_to_the_nearest_unit_halves_up(
    amount: int, cause: Cause
) -> None:
    rate = Fraction(100, 10**6) if cause is LACK else Fraction(37_500, 360 * 10**6)
    exact = amount * rate

    penalty = penalty_of(facts(amount=amount), cause, figures())

    assert -Fraction(1, 2) < exact - penalty <= Fraction(1, 2) or exact - penalty == -Fraction(1, 2)
    assert penalty == (exact + Fraction(1, 2)).__floor__()


# --- who pays ---


def test_penalties_are_paid_by_the_responsible_side_to_the_other(disciplined: Market) -> None:
    """SS-105, F144, W12: two days the seller's fault, one the buyer's; once, and not again."""
    matched(disciplined)
    go_to(disciplined, CUT_OFFS[2])
    note(disciplined, "2026-04-06", LACK, "seller")
    note(disciplined, "2026-04-08", Cause.LACK_OF_CASH, "buyer")
    alice, bob = disciplined.money("alice"), disciplined.money("bob")

    outcome = collect(disciplined, "T-1", through="2026-04-08")

    owed = 2 * PENALTY - 417
    assert (disciplined.money("alice"), disciplined.money("bob")) == (alice - owed, bob + owed)
    record = fail(disciplined).record
    assert record is not None
    assert (record.paid_by_seller, record.paid_by_buyer) == (2 * PENALTY, 417)
    assert outcome.event_types == ("settlement.PenaltiesCollected", "cash.EntryMade")
    with pytest.raises(Refusal, match="NOTHING_DUE"):
        collect(disciplined, "T-1", through="2026-04-30")


def test_penalties_are_collected_day_by_day_or_all_at_once(disciplined: Market) -> None:
    matched(disciplined)
    go_to(disciplined, CUT_OFFS[2])
    note(disciplined, "2026-04-06", LACK, "seller")
    at_once = disciplined.fork()
    collect(at_once, "T-1", through="2026-04-30")
    for day in (6, 7, 8):
        collect(disciplined, "T-1", through=f"2026-04-0{day}")

    assert disciplined.money("bob") == at_once.money("bob")


def test_nothing_is_collected_while_it_is_open_who_matches_late(disciplined: Market) -> None:
    """F144: else whoever consents after clearing has collected pays nothing for being late."""
    proposed = terms(disciplined)
    disciplined.propose(proposed)
    disciplined.consent(proposed, "buyer")
    go_to(disciplined, CUT_OFFS[0])
    with pytest.raises(Refusal, match="NOTHING_DUE"):
        collect(disciplined, "T-1", through="2026-04-30")
    disciplined.consent(proposed, "seller")
    collect(disciplined, "T-1", through="2026-04-30")

    assert disciplined.money("alice") == 2 * AMOUNT - PENALTY


def test_penalties_of_many_trades_are_netted_in_one_payment(disciplined: Market) -> None:
    """F144."""
    for trade in ("T-1", "T-2"):
        matched(disciplined, trade)
    go_to(disciplined, CUT_OFFS[0])
    note(disciplined, "2026-04-06", LACK, "seller", "T-1")
    note(disciplined, "2026-04-06", Cause.LACK_OF_CASH, "buyer", "T-2")

    outcome = collect(disciplined, "T-1", "T-2", through="2026-04-06")

    assert outcome.event_types.count("cash.EntryMade") == 1
    assert disciplined.money("alice") == 2 * AMOUNT + 417 - PENALTY


def test_who_cannot_pay_a_penalty_still_owes_it(disciplined: Market) -> None:
    matched(disciplined)
    go_to(disciplined, CUT_OFFS[0])
    note(disciplined, "2026-04-06", LACK, "seller")
    disciplined.submit(P.BANK, Chaincode.CASH, "withdraw", "USD", "alice", 2 * AMOUNT)

    with pytest.raises(Refusal, match="INSUFFICIENT_AVAILABLE"):
        collect(disciplined, "T-1", through="2026-04-06")
    disciplined.deposit("alice", PENALTY)
    collect(disciplined, "T-1", through="2026-04-06")

    assert disciplined.money("alice") == 0


def test_a_cancelled_trade_costs_the_days_until_its_end(disciplined: Market) -> None:
    matched(disciplined)
    go_to(disciplined, CUT_OFFS[1])
    note(disciplined, "2026-04-06", LACK, "seller")
    disciplined.submit(P.CLEARING, SETTLEMENT, "cancel", "T-1", "given up")
    go_to(disciplined, CUT_OFFS[2])
    collect(disciplined, "T-1", through="2026-04-30")

    assert disciplined.money("alice") == 2 * AMOUNT - 2 * PENALTY


def test_a_penalty_for_a_trade_paid_off_the_ledger_is_paid_in_the_venues_cash(
    disciplined: Market,
) -> None:
    """F144, SS-104: the price comes by a receipt of a bank, the penalty out of an account."""
    matched(disciplined, paid_at=P.BANK)
    go_to(disciplined, CUT_OFFS[0])
    note(disciplined, "2026-04-06", Cause.LACK_OF_CASH, "buyer")
    money = disciplined.money("alice")
    collect(disciplined, "T-1", through="2026-04-06")

    assert disciplined.money("alice") == money + 417


def test_nothing_public_tells_what_was_paid_or_why(disciplined: Market) -> None:
    """SS-107."""
    matched(disciplined)
    go_to(disciplined, CUT_OFFS[0])
    note(disciplined, "2026-04-06", LACK, "seller")
    collected = collect(disciplined, "T-1", through="2026-04-06")
    rows = disciplined.ledger.world.rows_of(SETTLEMENT)
    changes = [change.value for each in rows.history.values() for change in each]
    said = b" ".join(changes).decode() + "".join(
        each.model_dump_json() for each in collected.events
    )

    assert "T-1" in said
    assert not [secret for secret in (LACK, "alice", str(AMOUNT), f":{PENALTY}") if secret in said]


@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.sampled_from("abc"), st.integers(0, 9)).filter(
            lambda each: each[0] != each[1]
        )
    )
)
def test_netting_changes_no_balance(debts: list[tuple[str, str, int]]) -> None:
    owed = [Owed("USD", *each) for each in debts]
    paid = list(netted(owed))

    def balance(who: str, payments: list[Owed]) -> int:
        got = sum(each.amount for each in payments if each.creditor == who)
        return got - sum(each.amount for each in payments if each.debtor == who)

    assert [balance(who, owed) for who in "abc"] == [balance(who, paid) for who in "abc"]
    assert len({frozenset((each.debtor, each.creditor)) for each in paid}) == len(paid)


# --- figures in force ---


@pytest.mark.parametrize("name", sorted(each.stem for each in stage.PACKS.glob("*.json")))
def test_a_pack_of_figures_can_be_published(name: str, market: Market) -> None:
    """SS-105: each figure stands beside its provision; without one it would not be read."""
    pack = read_pack(name)
    market.submit(P.REGULATOR, SETTLEMENT, "publish_discipline", pack)
    found = market.evaluate(SETTLEMENT, "discipline_pack", pack.pack, 1).load(DisciplinePack)

    assert found == pack
    assert name == f"{pack.pack}-{pack.dated}"


def test_a_day_is_judged_by_the_figures_of_that_day(disciplined: Market) -> None:
    """F144: a rate that changes on Tuesday leaves Monday's penalty as it is."""
    dearer = CSDR.model_copy(
        update={
            "version": 2,
            "securities": tuple(
                each.model_copy(update={"per_million": 2 * each.per_million})
                for each in CSDR.securities
            ),
        }
    )
    period = figures().period.model_copy(update={"since": "2026-04-07", "pack_version": 2})
    disciplined.submit(P.REGULATOR, SETTLEMENT, "publish_discipline", dearer)
    disciplined.submit(P.REGULATOR, SETTLEMENT, "judge_fails", P.ATS, period)
    matched(disciplined)
    go_to(disciplined, CUT_OFFS[1])
    note(disciplined, "2026-04-06", LACK, "seller")
    days = fail(disciplined).days

    assert days is not None
    assert [each.penalty for each in days] == [PENALTY, 2 * PENALTY]


def test_planned_figures_give_way_to_those_that_begin_before_them(disciplined: Market) -> None:
    later = figures().period.model_copy(update={"since": "2026-05-01", "standard": "bond"})
    sooner = later.model_copy(update={"since": "2026-04-20", "standard": "other"})
    for period in (later, sooner):
        disciplined.submit(P.REGULATOR, SETTLEMENT, "judge_fails", P.ATS, period)
    regime = disciplined.evaluate(SETTLEMENT, "regime", P.ATS).load(Regime)

    assert [each.since for each in regime.periods] == ["2026-04-01", "2026-04-20"]


def test_a_trade_grows_no_older_once_it_can_settle_no_more(disciplined: Market) -> None:
    """F144: expiry is a moment too; nobody needs to record it."""
    matched(disciplined, expires_at=CUT_OFFS[1])
    go_to(disciplined, CUT_OFFS[2])
    unrecorded = fail(disciplined).age
    disciplined.submit(P.ISSUER, SETTLEMENT, "expire", "T-1")

    assert (unrecorded, fail(disciplined).age) == (2, 2)
    with pytest.raises(Refusal, match="TRADE_STATUS"):
        hold(disciplined, "buyer")
