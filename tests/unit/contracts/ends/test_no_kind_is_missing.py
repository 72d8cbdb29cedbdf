"""Everything that lets units or money wait has its ends shown: the code says what there is."""

import pytest
from tests.unit.contracts.ends.ending import MarketT
from tests.unit.contracts.ends.hindered import Kind
from tests.unit.contracts.ends.kinds import KINDS
from tests.unit.contracts.ends.rows import (
    HOLDS_BACK,
    HOLDS_NOTHING,
    MAKERS,
    WRITERS,
    callers_of,
    kinds_in_code,
    kinds_in_documents,
    writers,
)

from tallystick.chaincode import split_composite_key
from tallystick.contracts.testing import Market

SHOWN = [
    pytest.param(row, KINDS[name], id=f"{row}: {name}")
    for row, names in HOLDS_BACK.items()
    for name in names
]


def rows_of(market: Market, kind: str) -> dict[tuple[str, str], bytes]:
    """Return all rows of a kind, public and private, of all contracts."""
    return {
        (name, str(place)): value
        for name, rows in market.ledger.world.rows.items()
        for each in (rows.values, rows.private)
        for place, value in each.items()
        if split_composite_key(place if isinstance(place, str) else place[1])[0] == kind
    }


def test_of_every_kind_of_row_it_is_said_what_it_holds_back() -> None:
    """A new kind fails here until it is said."""
    nothing = [kind for kinds in HOLDS_NOTHING.values() for kind in kinds.split()]

    assert sorted([*HOLDS_BACK, *nothing]) == sorted(kinds_in_documents())
    assert kinds_in_code() - kinds_in_documents() == {"salt"}, "a salt is no row"


@pytest.mark.parametrize(("row", "kind"), SHOWN)
def test_what_waits_by_a_kind_of_row_changes_it_at_its_end(row: str, kind: Kind[MarketT]) -> None:
    market = kind.scene().market.fork()
    before = rows_of(market, row)

    next(iter(kind.ways.values())).act(market)

    assert before
    assert rows_of(market, row) != before


@pytest.mark.parametrize("name", MAKERS)
def test_whoever_lets_something_wait_is_known_and_its_ends_are_shown(name: str) -> None:
    """A new caller fails here until it has things that wait, with their ends."""
    shown = {each for names in MAKERS[name].values() for each in names}

    assert callers_of(name) == set(MAKERS[name])
    assert shown <= set(KINDS)


def test_what_is_held_or_frozen_is_changed_in_the_book_and_the_vault_alone() -> None:
    assert writers() == WRITERS


def test_each_thing_that_waits_is_there_since_some_code_lets_it() -> None:
    makers = {each for callers in MAKERS.values() for names in callers.values() for each in names}

    assert makers == set(KINDS)
