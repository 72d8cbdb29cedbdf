"""The average weekly volume, by which affiliates may sell more than a share of the class."""

from datetime import date, timedelta

import pytest
from pydantic import JsonValue, ValidationError
from tests.unit.contracts.acts import refused
from tests.unit.contracts.compliance.stage import (
    AGENT,
    IDENTITY,
    REGULATOR,
    TOKEN,
    RuledMarket,
    rule,
    sent,
)

from tallystick.contracts.compliance.records import Recomputation
from tallystick.contracts.compliance.reported import (
    MAX_WEEKS,
    ReportedVolumes,
    VolumeReport,
    week_of,
    weeks_before,
)
from tallystick.contracts.licensing.models import LicenceClass
from tallystick.contracts.models import MAX_QUANTITY
from tallystick.contracts.participants import Participant
from tallystick.contracts.powers import Power
from tallystick.contracts.register.splits import SplitOrder
from tallystick.contracts.testing import EVIDENCE
from tallystick.contracts.timelines import NO_TURNS

ATS, EXCHANGE = Participant.ATS, "ExchangeMSP"
NATIONAL = "national-securities-exchange"
LAST_WEEKS = ("2023-12-03", "2023-12-10", "2023-12-17", "2023-12-24")
"""Calendar weeks before Tuesday, 2 January 2024, on which the market opens."""


def report(market: RuledMarket, week: str, quantity: int, venue: str = EXCHANGE) -> None:
    said = VolumeReport(security="ACME", week=week, quantity=quantity)
    market.submit(venue, TOKEN, "report_volume", said)


@pytest.fixture
def listed(ruled: RuledMarket) -> RuledMarket:
    """Alice is an affiliate, Rule 144 is bound, and there is a national exchange."""
    national = LicenceClass(
        licence_class=NATIONAL,
        title="National securities exchange",
        powers=(Power.OPERATE_VENUE,),
    )
    ruled.submit(REGULATOR, IDENTITY, "define_classes", [national])
    ruled.license(ruled.licence(EXCHANGE, NATIONAL))
    ruled.attest("alice", "affiliate")
    ruled.bind(packs=["us-rule-144-2026-01-01"])
    return ruled


@pytest.mark.parametrize(
    ("day", "sunday"),
    [
        ("2023-12-31", "2023-12-31"),
        ("2024-01-06", "2023-12-31"),
        ("2024-01-07", "2024-01-07"),
        ("2024-02-29", "2024-02-25"),
    ],
)
def test_a_calendar_week_begins_on_its_sunday(day: str, sunday: str) -> None:
    assert week_of(day) == sunday
    assert weeks_before(f"{day}T23:59:59Z", 1) == (
        (date.fromisoformat(sunday) - timedelta(days=7)).isoformat(),
    )


@pytest.mark.parametrize(
    ("reports", "most"),
    [
        ([], 10),
        ([0, 0, 0, 39], 10),
        ([0, 0, 0, 44], 11),
        ([100, 20, 30, 53], 50),
        ([100, 20, 30, 54], 51),
    ],
)
def test_an_affiliate_sells_the_greater_of_a_share_and_the_average_week(
    reports: list[int], most: int, listed: RuledMarket
) -> None:
    """17 CFR 230.144(e)(1)(i), (ii): one per cent is ten; the average is rounded down."""
    for week, quantity in zip(LAST_WEEKS, reports, strict=False):
        report(listed, week, quantity)

    assert listed.ask(1).most == most
    moved = listed.transfer("alice", "bob", most)

    assert [each.code for each in listed.ask(1).reasons] == ["VOLUME_EXCEEDED"]
    again = listed.evaluate(TOKEN, "recompute", "ACME", moved.transaction_id)
    assert again.load(Recomputation).agrees


def test_only_the_four_weeks_before_that_of_the_sale_count(listed: RuledMarket) -> None:
    """17 CFR 230.144(e)(1)(ii): to the second at which a week is over."""
    report(listed, "2023-11-26", 4000)
    report(listed, LAST_WEEKS[0], 400)
    assert listed.ask(1).most == 100
    listed.ledger.now = listed.ledger.now.replace(day=6, hour=23, minute=59, second=59)
    assert refused(report, listed, "2023-12-31", 40) == "WEEK_NOT_OVER"
    assert listed.ask(1).most == 100

    listed.ledger.advance(timedelta(seconds=1))
    assert listed.ask(1).most == 10
    report(listed, "2023-12-31", 80)
    assert listed.ask(1).most == 20


