"""The numbers of system calls against those that the kernel publishes."""

import json
from pathlib import Path

import pytest

from tallystick.node.runtime.system_call_numbers import NUMBERS
from tallystick.node.runtime.system_calls import MACHINES

PUBLISHED: dict[str, dict[str, int]] = json.loads(
    (Path(__file__).parent / "linux" / "system_calls.json").read_text(encoding="utf-8")
)


@pytest.mark.parametrize("machine", MACHINES)
def test_every_call_has_the_number_that_the_kernel_gives_it_on(machine: str) -> None:
    column = MACHINES[machine].column

    assert {name: numbers[column] for name, numbers in NUMBERS.items()} == {
        name: PUBLISHED[machine].get(name) for name in NUMBERS
    }


def test_a_call_that_one_machine_lacks_is_there_on_the_other() -> None:
    assert all(numbers != (None, None) for numbers in NUMBERS.values())
