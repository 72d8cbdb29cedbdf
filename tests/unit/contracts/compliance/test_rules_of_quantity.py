"""Rules about holdings, holders, volumes and lots, as tables."""

from dataclasses import replace

import pytest
from tests.unit.contracts.compliance.stage import (
    Written,
    attested,
    case,
    codes,
    holder,
    lot,
    most,
)

from tallystick.contracts.compliance.case import Holder, SecurityFacts
from tallystick.contracts.compliance.counts import Counted, HolderCounts
from tallystick.contracts.compliance.histories import Sale
from tallystick.contracts.events import Basis
from tallystick.contracts.parties import Standing

SUPPLY = SecurityFacts(security="ACME", supply=1000)


@pytest.mark.parametrize(
    ("parameters", "held", "more", "fits"),
    [
        ({"units": 100}, 40, 60, 60),
        ({"units": 100}, 40, 61, 60),
        ({"share": 500}, 0, 50, 50),
        ({"share": 500}, 0, 51, 50),
        ({"units": 30, "share": 500}, 0, 40, 30),
        ({"units": 100}, 120, 1, 0),
    ],
)
def test_a_holding_stays_within_its_limit(
    parameters: Written, held: int, more: int, fits: int
) -> None:
    """F84, F85: in units or in a share of the supply, whichever is less."""
    at = case(holder("a", 900, -more), holder("b", held, more), more, facts=SUPPLY)

    assert codes("maximum-holding", parameters, at) == (
        [] if fits == more else ["HOLDING_ABOVE_LIMIT"]
    )
    assert most("maximum-holding", parameters, at, 900) == fits


def test_a_person_has_one_limit_over_all_its_accounts() -> None:
    """SS-30: what it holds elsewhere counts."""
    receiver = holder("b", 0, 60).model_copy(update={"elsewhere": 50})

    at = case(holder("a", 900, -60), receiver, 60)

    assert most("maximum-holding", {"units": 100}, at, 900) == 50


@pytest.mark.parametrize(
    ("held", "sent", "has", "expected", "fits"),
    [
        (100, 90, 50, [], 90),
        (100, 91, 50, ["HOLDING_BELOW_MINIMUM"], 90),
        (100, 100, 50, [], 100),
        (100, 5, 0, ["HOLDING_BELOW_MINIMUM"], 0),
        (100, 10, 0, [], 10),
    ],
)
def test_who_holds_any_holds_the_minimum(
    held: int, sent: int, has: int, expected: list[str], fits: int
) -> None:
    """F96: neither side is left with a remainder."""
    at = case(holder("a", held, -sent), holder("b", has, sent), sent)

    assert codes("minimum-holding", {"units": 10}, at) == expected
    assert most("minimum-holding", {"units": 10}, at, sent) == fits


@pytest.mark.parametrize(("sent", "fits"), [(99, 0), (100, 100)])
def test_who_may_only_leave_wholly_sends_all(sent: int, fits: int) -> None:
    """F96."""
    at = case(holder("a", 100, -sent), holder("b", 0, sent), sent)

    assert most("full-exit-only", {}, at, sent) == fits


COUNTS = SecurityFacts(
    security="ACME",
    counts=HolderCounts(persons=3, owners=12, by_class={"accreditation@": 1, "residence@US": 2}),
)


def counted(who: Holder, *classes: str, owners: int = 1) -> Holder:
    row = Counted(accounts=(who.holder,), classes=classes, owners=owners)
    return who.model_copy(update={"counted": row})


@pytest.mark.parametrize(
    ("parameters", "limit"),
    [
        ({}, 3),
        ({"of": "residence@US"}, 2),
        ({"without": "accreditation@"}, 2),
        ({"look_through": True}, 12),
    ],
)
def test_holders_are_counted_by_person_by_class_and_looked_through(
    parameters: Written, limit: int
) -> None:
    """SS-75, F86, F87, F88, W7: who comes makes one more, unless another leaves wholly."""
    newcomer = [attested("residence", "US")]
    stays = case(
        counted(holder("a", 9, -1), "residence@US"),
        holder("b", 0, 1, claims=newcomer),
        1,
        facts=COUNTS,
    )
    leaves = case(
        counted(holder("a", 9, -9), "residence@US"),
        holder("b", 0, 9, claims=newcomer),
        9,
        facts=COUNTS,
    )
    more: Written = {**parameters, "most": limit}

    assert codes("holder-limit", more, stays) == ["HOLDERS_TOO_MANY"]
    assert codes("holder-limit", {**parameters, "most": limit + 1}, stays) == []
    assert codes("holder-limit", more, leaves) == []
    assert most("holder-limit", more, stays, 8) == 0
    assert most("holder-limit", more, stays, 9) == 9


