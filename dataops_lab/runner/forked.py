"""The other side of preload.py: asking for a process, and what is known of it."""

from __future__ import annotations

import os
import resource
import signal
import socket
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from . import preload
from .files import umask

ANSWER_WITHIN_S = 2.0
"""Who waits longer starts cold instead."""


def ask(
    connection: socket.socket, command: Sequence[str], environment: Mapping[str, str], cwd: str, descriptors: list[int]
) -> bool:
    """To become `python … -m MODULE …`; False when nobody is there to do it.

    `descriptors` are its stdin, stdout and stderr, and others whose numbers are appended to its arguments.
    """
    connection.settimeout(ANSWER_WITHIN_S)
    module = list(command).index("-m") + 1
    try:
        if connection.recv(1) != b"+":
            return False
        request = {
            "command": list(command),
            "arguments": list(command[module:]),
            "environment": dict(environment),
            "cwd": cwd,
            "umask": umask(),
            "priority": os.getpriority(os.PRIO_PROCESS, 0),
            "limits": {number: resource.getrlimit(number) for number in _LIMITS},
        }
        preload.send(connection, request, descriptors)
        return connection.recv(1) == b"+"
    except OSError:
        return False


_LIMITS = [getattr(resource, name) for name in dir(resource) if name.startswith("RLIMIT_")]


class ForkedKernel:
    """A kernel that was forked and is no child of ours, as jupyter_client knows a `Popen`."""

    stdin = stdout = stderr = None

    def __init__(self, connection: socket.socket, pid: int, keeper: int) -> None:
        self._connection = connection
        self.pid = pid
        self.keeper = keeper
        """Pid of its parent, which lives until it is `buried`."""
        self.returncode: int | None = None
        self.peak_memory_bytes = 0
        self.cpu_seconds = 0.0
        """Of it and all that it started; known when it was `buried`."""

    @classmethod
    def start(
        cls,
        connection: socket.socket,
        command: Sequence[str],
        environment: Mapping[str, str],
        cwd: str,
        descriptors: list[int],
    ) -> ForkedKernel | None:
        """None when it has to be started in the ordinary way; then nothing of it is left here."""
        if ask(connection, command, environment, cwd, descriptors):
            answer = _told(connection)
            if answer is not None:
                return cls(connection, answer["pid"], answer["keeper"])
        with suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)  # Also for the keeper of this runner: nobody will answer there.
        connection.close()
        return None

    def poll(self) -> int | None:
        if self.returncode is None:
            self._connection.setblocking(False)
            try:
                told = _told(self._connection)
            except BlockingIOError:
                return None
            # Nobody is left to say how it ended when its keeper was killed, and it is with its keeper.
            self.returncode = told["exit"] if told is not None else -signal.SIGKILL
        return self.returncode

    def wait(self) -> int:
        while self.returncode is None:
            self._connection.setblocking(True)
            told = _told(self._connection)
            self.returncode = told["exit"] if told is not None else -signal.SIGKILL
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def bury(self) -> None:
        """Kill all that it left, and learn what it cost."""
        try:
            self._connection.shutdown(socket.SHUT_WR)
            self._connection.settimeout(ANSWER_WITHIN_S)
            while (told := _told(self._connection)) is not None:
                self.returncode = told.get("exit", self.returncode)
                if "peak_kib" in told:
                    self.peak_memory_bytes, self.cpu_seconds = told["peak_kib"] * 1024, told["cpu_s"]
                    break  # What follows is for the keeper of this runner.
        except OSError:
            pass
        self._connection.close()


def _told(connection: socket.socket) -> dict[str, Any] | None:
    try:
        message, _ = preload.receive(connection)
    except BlockingIOError:
        raise
    except (OSError, ValueError):
        return None
    return message
