"""Plans of the book: pure arithmetic, judged on the end state."""

from collections.abc import Iterator

from tallystick.chaincode import State, composite_key
from tallystick.chaincode.testing import MemoryStub, make_client
from tallystick.contracts.book import Account, Book, Plan, Position
from tallystick.contracts.models import MAX_QUANTITY

ALICE = Account("ACME", "alice")
BOB = Account("ACME", "bob")


def plan(**positions: Position) -> Plan:
    before = {Account("ACME", holder): position for holder, position in positions.items()}
    return Plan(before=before, after=dict(before))


def test_what_is_locked_and_frozen_is_not_available() -> None:
    assert Position(quantity=10, locked=3, frozen=4).available == 3


def test_a_holding_is_at_most_what_every_reader_can_count_exactly() -> None:
    full = plan(alice=Position(quantity=MAX_QUANTITY))
    assert full.excesses() == []
    full.change(ALICE, quantity=1)
    assert [finding.code for finding in full.excesses()] == ["HOLDING_TOO_LARGE"]


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


class PagesOnly(MemoryStub):
    """A ledger on which a scan in one piece would not reach the last row."""

    def get_state_range(self, start: str, end: str) -> Iterator[tuple[str, bytes]]:
        raise AssertionError(f"scanned from {start!r} to {end!r}")


def test_any_number_of_deltas_is_summed_page_by_page() -> None:
    stub = PagesOnly.alone(make_client("TransferAgentMSP"))
    for number in range(2001):
        stub.put_state(composite_key("supply", "ACME", f"tx{number}", "alice"), b"2")
    stub.commit()

    assert Book(State(stub, read_only=True), "tx").supply("ACME") == 4002
