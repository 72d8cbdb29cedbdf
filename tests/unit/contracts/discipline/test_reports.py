"""Close-outs that are due, and how members settled in a period."""

import pytest
from tests.unit.contracts.discipline.stage import (
    A_SECOND,
    AMOUNT,
    CUT_OFFS,
    PENALTY,
    SETTLEMENT,
    P,
    collect,
    go_to,
    judge_by,
    matched,
    note,
    terms,
)

from tallystick.chaincode import Refusal
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.discipline.models import (
    Cause,
    CloseOut,
    CloseOutPage,
    DisciplineReport,
    ReportAsked,
    ReportLine,
)
from tallystick.contracts.testing import Market
from tallystick.contracts.trades.terms import Order

BUYERS, SELLERS = P.BROKER_DEALER, "SellersBrokerMSP"
"""The members of the two sides: their brokers, who settle themselves."""

APRIL = ReportAsked(venue=P.ATS, first_day="2026-04-01", last_day="2026-04-30")


# --- close-outs ---


@pytest.fixture
def short(disciplined: Market) -> Market:
    """A venue under Regulation SHO: a short sale, a long one, and one that is not marked."""
    judge_by(disciplined, "us-reg-sho-2026-01-01", since="2026-04-02")
    for trade, sale in (("T-1", "short"), ("T-2", "long"), ("T-3", None)):
        matched(disciplined, trade)
        if sale:
            disciplined.submit(P.ATS, SETTLEMENT, "mark_sale", trade, sale)
    return disciplined


def due(market: Market) -> dict[str, CloseOut]:
    page = market.submit(P.CLEARING, SETTLEMENT, "close_outs", P.ATS).load(CloseOutPage)
    return {each.trade: each for each in page.close_outs}


def test_what_has_not_failed_needs_no_close_out(short: Market) -> None:
    go_to(short, CUT_OFFS[0])
    short.ledger.advance(-A_SECOND)

    assert due(short) == {}


def test_close_outs_are_due_at_the_opening_that_the_rule_names(short: Market) -> None:
    """W33, SS-105: 17 CFR 242.204(a): the next settlement day, the third for a long sale."""
    go_to(short, CUT_OFFS[0])
    found = due(short)

    assert {trade: each.due_at for trade, each in found.items()} == {
        "T-1": "2026-04-07T14:30:00Z",
        "T-2": "2026-04-09T14:30:00Z",
        "T-3": "2026-04-09T14:30:00Z",
    }
    assert found["T-1"].provision == "17 CFR 242.204(a)"


def test_a_close_out_is_overdue_from_the_second_of_that_opening(short: Market) -> None:
    """W33: exact at T-1 s and T."""
    go_to(short, "2026-04-07T14:29:59Z")
    before = due(short)["T-1"].is_overdue
    short.ledger.advance(A_SECOND)

    assert (before, due(short)["T-1"].is_overdue) == (False, True)


def test_what_has_settled_needs_no_close_out(short: Market) -> None:
    go_to(short, CUT_OFFS[0])
    short.lock()
    short.settle()

    assert sorted(due(short)) == ["T-2", "T-3"]


def test_a_venue_marks_its_own_sales_only(short: Market) -> None:
    short.license(short.licence("OtherMSP", "ats"))

    with pytest.raises(Refusal, match="NOT_ITS_VENUE"):
        short.submit("OtherMSP", SETTLEMENT, "mark_sale", "T-1", "long")


# --- the report ---


