"""Plans of the book: pure arithmetic, judged on the end state."""

from collections.abc import Iterator
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from tallystick.chaincode import State, composite_key
from tallystick.chaincode.testing import MemoryStub, make_client
from tallystick.contracts.book import Account, Book, Move, Plan, Position
from tallystick.contracts.lots import ANY_LOTS, MAX_LOTS, Lot, LotChoice, added, total
from tallystick.contracts.models import MAX_QUANTITY

ALICE = Account("ACME", "alice")
BOB = Account("ACME", "bob")


def plan(**positions: Position) -> Plan:
    before = {Account("ACME", holder): position for holder, position in positions.items()}
    return Plan(before=before, after=dict(before))


def test_what_is_held_and_frozen_is_not_available() -> None:
    assert Position(quantity=10, held=3, frozen=4).available == 3


def test_a_holding_is_at_most_what_every_reader_can_count_exactly() -> None:
    full = plan(alice=Position(quantity=MAX_QUANTITY))
    assert full.excesses() == []
    full.change(ALICE, quantity=1)
    assert [finding.code for finding in full.excesses()] == ["HOLDING_TOO_LARGE"]


def test_a_plan_is_judged_at_its_end_and_not_on_the_way() -> None:
    """F99, W16."""
    ring = plan(alice=Position(), bob=Position(quantity=5))
    ring.change(ALICE, quantity=-5)
    assert [finding.code for finding in ring.shortfalls()] == ["INSUFFICIENT_AVAILABLE"]
    ring.change(BOB, quantity=-5)
    ring.change(ALICE, quantity=5)

    assert ring.shortfalls() == []


def test_a_shortfall_says_how_much_is_missing() -> None:
    short = plan(alice=Position(quantity=10, held=3, frozen=4))
    short.change(ALICE, quantity=-5)

    [finding] = short.shortfalls()

    assert finding.message == (
        "alice has 3 of ACME available, 2 too few (10 held, of which 3 on hold and 4 frozen)."
    )


class PagesOnly(MemoryStub):
    """A ledger on which a scan in one piece would not reach the last row."""

    def get_state_range(self, start: str, end: str) -> Iterator[tuple[str, bytes]]:
        raise AssertionError(f"scanned from {start!r} to {end!r}")


def test_any_number_of_deltas_is_summed_page_by_page() -> None:
    stub = PagesOnly.alone(make_client("TransferAgentMSP"))
    for number in range(2001):
        stub.put_state(composite_key("supply", "ACME", "0", f"tx{number}", "alice"), b"2")
    stub.commit()

    assert Book(State(stub, read_only=True), "tx").supply("ACME") == 4002


def lot(quantity: int, day: str = "2024-01-01", **labels: str) -> Lot:
    return Lot(quantity=quantity, acquired_on=day, held_since=day, **labels)


def move(sender: str, receiver: str, quantity: int, choice: LotChoice = ANY_LOTS) -> Move:
    return Move(asset="ACME", sender=sender, receiver=receiver, quantity=quantity, choice=choice)


def carried(moves: list[Move], **lots: list[Lot]) -> Plan:
    """Return a plan with moves made, on a later day, by holders who have these lots."""
    holders = {name for each in moves for name in (each.sender, each.receiver) if name}
    positions = {
        name: Position(quantity=total(lots.get(name, ())), lots=tuple(lots.get(name, ())))
        for name in sorted(holders)
    }
    result = plan(**positions)
    for each in moves:
        if each.sender:
            result.change(Account("ACME", each.sender), quantity=-each.quantity)
        if each.receiver:
            result.change(Account("ACME", each.receiver), quantity=each.quantity)
    result.carry_lots(moves, "2024-02-01")
    return result


def lots_of(changed: Plan, holder: str) -> list[Lot]:
    return list(changed.after[Account("ACME", holder)].lots)


def aged(quantity: int, **labels: str) -> Lot:
    """Return a lot that was acquired by the move and held since the first of January."""
    return lot(quantity, **labels).model_copy(update={"acquired_on": "2024-02-01"})


