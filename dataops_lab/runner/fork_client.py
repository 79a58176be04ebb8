"""The other side of preload.py: a request for a process, and a handle to the kernel that was forked."""

from __future__ import annotations

import os
import resource
import signal
import socket
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from ..rundir.files import umask
from . import preload

ANSWER_TIMEOUT_S = 2.0
"""The time to wait for an answer; after it the process is started cold instead."""


def request_fork(
    connection: socket.socket, command: Sequence[str], environment: Mapping[str, str], cwd: str, descriptors: list[int]
) -> bool:
    """Ask a preloaded interpreter to become `python … -m MODULE …`; return False when none is there to do it.

    `descriptors` are its stdin, stdout and stderr, and others whose numbers are appended to its arguments.
    """
    connection.settimeout(ANSWER_TIMEOUT_S)
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
    """A kernel that was forked and is not a child of this process, with the interface of a `Popen`."""

    stdin = stdout = stderr = None

    def __init__(self, connection: socket.socket, pid: int, kernel_parent: int) -> None:
        self._connection = connection
        self.pid = pid
        self.kernel_parent = kernel_parent
        """Pid of its parent, which lives until `reap` is called."""
        self.returncode: int | None = None
        self.peak_memory_bytes = 0
        self.cpu_seconds = 0.0
        """CPU time of the kernel and all that it started; known after `reap`, as the peak is."""

    @classmethod
    def start(
        cls,
        connection: socket.socket,
        command: Sequence[str],
        environment: Mapping[str, str],
        cwd: str,
        descriptors: list[int],
    ) -> ForkedKernel | None:
        """Start it; None when it has to be started in the ordinary way. Then the connection is closed."""
        if request_fork(connection, command, environment, cwd, descriptors):
            answer = _receive(connection)
            if answer is not None:
                return cls(connection, answer["pid"], answer["keeper"])
        with suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)  # The keeper of this runner learns it, too.
        connection.close()
        return None

    def poll(self) -> int | None:
        if self.returncode is None:
            self._connection.setblocking(False)
            try:
                message = _receive(self._connection)
            except BlockingIOError:
                return None
            # When its keeper was killed, the kernel was killed with it, and nobody is left to say how it ended.
            self.returncode = message["exit"] if message is not None else -signal.SIGKILL
        return self.returncode

    def wait(self) -> int:
        while self.returncode is None:
            self._connection.setblocking(True)
            message = _receive(self._connection)
            self.returncode = message["exit"] if message is not None else -signal.SIGKILL
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def reap(self) -> None:
        """Kill all processes that the kernel left, and learn what it cost."""
        try:
            self._connection.shutdown(socket.SHUT_WR)
            self._connection.settimeout(ANSWER_TIMEOUT_S)
            while (message := _receive(self._connection)) is not None:
                self.returncode = message.get("exit", self.returncode)
                if "peak_kib" in message:
                    self.peak_memory_bytes, self.cpu_seconds = message["peak_kib"] * 1024, message["cpu_s"]
                    break  # The rest is for the keeper of this runner.
        except OSError:
            pass
        self._connection.close()


def _receive(connection: socket.socket) -> dict[str, Any] | None:
    try:
        message, _ = preload.receive(connection)
    except BlockingIOError:
        raise
    except (OSError, ValueError):
        return None
    return message