@pytest.fixture
def month(disciplined: Market) -> Market:
    """T-1 settles in time, T-2 fails two days and settles, T-3 is cancelled before its day."""
    disciplined.license(disciplined.licence(SELLERS, "broker-dealer"))
    mandate = disciplined.mandate("alice", SELLERS)
    disciplined.submit(
        SELLERS, Chaincode.IDENTITY, "grant_mandate", mandate.statement, mandate.intent
    )
    for trade in ("T-1", "T-2", "T-3"):
        sell = Order(order=f"{trade}-sell", broker=SELLERS)
        disciplined.agree(terms(disciplined, trade, amount=AMOUNT // 2, sell=sell))
    disciplined.submit(P.CLEARING, SETTLEMENT, "cancel", "T-3", "an error")
    go_to(disciplined, "2026-04-06T15:00:00Z")
    disciplined.lock("T-1")
    disciplined.settle("T-1")
    go_to(disciplined, CUT_OFFS[1])
    note(disciplined, "2026-04-06", Cause.LACK_OF_SECURITIES, "seller", "T-2")
    disciplined.lock("T-2")
    disciplined.settle("T-2")
    return disciplined


def report(
    market: Market, reader: str = P.REGULATOR, *, size: int = 100, asked: ReportAsked = APRIL
) -> tuple[ReportLine, ...]:
    """Return the lines of all pages."""
    lines: list[ReportLine] = []
    bookmark = ""
    while True:
        page = market.submit(reader, SETTLEMENT, "discipline_report", asked, size, bookmark)
        read = page.load(DisciplineReport)
        lines += read.lines
        bookmark = read.bookmark
        if not bookmark:
            return tuple(lines)


def report_of(market: Market, changes: dict[str, str]) -> tuple[ReportLine, ...]:
    return report(market, asked=APRIL.model_copy(update=changes))


def line(member: str, **changes: int) -> ReportLine:
    usual = {
        "settled": 1,
        "settled_value": AMOUNT // 2,
        "failed": 1,
        "failed_value": AMOUNT // 2,
        "failed_days": 2,
    }
    named = {"member": member, "security": "ACME", "cash": "USD"}
    return ReportLine.model_validate({**usual, **named, **changes})


def test_a_report_tells_what_settled_what_failed_how_long_and_who_owes_what(
    month: Market,
) -> None:
    """SS-105."""
    assert report(month) == (line(BUYERS, due=PENALTY), line(SELLERS, owed=PENALTY))


def test_a_report_stays_the_same_when_penalties_are_paid(month: Market) -> None:
    before = report(month)
    collect(month, "T-2", through="2026-04-30")

    assert report(month) == before


def test_pages_of_a_report_add_up(month: Market) -> None:
    """SS-105: pageable."""
    lines = report(month, size=1)

    for name in ("settled", "failed", "failed_days", "owed", "due"):
        assert sum(getattr(each, name) for each in lines) == sum(
            getattr(each, name) for each in report(month)
        )


@pytest.mark.parametrize(
    ("changes", "members"),
    [
        pytest.param({"member": BUYERS}, [BUYERS], id="one member"),
        pytest.param({"security": "ACME"}, [BUYERS, SELLERS], id="one security"),
        pytest.param({"security": "BETA"}, [], id="another security"),
        pytest.param({"first_day": "2026-04-08"}, [], id="a period after"),
        pytest.param({"last_day": "2026-04-05"}, [], id="a period before"),
        pytest.param({"venue": "OtherMSP"}, [], id="another venue"),
    ],
)
def test_a_report_is_of_a_period_a_venue_a_member_a_security(
    changes: dict[str, str], members: list[str], month: Market
) -> None:
    """SS-105."""
    assert [each.member for each in report_of(month, changes)] == members


def test_penalties_count_in_the_period_of_their_day(month: Market) -> None:
    """The trade was due on the 6th; of its two days, one is in the period."""
    _, seller = report_of(month, {"first_day": "2026-04-07"})

    assert (seller.failed, seller.failed_days, seller.owed) == (0, 1, PENALTY // 2)


@pytest.mark.parametrize("reader", [P.CLEARING, P.TRANSFER_AGENT, P.REGULATOR])
def test_those_who_watch_over_the_market_read_all_of_it(reader: str, month: Market) -> None:
    """SS-105."""
    assert len(report(month, reader)) == 2


@pytest.mark.parametrize("reader", [P.ATS, P.BROKER_DEALER, P.ISSUER, P.BANK])
def test_others_read_nothing_of_other_members(reader: str, month: Market) -> None:
    """SS-105, SS-107."""
    for member in ("", SELLERS):
        with pytest.raises(Refusal, match="LICENCE_MISSING"):
            report(month, reader, asked=APRIL.model_copy(update={"member": member}))


def test_a_member_reads_its_own(month: Market) -> None:
    """SS-08, SS-105."""
    own = APRIL.model_copy(update={"member": SELLERS})

    assert report(month, SELLERS, asked=own) == (line(SELLERS, owed=PENALTY),)
