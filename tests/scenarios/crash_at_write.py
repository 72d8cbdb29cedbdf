"""A program that kills a process when next something is written in a directory.

It is a process of its own because the moment is short: between a block and its views lies less than
a millisecond, and a program that also does something else would come too late.

Usage: python crash_at_write.py PID DIRECTORY
"""

import ctypes
import os
import signal
import sys

IN_MODIFY = 2  # sys/inotify.h: told after the write, before whoever wrote does anything else


def main() -> None:
    pid, directory = int(sys.argv[1]), os.fsencode(sys.argv[2])
    libc = ctypes.CDLL(None, use_errno=True)
    notifications = libc.inotify_init()
    if libc.inotify_add_watch(notifications, directory, IN_MODIFY) < 0:
        raise OSError(ctypes.get_errno(), "cannot watch the directory", sys.argv[2])
    os.read(notifications, 4096)
    os.kill(pid, signal.SIGKILL)


if __name__ == "__main__":
    main()
