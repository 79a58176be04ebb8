"""The first process of a kernel's container: `python3 -c THIS LOCK COMMAND…`.

It uses the standard library only, and any Python from 3.8 on.

It sets the variables that wait in a FIFO beside LOCK, if there is one. Nobody who inspects the container sees them.

It passes signals on to the kernel and all that the kernel started, reaps dead children, and ends with the kernel. It
also ends when nobody holds LOCK any more: the server that wanted the kernel is gone.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import sys
from typing import IO

POLL_INTERVAL_S = 5
VARIABLES_FIFO = "variables"


def main(lock: str, command: list[str]) -> int:
    fifo = os.path.join(os.path.dirname(lock), VARIABLES_FIFO)  # noqa: PTH118, PTH120
    if os.path.exists(fifo):  # noqa: PTH110
        # They were written before. Without a server that holds the other end there are none, and nobody waits for them.
        descriptor = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
        with os.fdopen(descriptor, encoding="utf-8") as variables:
            os.environ.update(json.loads(variables.readline()))
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD])
    kernel = os.fork()
    if kernel == 0:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGCHLD])
        os.setpgid(0, 0)
        os.execvp(command[0], command)  # noqa: S606
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, _: os.killpg(kernel, number))
    with open(lock) as lock_file:  # noqa: PTH123
        while True:
            signal.sigtimedwait([signal.SIGCHLD], POLL_INTERVAL_S)
            exit_status = reap_children(kernel)
            if exit_status is not None:
                return exit_status
            if is_unlocked(lock_file):
                return 0


def reap_children(kernel: int) -> int | None:
    """Return the exit status of the kernel; None while it lives. Reap all other children that have ended."""
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return 0
        if pid == kernel:
            return 128 + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
        if pid == 0:
            return None


def is_unlocked(lock_file: IO[str]) -> bool:
    try:
        fcntl.flock(lock_file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


if __name__ == "__main__":
    # This is process 1: all other processes of the container end with it.
    sys.exit(main(sys.argv[1], sys.argv[2:]))