def test_one_who_holds_for_many_counts_as_many_looked_through() -> None:
    """SS-75, W7: the same register, of record and looked through."""
    omnibus = holder("b", 0, 1, claims=[attested("beneficial-owners", level=40)])
    at = case(counted(holder("a", 9, -1)), omnibus, 1, facts=COUNTS)

    assert codes("holder-limit", {"most": 51, "look_through": True}, at) == ["HOLDERS_TOO_MANY"]
    assert codes("holder-limit", {"most": 52, "look_through": True}, at) == []
    assert codes("holder-limit", {"most": 4}, at) == []


@pytest.mark.parametrize(
    ("moment", "fits"),
    [("2026-06-30T11:59:59Z", 30), ("2026-06-30T12:00:00Z", 70), ("2026-07-01T00:00:00Z", 100)],
)
def test_what_was_sold_counts_until_the_window_is_over(moment: str, fits: int) -> None:
    """F89: a window that rolls, to the second."""
    sold = (
        Sale(moment="2026-05-31T12:00:00Z", quantity=40),
        Sale(moment="2026-06-01T00:00:00Z", quantity=30),
    )
    seller = holder("a", 900, -100).model_copy(update={"sold": sold})
    at = case(seller, holder("b", 0, 100), 100, moment=moment)

    assert most("volume-window", {"window": "P30D", "units": 100}, at, 900) == fits
    assert bool(codes("volume-window", {"window": "P30D", "units": 100}, at)) is (fits < 100)


@pytest.mark.parametrize(("venue", "fits"), [("ATSMSP", 60), ("OtherMSP", 100), (None, 900)])
def test_each_venue_has_a_window_of_its_own(venue: str | None, fits: int) -> None:
    """F90: what went over one venue, or over none, does not count at another."""
    sold = (
        Sale(moment="2026-05-31T12:00:00Z", quantity=40, venue="ATSMSP"),
        Sale(moment="2026-05-31T12:00:00Z", quantity=30),
    )
    seller = holder("a", 900, -1).model_copy(update={"sold": sold})
    at, leg = case(seller, holder("b", 0, 1), 1)
    at = replace(at, venue=None if venue is None else Standing(organization=venue))

    parameters: Written = {"window": "P30D", "units": 100, "per_venue": True}
    assert most("volume-window", parameters, (at, leg), 900) == fits


@pytest.mark.parametrize(("units", "limit"), [(5, 10), (20, 20)])
def test_a_volume_is_the_greater_of_units_and_share(units: int, limit: int) -> None:
    """17 CFR 230.144(e)(1): one per cent of the class, or the weekly volume."""
    at = case(holder("a", 900, -1), holder("b", 0, 1), 1, facts=SUPPLY)

    assert most("volume-window", {"window": "P3M", "units": units, "share": 100}, at, 900) == limit


LINES: Written = {"lines": [{"exemption": "reg-d", "period": "P1Y", "excepted": ["distribution"]}]}


@pytest.mark.parametrize(
    ("moment", "exemption", "basis", "locked"),
    [
        ("2027-02-28T23:59:59Z", "reg-d", Basis.TRANSFER, True),
        ("2027-03-01T00:00:00Z", "reg-d", Basis.TRANSFER, False),
        ("2026-03-02T00:00:00Z", "reg-s", Basis.TRANSFER, False),
        ("2026-03-02T00:00:00Z", "reg-d", Basis.SETTLEMENT, True),
        ("2026-03-02T00:00:00Z", "reg-d", Basis.DISTRIBUTION, False),
    ],
)
def test_a_lot_is_free_from_the_second_its_period_ends(
    moment: str, exemption: str, basis: Basis, *, locked: bool
) -> None:
    """SS-73, SS-63: by exemption; an office's distribution to its clients is no resale."""
    lots = [lot(9, "2026-03-01", exemption)]
    at = case(
        holder("a", 9, -9, lots=lots),
        holder("b", 0, 9),
        9,
        moment=moment,
        basis=basis,
        lots=lots,
    )

    assert codes("lock-up", LINES, at) == (["LOT_LOCKED"] if locked else [])


def test_former_holders_time_counts_unless_the_line_says_otherwise() -> None:
    """17 CFR 230.144(d)(3): tacking."""
    bought = lot(9, "2025-03-01", "reg-d").model_copy(update={"acquired_on": "2026-05-01"})
    at = case(holder("a", 9, -9, lots=[bought]), holder("b", 0, 9), 9, lots=[bought])
    own: Written = {"lines": [{"period": "P1Y", "since": "acquired_on"}]}

    assert codes("lock-up", LINES, at) == []
    assert codes("lock-up", own, at) == ["LOT_LOCKED"]


def test_free_lots_are_the_most_that_may_go() -> None:
    """W15."""
    lots = [lot(4, "2025-01-01", "reg-d"), lot(5, "2026-05-01", "reg-d")]
    at = case(holder("a", 9, -9, lots=lots), holder("b", 0, 9), 9, lots=lots)

    assert most("lock-up", LINES, at, 9) == 4
