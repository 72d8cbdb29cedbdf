"""Taking from this process what a contract does not need, before its code is loaded. Linux only.

Three mechanisms of the kernel, none of which needs privileges, and none of which can be undone:

- limits (``setrlimit``) on memory, CPU time, open files and the size of files;
- Landlock: files can be read below a few folders only, nothing can be written, and no signal sent;
- a filter of system calls (seccomp), see ``system_calls``: no thread, process or program can be
  started, no other one watched, slowed or signalled, no socket opened, nothing left behind in the
  kernel, and no file's mode, owner, times or attributes changed, which Landlock does not cover.
"""

import ctypes
import errno
import os
import platform
import resource
import signal
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tallystick.node.runtime.system_calls import (
    MACHINES,
    Machine,
    confining_program,
)

_PR_SET_PDEATHSIG: Final = 1
_PR_SET_NO_NEW_PRIVS: Final = 38
_SECCOMP_SET_MODE_FILTER: Final = 1
_INSTRUCTION_BYTES: Final = 8

_READ_FILE: Final = 1 << 2
_READ_DIR: Final = 1 << 3
_FILE_RIGHTS_BY_VERSION: Final = {1: 13, 2: 14, 3: 15, 4: 15}
_FILE_RIGHTS: Final = 16
_SCOPED_VERSION: Final = 6
_SIGNALS_AND_ABSTRACT_SOCKETS: Final = 0b11


class ConfinementError(Exception):
    """This machine cannot confine a process as asked."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a process may use.

    Attributes:
        memory_bytes: Of address space.
        cpu_s: Of CPU time, over its whole life.
        open_files: Files and connections at a time.
        file_bytes: Size of a file that it was given to write to, such as its log.
    """

    memory_bytes: int
    cpu_s: int
    open_files: int
    file_bytes: int

    def apply(self) -> None:
        """Limit this process."""
        for kind, limit in (
            (resource.RLIMIT_AS, self.memory_bytes),
            (resource.RLIMIT_CPU, self.cpu_s),
            (resource.RLIMIT_NOFILE, self.open_files),
            (resource.RLIMIT_FSIZE, self.file_bytes),
            (resource.RLIMIT_CORE, 0),
        ):
            resource.setrlimit(kind, (limit, limit))


def die_with_parent(parent: int) -> bool:
    """Let the kernel kill this process when the one that started it ends.

    Returns:
        Whether ``parent`` started it and has not ended before the kernel was told.
    """
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    return os.getppid() == parent


def confine(*, readable: Sequence[Path]) -> None:
    """Leave this process nothing but reading ``readable`` and what it has open.

    Raises:
        ConfinementError: The kernel or the machine does not offer what that takes.
    """
    machine = _machine()
    _drop_capabilities()
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    _restrict_files(machine, readable)
    _filter(machine, confining_program(machine, os.getpid()))


def _machine() -> Machine:
    name = platform.machine()
    if name not in MACHINES:
        raise ConfinementError(
            f"there is no filter of system calls for {name}, only for {', '.join(MACHINES)}; set "
            "[chaincode] confined = false to run contracts without one"
        )
    return MACHINES[name]


def _filter(machine: Machine, program: bytes) -> None:
    buffer = ctypes.create_string_buffer(program, len(program))
    instructions = len(program) // _INSTRUCTION_BYTES
    described = struct.pack("HxxxxxxP", instructions, ctypes.addressof(buffer))
    _checked(machine, "seccomp", _SECCOMP_SET_MODE_FILTER, 0, described)


def _drop_capabilities() -> None:
    """Give up the privileges of root, which a peer in a container often has."""
    header = struct.pack("Ii", 0x20080522, 0)
    if ctypes.CDLL(None, use_errno=True).capset(header, bytes(24)) != 0:
        raise ConfinementError(f"capset failed: {_last_error()}")


# --- files ---


def _restrict_files(machine: Machine, readable: Sequence[Path]) -> None:
    version = _syscall(machine, "landlock_create_ruleset", None, 0, 1)
    if version < 1:
        raise ConfinementError(
            f"{_why_no_landlock()}, so contracts could read the peer's files; set [chaincode] "
            "confined = false to accept that"
        )
    handled = (1 << _FILE_RIGHTS_BY_VERSION.get(version, _FILE_RIGHTS)) - 1
    attributes = struct.pack("Q", handled)
    if version >= _SCOPED_VERSION:
        attributes = struct.pack("QQQ", handled, 0, _SIGNALS_AND_ABSTRACT_SOCKETS)
    rules = _checked(machine, "landlock_create_ruleset", attributes, len(attributes), 0)
    for path in readable:
        _allow(machine, rules, path, _READ_FILE | _READ_DIR)
    _checked(machine, "landlock_restrict_self", rules, 0)
    os.close(rules)


def _why_no_landlock() -> str:
    match ctypes.get_errno():
        case errno.ENOSYS:
            return "this kernel has no Landlock (it came with Linux 5.13)"
        case errno.EOPNOTSUPP:
            return "this kernel has Landlock switched off (add landlock to its parameter lsm=)"
        case _:
            return f"this kernel does not offer Landlock ({_last_error()})"


def _allow(machine: Machine, rules: int, path: Path, rights: int) -> None:
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return  # not every system has every folder
    try:
        if not path.is_dir():
            rights &= _READ_FILE
        beneath = struct.pack("=Qi", rights, descriptor)
        _checked(machine, "landlock_add_rule", rules, 1, beneath, 0)
    finally:
        os.close(descriptor)


# --- calling the kernel ---


def _prctl(option: int, *arguments: int) -> None:
    padded = (*arguments, 0, 0, 0, 0)[:4]
    converted = [ctypes.c_ulong(argument) for argument in padded]
    if ctypes.CDLL(None, use_errno=True).prctl(option, *converted) != 0:
        raise ConfinementError(f"prctl {option} failed: {_last_error()}")


def _syscall(machine: Machine, name: str, *arguments: int | bytes | None) -> int:
    number = machine.number(name)
    converted = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    call = ctypes.CDLL(None, use_errno=True).syscall
    call.restype = ctypes.c_long
    return int(call(ctypes.c_long(number), *converted))


def _checked(machine: Machine, name: str, *arguments: int | bytes | None) -> int:
    result = _syscall(machine, name, *arguments)
    if result < 0:
        raise ConfinementError(f"{name} failed: {_last_error()}")
    return result


def _last_error() -> str:
    return os.strerror(ctypes.get_errno())
