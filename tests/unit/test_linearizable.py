"""The checker of histories: cases of the literature, and every small history by brute force."""

import math
from collections.abc import Sequence
from itertools import combinations, permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.scenarios.faults.linearizable import Operation, as_json_lines, is_linearizable
from tests.scenarios.faults.porcupine import PROGRAM, judged_by_porcupine

NEVER = math.inf


def write(value: str, called_s: float, returned_s: float) -> Operation:
    return Operation("write", value, called_s, returned_s)


def read(value: str, called_s: float, returned_s: float) -> Operation:
    return Operation("read", value, called_s, returned_s)


@pytest.mark.parametrize(
    ("history", "expected"),
    [
        pytest.param([], True, id="nothing happened"),
        pytest.param([read("", 0, 1)], True, id="nothing is there before the first write"),
        pytest.param([read("a", 0, 1)], False, id="what nobody wrote is read"),
        pytest.param([write("a", 0, 1), read("", 2, 3)], False, id="a stale read"),
        pytest.param([write("a", 0, 2), read("", 1, 3)], True, id="a read beside a write"),
        pytest.param(
            [write("a", 0, 9), read("a", 1, 2), read("", 3, 4)], False, id="a read goes back"
        ),
        pytest.param(
            [write("a", 0, 1), write("b", 0, NEVER), read("b", 2, 3), read("b", 4, 5)],
            True,
            id="a write without an answer has happened",
        ),
        pytest.param(
            [write("a", 0, 1), write("b", 0, NEVER), read("a", 2, 3)],
            True,
            id="a write without an answer has not happened",
        ),
        pytest.param(
            [write("a", 0, 1), write("b", 0, NEVER), read("b", 2, 3), read("a", 4, 5)],
            False,
            id="a write without an answer happens once",
        ),
        pytest.param(
            [write("a", 0, 1), write("b", 2, 3), read("b", 4, 5), read("a", 4, 5)],
            False,
            id="an acknowledged write is lost",
        ),
    ],
)
def test_histories_whose_answer_is_known(history: Sequence[Operation], expected: bool) -> None:  # noqa: FBT001
    assert is_linearizable(history) is expected


moments = st.integers(0, 8)
operations = st.builds(
    lambda kind, value, called, length, known: Operation(
        kind,
        value,
        called,
        called + length + 0.5 if known or kind == "read" else NEVER,
    ),
    st.sampled_from(["write", "read"]),
    st.sampled_from(["a", "b"]),
    moments,
    moments,
    st.booleans(),
)


@pytest.mark.skipif(not PROGRAM.exists(), reason="`make porcupine` did not build Porcupine")
@settings(max_examples=50)
@given(st.lists(st.lists(operations, max_size=12), max_size=40))
def test_the_search_and_porcupine_agree(histories: list[list[Operation]]) -> None:
    keyed = {f"register-{number}": history for number, history in enumerate(histories)}
    lines = as_json_lines((key, each) for key, history in keyed.items() for each in history)
    refused = {key for key, history in keyed.items() if not is_linearizable(history)}
    assert set(judged_by_porcupine(lines)) == refused


@given(st.lists(operations, max_size=5))
def test_the_search_finds_what_trying_every_order_finds(history: list[Operation]) -> None:
    assert is_linearizable(history) is by_brute_force(history)


def by_brute_force(history: Sequence[Operation]) -> bool:
    known = [each for each in history if math.isfinite(each.returned_s)]
    unknown = [each for each in history if math.isinf(each.returned_s)]
    return any(
        explains(order)
        for count in range(len(unknown) + 1)
        for chosen in combinations(unknown, count)
        for order in permutations([*known, *chosen])
    )


def explains(order: Sequence[Operation]) -> bool:
    value = ""
    for place, operation in enumerate(order):
        if any(later.returned_s < operation.called_s for later in order[place + 1 :]):
            return False
        if operation.kind == "read" and operation.value != value:
            return False
        value = operation.value
    return True


def test_a_long_history_of_many_clients_is_judged_soon() -> None:
    history = [
        operation
        for number in range(200)
        for operation in (
            write(f"{number}", number, number + 3.5),
            read(f"{number}", number + 0.5, number + 3.9),
        )
    ] + [write(f"lost {number}", 10 * number, NEVER) for number in range(8)]
    assert is_linearizable(history)


def test_a_history_can_be_given_to_other_checkers() -> None:
    lines = as_json_lines([("k", write("a", 1.0, NEVER))])
    assert lines == (
        '{"key": "k", "kind": "write", "value": "a", "called_s": 1.0, "returned_s": null}\n'
    )
