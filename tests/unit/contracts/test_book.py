"""Plans of the book: pure arithmetic, judged on the end state."""

from tallystick.contracts.book import Account, Plan, Position

ALICE = Account("ACME", "alice")
BOB = Account("ACME", "bob")


def plan(**positions: Position) -> Plan:
    before = {Account("ACME", holder): position for holder, position in positions.items()}
    return Plan(before=before, after=dict(before))


def test_what_is_locked_and_frozen_is_not_available() -> None:
    assert Position(quantity=10, locked=3, frozen=4).available == 3


def test_a_plan_is_judged_at_its_end_and_not_on_the_way() -> None:
    ring = plan(alice=Position(), bob=Position(quantity=5))
    ring.change(ALICE, quantity=-5)
    assert [finding.code for finding in ring.shortfalls()] == ["INSUFFICIENT_AVAILABLE"]
    ring.change(BOB, quantity=-5)
    ring.change(ALICE, quantity=5)

    assert ring.shortfalls() == []


def test_a_shortfall_says_how_much_is_missing() -> None:
    short = plan(alice=Position(quantity=10, locked=3, frozen=4))
    short.change(ALICE, quantity=-5)

    [finding] = short.shortfalls()

    assert finding.message == (
        "alice has 3 of ACME available, 2 too few (10 held, of which 3 locked and 4 frozen)."
    )