def test_a_venue_of_another_class_does_not_raise_the_limit(listed: RuledMarket) -> None:
    """17 CFR 230.144(e)(1)(ii): what exchanges report counts, an alternative system's does not."""
    report(listed, LAST_WEEKS[3], 4000, ATS)
    assert listed.ask(1).most == 10

    anywhere = rule("volume-window", window="P3M", weeks=4)
    listed.bind(anywhere)
    assert listed.ask(1).most == 1000
    report(listed, LAST_WEEKS[3], 80)
    report(listed, LAST_WEEKS[3], 44, ATS)
    assert listed.ask(1).most == 31


def test_a_week_counts_by_the_licence_under_which_it_was_reported(listed: RuledMarket) -> None:
    """17 CFR 230.144(e)(1)(ii): what was traded before a venue was an exchange does not count."""
    report(listed, LAST_WEEKS[2], 4000, ATS)
    listed.license(listed.licence(ATS, NATIONAL))
    report(listed, LAST_WEEKS[3], 80, ATS)
    assert listed.ask(1).most == 20

    listed.submit(REGULATOR, IDENTITY, "suspend_licence", ATS, NATIONAL, "unpaid")
    report(listed, LAST_WEEKS[1], 4000, ATS)
    assert listed.ask(1).most == 20


def test_the_last_report_of_a_week_is_the_one_that_counts(listed: RuledMarket) -> None:
    for quantity in (400, 80):
        report(listed, LAST_WEEKS[3], quantity)

    assert listed.ask(1).most == 20
    assert refused(report, listed, LAST_WEEKS[3], 1, AGENT) == "LICENCE_MISSING"
    other = VolumeReport(security="NONE", week=LAST_WEEKS[3], quantity=1)
    unknown = (EXCHANGE, TOKEN, "report_volume", other)
    assert refused(listed.submit, *unknown) == "SECURITY_UNKNOWN"
    with pytest.raises(ValidationError, match="begins on a Sunday, such as 2023-12-24"):
        VolumeReport(security="ACME", week="2023-12-25", quantity=1)


def test_volumes_are_told_in_units_of_now(listed: RuledMarket) -> None:
    report(listed, LAST_WEEKS[3], 400)
    order = SplitOrder(security="ACME", new=2, old=1, document_hash=EVIDENCE)
    listed.submit(AGENT, TOKEN, "pause", "ACME", "a split")
    listed.submit(AGENT, TOKEN, "split", order)
    listed.submit(AGENT, TOKEN, "resume", "ACME")

    told = listed.evaluate(TOKEN, "volumes", "ACME", EXCHANGE).load(ReportedVolumes)

    assert [(each.week, each.quantity) for each in told.weeks] == [(LAST_WEEKS[3], 800)]
    assert listed.ask(1).most == 200


def test_a_volume_beyond_all_bounds_stops_nobody_after_a_split(listed: RuledMarket) -> None:
    """A venue that reports nonsense would otherwise bring the security to a standstill."""
    report(listed, LAST_WEEKS[3], MAX_QUANTITY)
    order = SplitOrder(security="ACME", new=2, old=1, document_hash=EVIDENCE)
    listed.submit(AGENT, TOKEN, "pause", "ACME", "a split")
    listed.submit(AGENT, TOKEN, "split", order)
    listed.submit(AGENT, TOKEN, "resume", "ACME")
    report(listed, LAST_WEEKS[2], 1)

    listed.transfer("alice", "bob", 2000)

    told = listed.evaluate(TOKEN, "volumes", "ACME", EXCHANGE).load(ReportedVolumes)
    assert [each.quantity for each in told.weeks] == [2 * MAX_QUANTITY, 1]


def test_a_year_of_weeks_is_kept() -> None:
    row, first = ReportedVolumes(), date(2020, 1, 5)
    for number in range(MAX_WEEKS + 1):
        row = row.having((first + timedelta(weeks=number)).isoformat(), number, ["exchange"])

    assert len(row.weeks) == MAX_WEEKS
    assert row.weeks[-1].week == "2020-01-12"
    assert row.brought_up(NO_TURNS) == row


@pytest.mark.parametrize(
    "parameters", [{}, {"weeks": 0}, {"weeks": MAX_WEEKS + 1}], ids=["nothing", "none", "too many"]
)
def test_a_window_says_what_it_allows(parameters: dict[str, JsonValue], ruled: RuledMarket) -> None:
    window = rule("volume-window", window="P3M", **parameters)
    assert refused(ruled.bind, window) == "RULE_PARAMETERS_WRONG"
    assert ruled.evaluate(TOKEN, "can_transfer", sent(1)).json is not None
