"""What the filters of system calls let through, run as the kernel runs them."""

from __future__ import annotations

import struct

import pytest

from tallystick.node.runtime.system_calls import (
    DENIED,
    MACHINES,
    NEWEST,
    Machine,
    confining_program,
)

PID = 4242
ALLOWED, KILLED, NO_PERMISSION, NO_SUCH_CALL = "allowed", "killed", "EPERM", "ENOSYS"
OUTCOMES = {0x7FFF0000: ALLOWED, 0x80000000: KILLED, 0x50001: NO_PERMISSION, 0x50026: NO_SUCH_CALL}


def run(
    program: bytes, machine: Machine, number: int, *arguments: int, architecture: int = 0
) -> str:
    """Return what the kernel does with a call that a program has judged."""
    padded = (*arguments, 0, 0, 0, 0, 0, 0)[:6]
    data = struct.pack("IIQ6Q", number, architecture or machine.audit_number, 0, *padded)
    instructions = list(struct.iter_unpack("HBBI", program))
    position, accumulator = 0, 0
    while True:
        code, if_true, if_false, value = instructions[position]
        position += 1
        match code:
            case 0x20:
                (accumulator,) = struct.unpack_from("I", data, value)
            case 0x15:
                position += if_true if accumulator == value else if_false
            case 0x25:
                position += if_true if accumulator > value else if_false
            case 0x06:
                return OUTCOMES[value]
            case _:
                raise AssertionError(f"no instruction has the code {code:#x}")


@pytest.fixture(params=MACHINES)
def machine(request: pytest.FixtureRequest) -> Machine:
    return MACHINES[request.param]


def judge(machine: Machine, name: str, *arguments: int) -> str:
    return run(confining_program(machine, PID), machine, machine.number(name), *arguments)


def test_what_is_denied_fails_whatever_its_arguments(machine: Machine) -> None:
    program = confining_program(machine, PID)

    numbers = machine.numbers(DENIED)

    assert len(numbers) > 70
    assert {run(program, machine, number, PID, PID) for number in numbers} == {NO_PERMISSION}


def test_calls_that_a_contract_needs_go_through(machine: Machine) -> None:
    numbers = {0xC000003E: (0, 1, 3, 9, 202, 231), 0xC00000B7: (63, 64, 57, 222, 98, 94)}
    program = confining_program(machine, PID)

    outcomes = {run(program, machine, number) for number in numbers[machine.audit_number]}

    assert outcomes == {ALLOWED}, "read write close mmap futex exit_group"


@pytest.mark.parametrize("name", ["kill", "tgkill"])
@pytest.mark.parametrize("target", [1, 0, 0xFFFFFFFF, PID - 1])
def test_a_signal_goes_to_the_process_itself_only(machine: Machine, name: str, target: int) -> None:
    assert judge(machine, name, target, 9) == NO_PERMISSION
    assert judge(machine, name, PID, 9) == ALLOWED


def test_limits_of_other_processes_stay_as_they_are(machine: Machine) -> None:
    assert judge(machine, "prlimit64", 0) == ALLOWED
    assert judge(machine, "prlimit64", PID - 1) == NO_PERMISSION


@pytest.mark.parametrize(
    ("name", "command", "outcome"),
    [
        pytest.param("fcntl", 4, ALLOWED, id="flags of a descriptor"),
        pytest.param("fcntl", 8, NO_PERMISSION, id="owner of a descriptor, who gets its signals"),
        pytest.param("fcntl", 10, NO_PERMISSION, id="which signal"),
        pytest.param("fcntl", 15, NO_PERMISSION, id="owner, who may be a thread"),
        pytest.param("fcntl", 1024, NO_PERMISSION, id="lease of a file"),
        pytest.param("fcntl", 1026, NO_PERMISSION, id="news of a folder"),
        pytest.param("fcntl", 1031, NO_PERMISSION, id="size of a pipe"),
        pytest.param("ioctl", 0x5421, ALLOWED, id="blocking or not"),
        pytest.param("ioctl", 0x8901, NO_PERMISSION, id="owner of a socket"),
        pytest.param("ioctl", 0x8902, NO_PERMISSION, id="owner of a socket, as BSD says it"),
    ],
)
def test_a_descriptor_signals_nobody_and_takes_nothing_from_others(
    machine: Machine, name: str, command: int, outcome: str
) -> None:
    assert judge(machine, name, 3, command) == outcome


@pytest.mark.parametrize("number", [NEWEST + 1, 0x40000000 + 39, 0xFFFFFFFF])
def test_a_call_that_nobody_knows_does_not_exist(machine: Machine, number: int) -> None:
    assert run(confining_program(machine, PID), machine, number) == NO_SUCH_CALL


def test_calls_in_the_manner_of_another_architecture_end_the_process(machine: Machine) -> None:
    program = confining_program(machine, PID)

    assert run(program, machine, 0, architecture=0x40000003) == KILLED, "32-bit x86"
