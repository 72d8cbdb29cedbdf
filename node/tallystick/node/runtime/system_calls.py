"""What contracts may ask of the kernel, as a program of its packet filter machine (seccomp).

Everything is allowed but what is named here, and what is newer than this list. The numbers of each
architecture are compared with the kernel's own in ``tests/vectors/linux/system_calls.json``.
"""

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from tallystick.node.runtime.system_call_numbers import NUMBERS

DENIED: Final = (
    # start another process, program or thread: no limit of the kernel counts those of one process
    *("fork", "vfork", "execve", "execveat", "clone", "clone3"),
    # look into another process, or change it
    *("ptrace", "kcmp", "process_vm_readv", "process_vm_writev", "process_madvise"),
    *("process_mrelease", "pidfd_open", "pidfd_getfd", "migrate_pages", "move_pages"),
    "perf_event_open",
    # signal it
    *("tkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo", "pidfd_send_signal"),
    # take its time: a peer of the same user could be given the least priority, or one processor
    *("setpriority", "ioprio_set", "sched_setparam", "sched_setscheduler", "sched_setaffinity"),
    *("sched_setattr", "sync", "syncfs"),
    # get around this filter, or deep into the kernel
    *("unshare", "setns", "bpf", "prctl", "io_uring_setup", "io_uring_enter", "io_uring_register"),
    *("io_setup", "userfaultfd", "syslog"),
    # reach a network or, over a local socket, another program
    *("socket", "socketpair", "bind", "listen", "accept", "accept4", "connect"),
    *("sendmsg", "sendmmsg", "recvmsg", "recvmmsg"),
    # use what belongs to the whole machine or the whole user, or outlives the process
    *("shmget", "shmat", "shmctl", "semget", "semop", "semtimedop", "semctl"),
    *("msgget", "msgsnd", "msgrcv", "msgctl", "mq_open", "mq_unlink"),
    *("add_key", "request_key", "keyctl", "memfd_create", "memfd_secret"),
    *("inotify_init", "inotify_init1", "fanotify_init", "flock"),
    # change a file's mode, owner, times or attributes, which Landlock does not cover
    *("truncate", "chmod", "fchmod", "fchmodat", "fchmodat2"),
    *("chown", "fchown", "lchown", "fchownat", "utime", "utimes", "futimesat", "utimensat"),
    *("setxattr", "lsetxattr", "fsetxattr", "removexattr", "lremovexattr", "fremovexattr"),
)
"""Names of the calls that fail whatever their arguments."""

NEWEST: Final = 462
"""Highest number of a call known here (mseal, Linux 6.10); later ones are said not to exist."""

# Commands of fcntl and ioctl that make a descriptor signal somebody when something happens on it
# (F_SETOWN F_SETSIG F_SETOWN_EX F_NOTIFY, FIOSETOWN SIOCSPGRP), hold up those who open the file
# (F_SETLEASE), or draw on what all pipes of a user may take (F_SETPIPE_SZ).
_DENIED_COMMANDS: Final[Mapping[str, Sequence[int]]] = MappingProxyType(
    {"fcntl": (8, 10, 15, 1024, 1026, 1031), "ioctl": (0x8901, 0x8902)}
)

_ALLOW: Final = 0x7FFF0000
_KILL_PROCESS: Final = 0x80000000
_FAIL: Final = 0x00050000
_EPERM: Final = 1
_ENOSYS: Final = 38

_ARCHITECTURE: Final = 4
_NUMBER: Final = 0
_FIRST_ARGUMENT: Final = 16
_SECOND_ARGUMENT: Final = 24
"""Offsets in what the kernel hands to the filter; of arguments, the lower half counts here."""

_EQUAL: Final = 0x15
_GREATER: Final = 0x25


@dataclass(frozen=True, slots=True)
class Machine:
    """An architecture.

    Attributes:
        audit_number: How the kernel names it to a filter.
        column: Which of two ``NUMBERS`` is its own.
    """

    audit_number: int
    column: int

    def number(self, name: str) -> int:
        """Return the number of a call that every architecture has."""
        (number,) = self.numbers((name,))
        return number

    def numbers(self, names: Sequence[str]) -> list[int]:
        """Return the numbers of those calls that this architecture has."""
        found = [NUMBERS[name][self.column] for name in names]
        return [number for number in found if number is not None]


MACHINES: Final[Mapping[str, Machine]] = MappingProxyType(
    {"x86_64": Machine(0xC000003E, 0), "aarch64": Machine(0xC00000B7, 1)}
)
"""By the name that ``platform.machine`` returns."""


def confining_program(machine: Machine, own_pid: int) -> bytes:
    """Return the filter for the process ``own_pid``, in which a contract is to be loaded."""
    program = [
        _load(_ARCHITECTURE),  # numbers mean something in one only
        _if_equal(machine.audit_number, 1, 0),
        _return(_KILL_PROCESS),
        _load(_NUMBER),
        _jump(_GREATER, NEWEST, 0, 1),  # also the other numbering of x86, which sets a high bit
        _return(_FAIL | _ENOSYS),
    ]
    for number in machine.numbers(DENIED):
        program += [_if_equal(number, 0, 1), _return(_FAIL | _EPERM)]
    program += _only_if(machine.number("kill"), own_pid)
    program += _only_if(machine.number("tgkill"), own_pid)
    program += _only_if(machine.number("prlimit64"), 0)  # which stands for this process
    for name, commands in _DENIED_COMMANDS.items():
        program += _unless(machine.number(name), commands)
    return b"".join([*program, _return(_ALLOW)])


def _only_if(number: int, value: int) -> list[bytes]:
    """Return the instructions that allow a call only if this is its first argument."""
    return [
        _if_equal(number, 0, 4),
        _load(_FIRST_ARGUMENT),
        _if_equal(value, 1, 0),
        _return(_FAIL | _EPERM),
        _return(_ALLOW),
    ]


def _unless(number: int, commands: Sequence[int]) -> list[bytes]:
    """Return the instructions that allow a call unless its second argument is one of these."""
    body = [_load(_SECOND_ARGUMENT)]
    for command in commands:
        body += [_if_equal(command, 0, 1), _return(_FAIL | _EPERM)]
    body.append(_return(_ALLOW))
    return [_if_equal(number, 0, len(body)), *body]


def _load(offset: int) -> bytes:
    return struct.pack("HBBI", 0x20, 0, 0, offset)


def _jump(comparison: int, value: int, if_true: int, if_false: int) -> bytes:
    return struct.pack("HBBI", comparison, if_true, if_false, value)


def _if_equal(value: int, if_true: int, if_false: int) -> bytes:
    return _jump(_EQUAL, value, if_true, if_false)


def _return(action: int) -> bytes:
    return struct.pack("HBBI", 0x06, 0, 0, action)
