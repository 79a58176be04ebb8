"""The keeper: the parent of a runner. It ends when nothing of the attempt is alive, and says so in `runner.json`.

A name in the environment does not find a process that was started without it, as by `env -i`. So the keeper adopts
every descendant that loses its parent, also when the runner is killed. It kills and reaps all of them.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
from contextlib import suppress

from .lock import Lock
from .processes import adopt_orphans, kill_descendants, set_name

NAME = "dataops-keeper"
"""The name of the process in `ps` and in /proc/PID/comm."""

KILL_SIGNAL = signal.SIGUSR1
"""The signal at which the keeper kills the runner and all that descends from it. It passes SIGTERM on to the runner."""

SLOW_S = 1.0
"""The time after which the keeper says that the runner has ended, although something is still alive."""

ANSWER_TIMEOUT_S = 10.0
"""The time that the kernel's own keeper may take to kill what is left."""

_HANDLED_SIGNALS = {signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, KILL_SIGNAL}


def fork_runner(lock: Lock, kernel: socket.socket | None) -> int | None:
    """Fork, and return the pid of the keeper in the child, which becomes the runner.

    This works only on Linux. Elsewhere nobody can adopt orphans: this process becomes the runner and gets None.
    `kernel` leads to the preloaded interpreter that forks the runner's kernel, which does not descend from the runner.
    """
    if sys.platform != "linux":
        return None
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _HANDLED_SIGNALS)
    adopt_orphans()
    keeper = os.getpid()
    runner = os.fork()
    if runner == 0:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        os.setsid()
        return keeper
    code = 1
    try:
        set_name(NAME)
        _forget_secrets()
        code = _wait_for(runner)
        _reap_all(lock, code, kernel)
    finally:
        os._exit(code if code >= 0 else 128 - code)


def _forget_secrets() -> None:
    """Close stdin, from which anybody who looks into this process could read the secrets a second time."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)


def _wait_for(runner: int) -> int:
    """Wait for the runner, obey signals meanwhile, and return its exit code; that of a signal is negative."""
    while (code := _reap_children(runner)) is None:
        match signal.sigwait(_HANDLED_SIGNALS):
            case signal.SIGTERM | signal.SIGINT:
                os.kill(runner, signal.SIGTERM)
            case number if number == KILL_SIGNAL:
                os.kill(runner, signal.SIGKILL)
    return code


def _reap_children(runner: int) -> int | None:
    """Reap all children that have ended; return the exit code of the runner if it is one of them."""
    code = None
    with suppress(ChildProcessError):
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            if ended[0] == runner:
                code = os.waitstatus_to_exitcode(ended[1])
    return code


def _reap_all(lock: Lock, code: int, kernel: socket.socket | None) -> None:
    signal.signal(signal.SIGALRM, lambda *_: _write_note(lock, exit_code=code))
    signal.setitimer(signal.ITIMER_REAL, SLOW_S)
    kill_descendants()
    is_dead = kernel is None or _kernel_is_dead(kernel)
    signal.setitimer(signal.ITIMER_REAL, 0)
    lock.unnamed_path.unlink(missing_ok=True)  # The runner may have been killed before it took the lock.
    _write_note(lock, exit_code=code, dead=is_dead)


def _write_note(lock: Lock, **members: object) -> None:
    # On a full disk the note cannot be written; a reader has to find out by itself.
    with suppress(OSError):
        lock.note(**members)


def _kernel_is_dead(kernel: socket.socket) -> bool:
    """Let the kernel's own keeper kill what is left, and wait until it says that nothing is.

    Nobody answers where the preloaded interpreter did not start the kernel and the runner did so itself.
    """
    from .preload import ALL_REAPED

    received = b""
    with suppress(OSError):
        kernel.settimeout(ANSWER_TIMEOUT_S)
        kernel.shutdown(socket.SHUT_WR)
        while piece := kernel.recv(65536):
            received = piece
    return received.endswith(ALL_REAPED)