def test_a_move_takes_the_oldest_lots_along() -> None:
    changed = carried([move("alice", "bob", 5)], alice=[lot(3), lot(4, "2024-01-02")])

    assert lots_of(changed, "alice") == [lot(2, "2024-01-02")]
    assert changed.carried == [(lot(3), lot(2, "2024-01-02"))]
    assert [each.held_since for each in lots_of(changed, "bob")] == ["2024-01-01", "2024-01-02"]
    assert {each.acquired_on for each in lots_of(changed, "bob")} == {"2024-02-01"}


def test_a_move_of_one_tranche_leaves_the_others_alone() -> None:
    """SS-106; F162."""
    choice = LotChoice(tranche="b")
    changed = carried([move("alice", "bob", 4, choice=choice)], alice=[lot(3), lot(4, tranche="b")])

    assert lots_of(changed, "alice") == [lot(3)]
    assert lots_of(changed, "bob") == [aged(4, tranche="b")]
    assert changed.shortfalls() == []


def test_lots_that_are_asked_for_and_too_few_are_a_shortfall() -> None:
    choice = LotChoice(tranche="b")
    changed = carried([move("alice", "bob", 5, choice=choice)], alice=[lot(3), lot(4, tranche="b")])

    [finding] = changed.shortfalls()
    assert finding.message == (
        "alice has too few of the lots of ACME that shall move: of 5, 1 are missing."
    )


def test_one_move_may_pass_on_what_another_brings_in_whatever_order() -> None:
    changed = carried(
        [move("bob", "carol", 5), move("alice", "bob", 4)], alice=[lot(4)], bob=[lot(1)]
    )

    assert lots_of(changed, "bob") == []
    assert lots_of(changed, "carol") == [aged(5)]


def test_a_long_chain_passes_on_what_only_its_last_move_brings() -> None:
    names = [f"holder-{number}" for number in range(1000)]
    links = list(pairwise(names))
    chain = [move(sender, receiver, 5) for sender, receiver in reversed(links)]

    changed = carried(chain, **{names[0]: [lot(5)]})

    assert lots_of(changed, names[-1]) == [aged(5)]
    assert total(lots_of(changed, names[0])) == 0


PEOPLE = ("alice", "bob", "carol", "dave")
random_moves = st.lists(
    st.builds(
        lambda sides, quantity: move(sides[0], sides[1], quantity),
        st.permutations(PEOPLE),
        st.integers(1, 9),
    ),
    max_size=8,
)
random_lots = st.lists(
    st.builds(lot, st.integers(1, 9), st.sampled_from(("2024-01-01", "2024-01-02"))), max_size=3
).map(lambda lots: list(added((), lots)))


@given(moves=random_moves, lots=st.fixed_dictionaries(dict.fromkeys(PEOPLE, random_lots)))
def test_lots_add_up_to_quantities_whenever_nobody_is_short(
    moves: list[Move], lots: dict[str, list[Lot]]
) -> None:
    changed = carried(moves, **lots)

    before = sum(total(changed.before[account].lots) for account in changed.before)
    assert sum(total(position.lots) for position in changed.after.values()) == before
    if not changed.shortfalls():
        for position in changed.after.values():
            assert total(position.lots) == position.quantity


def test_a_ring_of_people_who_have_nothing_moves_no_lots() -> None:
    ring = [move("alice", "bob", 5), move("bob", "carol", 5), move("carol", "alice", 5)]

    changed = carried(ring)

    assert changed.shortfalls() == []
    assert changed.carried == [(), (), ()]


def test_a_holding_that_would_have_too_many_lots_has_some_merged() -> None:
    many = [lot(1, f"2023-{month:02}-{day:02}") for month in (1, 2, 3) for day in range(1, 23)]
    changed = carried([move("alice", "bob", 66)], alice=many)

    assert total(lots_of(changed, "bob")) == 66
    assert len(lots_of(changed, "bob")) == MAX_LOTS
    assert list(changed.merged) == [BOB]
    assert changed.excesses() == []
