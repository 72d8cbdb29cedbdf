"""Taking from this process what a contract does not need, before its code is loaded. Linux only.

Three mechanisms of the kernel, none of which needs privileges, and none of which can be undone:

- limits (``setrlimit``) on memory, CPU time, open files and the size of files;
- Landlock: files can be read below a few folders only, nothing can be written, and no signal sent;
- a filter of system calls (seccomp): no other process or program can be started, watched or
  signalled, no socket opened, nothing left behind in the kernel, and no file's mode, owner, times
  or attributes changed, which Landlock does not cover.
"""

import ctypes
import os
import platform
import resource
import signal
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_PR_SET_PDEATHSIG: Final = 1
_PR_SET_SECCOMP: Final = 22
_PR_SET_NO_NEW_PRIVS: Final = 38
_SECCOMP_MODE_FILTER: Final = 2

_LANDLOCK_CREATE_RULESET: Final = 444
_LANDLOCK_ADD_RULE: Final = 445
_LANDLOCK_RESTRICT_SELF: Final = 446
_READ_FILE: Final = 1 << 2
_READ_DIR: Final = 1 << 3
_FILE_RIGHTS_BY_VERSION: Final = {1: 13, 2: 14, 3: 15, 4: 15}
_FILE_RIGHTS: Final = 16
_SCOPED_VERSION: Final = 6
_SIGNALS_AND_ABSTRACT_SOCKETS: Final = 0b11

_ALLOW: Final = 0x7FFF0000
_KILL_PROCESS: Final = 0x80000000
_FAIL: Final = 0x00050000
_EPERM: Final = 1
_ENOSYS: Final = 38
_CLONE_THREAD: Final = 0x00010000
_X32_SYSCALL: Final = 0x40000000


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


@dataclass(frozen=True, slots=True)
class _SystemCalls:
    """The numbers of an architecture. ``denied`` fail whatever their arguments."""

    architecture: int
    denied: tuple[int, ...]
    clone: int
    clone3: int
    self_only: tuple[int, ...]  # their first argument must be this very process
    prlimit: int  # likewise, but there 0 stands for this process


_MACHINES: Final = {
    "x86_64": _SystemCalls(
        architecture=0xC000003E,
        # fork vfork execve execveat connect ptrace process_vm_* tkill rt_sigqueueinfo
        # rt_tgsigqueueinfo pidfd_send_signal pidfd_open pidfd_getfd io_uring_*
        # unshare setns bpf socket prctl shmget semget msgget mq_open add_key request_key keyctl
        # truncate chmod fchmod chown fchown lchown fchownat fchmodat fchmodat2
        # utime utimes futimesat utimensat setxattr lsetxattr fsetxattr removexattr lremovexattr
        # fremovexattr setxattrat removexattrat
        denied=(
            *(57, 58, 59, 322, 42, 101, 310, 311, 200, 129),
            *(297, 424, 434, 438, 425, 426, 427, 272, 308, 321),
            *(41, 157, 29, 64, 68, 240, 248, 249, 250),
            *(76, 90, 91, 92, 93, 94, 260, 268, 452),
            *(132, 235, 261, 280, 188, 189, 190, 197, 198, 199, 463, 466),
        ),
        clone=56,
        clone3=435,
        self_only=(62, 234),  # kill tgkill
        prlimit=302,
    ),
    "aarch64": _SystemCalls(
        architecture=0xC00000B7,
        denied=(
            *(221, 281, 203, 117, 270, 271, 130, 138, 240),
            *(424, 434, 438, 425, 426, 427, 97, 268, 280),
            *(198, 167, 194, 190, 186, 180, 217, 218, 219),
            *(45, 52, 53, 54, 55, 452, 88, 5, 6, 7, 14, 15, 16, 463, 466),
        ),
        clone=220,
        clone3=435,
        self_only=(129, 131),
        prlimit=261,
    ),
}


