"""Runs a command that the kernel ends when its parent dies, however the parent dies.

Usage: python leash.py PARENT_PID COMMAND [ARGUMENT…]. The wish to die with the parent survives `exec`, so what remains
is the command itself. It is set here and not between fork and exec because the parent runs threads.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> None:
    parent, command = int(arguments[0]), arguments[1:]
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before the wish was heard
        raise SystemExit(1)
    os.execv(command[0], command)


if __name__ == "__main__":
    main(sys.argv[1:])
