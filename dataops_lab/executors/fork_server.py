"""Preloaded interpreters: processes that have done the imports of every run, and fork for each (runner/preload.py).

A problem of an interpreter costs nothing but time: a process that it does not fork at once is started cold.
"""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from ..rundir.files import write_atomically
from ..runner import libraries, preload
from .host import supports_warm_start

MAX_FORK_SERVERS = 4
MAX_WITH_LIBRARIES = 4
RECENT_USE_S = 60.0
"""A preloaded interpreter that was used within this time does not make room for another one."""

RETRY_FAILED_AFTER_S = 600.0
"""The time after which an interpreter that could not be preloaded is tried again."""

PADDING_BYTES = 2048
"""The bytes into which a fork can write its own command. For its environment there are eight times as many."""

_PYTHON = re.compile(r"python[\d.]*")
_ROLES = {"dataops_lab.runner": "runner", "ipykernel_launcher": "kernel", "ipykernel": "kernel"}

Key = tuple[object, ...]


@dataclass
class _ForkServer:
    process: subprocess.Popen[bytes]
    control: socket.socket
    role: str
    imports: Sequence[str]
    used_at: float = field(default_factory=time.monotonic)
    startup_done: threading.Event = field(default_factory=threading.Event)
    """The event that is set when it is known whether the interpreter is ready or never will be."""
    packages: Mapping[str, int | None] | None = None
    """The paths on which it depends, each with the time of its last change; None until it is ready."""
    names: frozenset[str] = frozenset()
    """The names of modules that no file of the notebook may have."""
    memory_bytes: int = 0
    problem: str = ""
    """The reason why nothing can be forked from it; empty if it can."""

    def is_current(self) -> bool:
        """Tell whether nothing was installed or removed since it began."""
        packages = self.packages or {}
        return all(preload.changed_at(path) == changed_at for path, changed_at in packages.items())

    def should_restart(self) -> bool:
        if self.problem:
            return time.monotonic() - self.used_at > RETRY_FAILED_AFTER_S
        return self.packages is not None or self.process.poll() is not None

    def describe(self) -> dict[str, Any]:
        state = "failed" if self.problem else "ready" if self.packages is not None else "starting"
        return {
            "role": self.role,
            "python": self.process.args[0],  # type: ignore[index]
            "imports": list(self.imports),
            "state": state,
            "problem": self.problem,
            "memory_bytes": self.memory_bytes,
        }


@dataclass(frozen=True)
class NotebookFiles:
    """The files beside a notebook: `modules` that Python imports, `has_library_config` if there is one that a library
    reads from the folder of the notebook."""

    modules: frozenset[str] = frozenset()
    has_library_config: bool = False

    @classmethod
    def from_paths(cls, paths: Iterable[str], folder: str) -> NotebookFiles:
        modules, has_library_config = set(), False
        for path in paths:
            parent, _, file = path.rpartition("/")
            name, _, ending = file.partition(".")
            if ending.rpartition(".")[2] in ("py", "so", "pyc"):
                modules.add(parent.rpartition("/")[2] if name == "__init__" else name)
            has_library_config = has_library_config or (file in libraries.READ_FROM_FOLDER and parent == folder)
        return cls(frozenset(modules), has_library_config)

    def shadow(self, names: frozenset[str]) -> bool:
        """Tell whether Python would import a file instead of one of `names`, or a library read one while imported."""
        return bool(self.modules & names) or self.has_library_config


NO_FILES = NotebookFiles()