def die_with_parent() -> None:
    """Let the kernel kill this process when the one that started it ends."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def confine(*, readable: Sequence[Path]) -> None:
    """Leave this process nothing but reading ``readable`` and what it has open.

    Raises:
        ConfinementError: The kernel or the machine does not offer what that takes.
    """
    calls = _MACHINES.get(platform.machine())
    if calls is None:
        raise ConfinementError(f"there is no filter of system calls for {platform.machine()}")
    _drop_capabilities()
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    _restrict_files(readable)
    _filter_system_calls(calls)


def _drop_capabilities() -> None:
    """Give up the privileges of root, which a peer in a container often has."""
    header = struct.pack("Ii", 0x20080522, 0)
    if ctypes.CDLL(None, use_errno=True).capset(header, bytes(24)) != 0:
        raise ConfinementError(f"capset failed: {_last_error()}")


# --- files ---


def _restrict_files(readable: Sequence[Path]) -> None:
    version = _syscall(_LANDLOCK_CREATE_RULESET, None, 0, 1)
    if version < 1:
        raise ConfinementError(
            "this kernel has no Landlock (Linux 5.13 or later with it enabled), so contracts could "
            "read the peer's files; set [chaincode] confined = false to accept that"
        )
    handled = (1 << _FILE_RIGHTS_BY_VERSION.get(version, _FILE_RIGHTS)) - 1
    attributes = struct.pack("Q", handled)
    if version >= _SCOPED_VERSION:
        attributes = struct.pack("QQQ", handled, 0, _SIGNALS_AND_ABSTRACT_SOCKETS)
    rules = _checked(_LANDLOCK_CREATE_RULESET, attributes, len(attributes), 0)
    for path in readable:
        _allow(rules, path, _READ_FILE | _READ_DIR)
    _checked(_LANDLOCK_RESTRICT_SELF, rules, 0)
    os.close(rules)


def _allow(rules: int, path: Path, rights: int) -> None:
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return  # not every system has every folder
    try:
        if not path.is_dir():
            rights &= _READ_FILE
        _checked(_LANDLOCK_ADD_RULE, rules, 1, struct.pack("=Qi", rights, descriptor), 0)
    finally:
        os.close(descriptor)


# --- system calls ---


def _filter_system_calls(calls: _SystemCalls) -> None:
    program = b"".join(_program(calls, os.getpid()))
    buffer = ctypes.create_string_buffer(program, len(program))
    filter_program = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(buffer))
    _prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, filter_program)


def _program(calls: _SystemCalls, own_pid: int) -> list[bytes]:
    """Return the filter, as instructions of the kernel's packet filter machine."""
    program = [
        _load(4),  # the architecture; numbers mean something in one only
        _jump_if_equal(calls.architecture, 1, 0),
        _return(_KILL_PROCESS),
        _load(0),  # the number of the call
        _jump(0x35, _X32_SYSCALL, 0, 1),  # another numbering on the same architecture
        _return(_KILL_PROCESS),
    ]
    for number in calls.denied:
        program += [_jump_if_equal(number, 0, 1), _return(_FAIL | _EPERM)]
    # The C library falls back to clone, whose flags can be looked at.
    program += [_jump_if_equal(calls.clone3, 0, 1), _return(_FAIL | _ENOSYS)]
    program += [
        _jump_if_equal(calls.clone, 0, 4),
        _load(16),
        _jump(0x45, _CLONE_THREAD, 1, 0),
        _return(_FAIL | _EPERM),
        _return(_ALLOW),
    ]
    own = [(number, own_pid) for number in calls.self_only]
    for number, process in (*own, (calls.prlimit, 0)):
        program += [
            _jump_if_equal(number, 0, 4),
            _load(16),
            _jump_if_equal(process, 1, 0),
            _return(_FAIL | _EPERM),
            _return(_ALLOW),
        ]
    return [*program, _return(_ALLOW)]


def _load(offset: int) -> bytes:
    return struct.pack("HBBI", 0x20, 0, 0, offset)


def _jump(code: int, value: int, if_true: int, if_false: int) -> bytes:
    return struct.pack("HBBI", code, if_true, if_false, value)


def _jump_if_equal(value: int, if_true: int, if_false: int) -> bytes:
    return _jump(0x15, value, if_true, if_false)


def _return(action: int) -> bytes:
    return struct.pack("HBBI", 0x06, 0, 0, action)


# --- calling the kernel ---


def _prctl(option: int, *arguments: int | bytes) -> None:
    padded = (*arguments, 0, 0, 0, 0)[:4]
    converted = [a if isinstance(a, bytes) else ctypes.c_ulong(a) for a in padded]
    if ctypes.CDLL(None, use_errno=True).prctl(option, *converted) != 0:
        raise ConfinementError(f"prctl {option} failed: {_last_error()}")


def _syscall(number: int, *arguments: int | bytes | None) -> int:
    converted = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    call = ctypes.CDLL(None, use_errno=True).syscall
    call.restype = ctypes.c_long
    return int(call(ctypes.c_long(number), *converted))


def _checked(number: int, *arguments: int | bytes | None) -> int:
    result = _syscall(number, *arguments)
    if result < 0:
        raise ConfinementError(f"system call {number} failed: {_last_error()}")
    return result


def _last_error() -> str:
    return os.strerror(ctypes.get_errno())