class ForkServerPool:
    """At most `size` preloaded interpreters. Each is begun at the first wish for it, and ends when this process does.

    Beside them there are interpreters for kernels that have imported libraries: those that are known to be safe, and
    `extra_libraries`. Together they take at most `library_bytes`; with 0 there are none. `report_path` is the path
    of a file that tells their state.
    """

    def __init__(
        self, size: int, *, library_bytes: int = 0, extra_libraries: Iterable[str] = (), report_path: Path | None = None
    ) -> None:
        self._size = min(size, MAX_FORK_SERVERS) if supports_warm_start() else 0
        self._library_bytes = library_bytes if self._size else 0
        self.libraries = libraries.SAFE | set(extra_libraries) if self._library_bytes else frozenset()
        self._report_path = report_path
        self._excluded_libraries: dict[tuple[str, str], str] = {}
        self._servers: dict[Key, _ForkServer] = {}
        self._lock = threading.RLock()
        self._write_report()

    def connect(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        *,
        imports: Iterable[str] = (),
        notebook_files: NotebookFiles = NO_FILES,
    ) -> socket.socket | None:
        """Connect to a fork that waits for the request (runner/fork_client.py) to run `command` with `environment`.

        A fork with `imports` is preferred; `notebook_files` are those that it could import. Return None when the
        command has to be started cold: for now, because no interpreter stands ready yet, or always.
        """
        interpreter, role = _parse_command(command)
        if role is None or not self._size:
            return None
        with self._lock:
            preloadable_imports = self._preloadable_imports(imports, interpreter) if role == "kernel" else ()
            if preloadable_imports and (
                connection := self._fork(role, interpreter, environment, preloadable_imports, notebook_files)
            ):
                return connection
            return self._fork(role, interpreter, environment, (), notebook_files)

    def wait(self, timeout_s: float) -> bool:
        """Wait until all interpreters that were begun stand ready; return False when one does not in time."""
        deadline = time.monotonic() + timeout_s
        with self._lock:
            servers = list(self._servers.values())
        for server in servers:
            server.startup_done.wait(max(0, deadline - time.monotonic()))
        return all(server.packages is not None for server in servers)

    def describe(self) -> dict[str, Any]:
        """Describe the interpreters, and the libraries that are not imported ahead of time, each with the reason."""
        with self._lock:
            excluded = [
                {"python": python, "library": library, "problem": problem}
                for (python, library), problem in self._excluded_libraries.items()
            ]
            return {
                "pid": os.getpid(),
                "size": self._size,
                "library_bytes": self._library_bytes,
                "interpreters": [server.describe() for server in self._servers.values()],
                "left_out": excluded,
            }

    def close(self) -> None:
        with self._lock:
            for key in list(self._servers):
                self._stop_server(key)
        if self._report_path is not None:
            self._report_path.unlink(missing_ok=True)

    def _preloadable_imports(self, imports: Iterable[str], interpreter: Sequence[str]) -> tuple[str, ...]:
        names = [(name, name.partition(".")[0]) for name in imports]
        return tuple(
            name
            for name, top in names
            if top in self.libraries and (interpreter[0], top) not in self._excluded_libraries
        )

    def _fork(
        self,
        role: str,
        interpreter: Sequence[str],
        environment: Mapping[str, str],
        imports: Sequence[str],
        notebook_files: NotebookFiles,
    ) -> socket.socket | None:
        all_variables = dict(environment)
        variables = preload.run_independent(all_variables) if imports else preload.startup_variables(all_variables)
        key = (role, *interpreter, *imports, *sorted(variables.items()))
        server = self._servers.get(key)
        if server is not None and server.packages is not None:
            if imports and notebook_files.shadow(server.names):
                return None
            if server.is_current():
                with suppress(OSError):  # It has ended, as old and unused ones do.
                    server.used_at = time.monotonic()
                    local_end, remote_end = socket.socketpair()
                    with remote_end:
                        socket.send_fds(server.control, [b"+"], [remote_end.fileno()])
                    return local_end
        if server is None or server.should_restart():
            self._stop_server(key)
            self._start_server(key, interpreter, role, variables, imports)
        return None

    def _start_server(
        self, key: Key, interpreter: Sequence[str], role: str, variables: Mapping[str, str], imports: Sequence[str]
    ) -> None:
        if not self._make_room(MAX_WITH_LIBRARIES if imports else self._size, with_imports=bool(imports)):
            return
        local_end, remote_end = socket.socketpair()
        padding = {preload.ATTEMPT_VARIABLE: " " * PADDING_BYTES * 8}
        with remote_end:
            try:
                process = subprocess.Popen(
                    [*interpreter, preload.__file__, role, str(remote_end.fileno()), " " * PADDING_BYTES, *imports],
                    env={**variables, **padding},
                    cwd="/",
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    pass_fds=[remote_end.fileno()],
                    start_new_session=True,
                )
            except OSError:
                local_end.close()
                return
        server = self._servers[key] = _ForkServer(process, local_end, role, imports)
        threading.Thread(target=self._watch, args=(key, server), name="preloaded", daemon=True).start()
        self._write_report()

    def _make_room(self, limit: int, *, with_imports: bool) -> bool:
        """Make room for one more among at most `most` of its kind; return False when all were used too lately."""
        similar = [
            key for key, server in self._servers.items() if bool(server.imports) is with_imports and not server.problem
        ]
        if len(similar) >= limit:
            oldest = min(similar, key=lambda key: self._servers[key].used_at)
            if time.monotonic() - self._servers[oldest].used_at < RECENT_USE_S:
                return False
            self._stop_server(oldest)
        return True

    def _watch(self, key: Key, server: _ForkServer) -> None:
        """Follow an interpreter in a thread: take its first message, and wait for its end, so that no zombie stays."""
        try:
            message, _ = preload.receive(server.control)
        except (OSError, ValueError):
            message = None
        with self._lock:
            self._handle_first_message(key, server, message)
            self._write_report()
        server.startup_done.set()
        server.process.wait()

    def _handle_first_message(self, key: Key, server: _ForkServer, message: Mapping[str, Any] | None) -> None:
        if self._servers.get(key) is not server:
            return  # It was dropped meanwhile.
        if message is None:
            server.problem = "It ended before it was ready."
        elif "library" in message:
            self._excluded_libraries[(str(server.process.args[0]), message["library"])] = message["problem"]  # type: ignore[index]
            self._stop_server(key)  # The next one is begun without it.
        elif "problem" in message:
            server.problem = message["problem"]
        else:
            server.packages, server.memory_bytes = message["packages"], message["memory_bytes"]
            server.names = frozenset(message["names"])
            if server.imports:
                self._enforce_memory_limit(server)

    def _enforce_memory_limit(self, new_server: _ForkServer) -> None:
        if new_server.memory_bytes > self._library_bytes:
            new_server.problem = (
                f"Its libraries take {new_server.memory_bytes >> 20} MiB, "
                f"more than the {self._library_bytes >> 20} MiB that "
                "preloaded libraries may take."
            )
            new_server.packages = None
            new_server.control.shutdown(socket.SHUT_RDWR)
            return
        while sum(server.memory_bytes for server in self._servers.values() if server.imports) > self._library_bytes:
            others = [key for key, server in self._servers.items() if server.imports and server is not new_server]
            self._stop_server(min(others, key=lambda key: self._servers[key].used_at))

    def _stop_server(self, key: Key) -> None:
        if server := self._servers.pop(key, None):
            with suppress(OSError):
                server.control.shutdown(socket.SHUT_RDWR)
            server.control.close()

    def _write_report(self) -> None:
        if self._report_path is not None:
            with suppress(OSError):
                write_atomically(self._report_path, json.dumps(self.describe()).encode())


def _parse_command(command: Sequence[str]) -> tuple[Sequence[str], str | None]:
    """Return the interpreter with its options, and the role for which it is preloaded; None if it cannot be."""
    if "-m" not in command:
        return (), None
    module_index = list(command).index("-m")
    interpreter, module = command[:module_index], command[module_index + 1]
    program = Path(interpreter[0]) if interpreter else Path()
    if not program.is_absolute() or not _PYTHON.fullmatch(program.name):
        return (), None
    if not all(option.startswith("-") or previous in ("-X", "-W") for previous, option in pairwise(interpreter)):
        return (), None
    if not os.access(program, os.X_OK):
        return (), None
    return interpreter, _ROLES.get(module)
