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

from ..runner import libraries, preload
from ..runner.files import write_whole
from .host import starts_warm

MOST = 4
MOST_WITH_LIBRARIES = 4
SETTLED_S = 60.0
"""A preloaded interpreter that was used within this time does not make room for another one."""

UNFIT_S = 600.0
"""The time after which an interpreter that could not be preloaded is tried again."""

PADDING = 2048
"""The bytes into which a fork can write its own command. For its environment there are eight times as many."""

_PYTHON = re.compile(r"python[\d.]*")
_MODULES = {"dataops_lab.runner": "runner", "ipykernel_launcher": "kernel", "ipykernel": "kernel"}

Key = tuple[object, ...]


@dataclass
class _Preloaded:
    process: subprocess.Popen[bytes]
    control: socket.socket
    role: str
    imports: Sequence[str]
    used_at: float = field(default_factory=time.monotonic)
    told: threading.Event = field(default_factory=threading.Event)
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

    def is_to_begin_anew(self) -> bool:
        if self.problem:
            return time.monotonic() - self.used_at > UNFIT_S
        return self.packages is not None or self.process.poll() is not None

    def tell(self) -> dict[str, Any]:
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
class Files:
    """The files beside a notebook: `modules` that Python would import, and `read` if there is a file that a library
    reads from the folder of the notebook."""

    modules: frozenset[str] = frozenset()
    read: bool = False

    @classmethod
    def of(cls, paths: Iterable[str], folder: str) -> Files:
        modules, read = set(), False
        for path in paths:
            parent, _, file = path.rpartition("/")
            name, _, ending = file.partition(".")
            if ending.rpartition(".")[2] in ("py", "so", "pyc"):
                modules.add(parent.rpartition("/")[2] if name == "__init__" else name)
            read = read or (file in libraries.READ_FROM_FOLDER and parent == folder)
        return cls(frozenset(modules), read)

    def hide(self, names: frozenset[str]) -> bool:
        """Tell whether Python would import a file instead of one of `names`, or a library read one while imported."""
        return bool(self.modules & names) or self.read


NO_FILES = Files()


class Warm:
    """At most `size` preloaded interpreters. Each is begun at the first wish for it, and ends when this process does.

    Beside them there are interpreters for kernels that have imported libraries: those that are known to be safe, and
    `more`. All of these together take at most `library_bytes` of memory; with 0 there are none. `report` is the path
    of a file that tells their state.
    """

    def __init__(
        self, size: int, *, library_bytes: int = 0, more: Iterable[str] = (), report: Path | None = None
    ) -> None:
        self._size = min(size, MOST) if starts_warm() else 0
        self._library_bytes = library_bytes if self._size else 0
        self.libraries = libraries.SAFE | set(more) if self._library_bytes else frozenset()
        self._report_to = report
        self._left_out: dict[tuple[str, str], str] = {}
        self._preloaded: dict[Key, _Preloaded] = {}
        self._lock = threading.RLock()
        self._report()

    def connect(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        *,
        imports: Iterable[str] = (),
        files: Files = NO_FILES,
    ) -> socket.socket | None:
        """Connect to a fork that waits for the request (runner/forked.py) to run `command` with `environment`.

        A fork with `imports` is preferred; `files` are those that the notebook could import. Return None when the
        command has to be started cold: for now, because no interpreter stands ready yet, or always.
        """
        head, role = _preloadable(command)
        if role is None or not self._size:
            return None
        with self._lock:
            wanted = self._of_those(imports, head) if role == "kernel" else ()
            if wanted and (found := self._fork(role, head, environment, wanted, files)):
                return found
            return self._fork(role, head, environment, (), files)

    def wait(self, within_s: float) -> bool:
        """Wait until all interpreters that were begun stand ready; return False when one does not in time."""
        deadline = time.monotonic() + within_s
        with self._lock:
            begun = list(self._preloaded.values())
        for each in begun:
            each.told.wait(max(0, deadline - time.monotonic()))
        return all(each.packages is not None for each in begun)

    def tell(self) -> dict[str, Any]:
        """Describe the interpreters, and the libraries that are not imported ahead of time, each with the reason."""
        with self._lock:
            left_out = [
                {"python": python, "library": library, "problem": problem}
                for (python, library), problem in self._left_out.items()
            ]
            return {
                "pid": os.getpid(),
                "size": self._size,
                "library_bytes": self._library_bytes,
                "interpreters": [each.tell() for each in self._preloaded.values()],
                "left_out": left_out,
            }

    def close(self) -> None:
        with self._lock:
            for key in list(self._preloaded):
                self._drop(key)
        if self._report_to is not None:
            self._report_to.unlink(missing_ok=True)

    def _of_those(self, imports: Iterable[str], head: Sequence[str]) -> tuple[str, ...]:
        names = [(name, name.partition(".")[0]) for name in imports]
        return tuple(name for name, top in names if top in self.libraries and (head[0], top) not in self._left_out)

    def _fork(
        self, role: str, head: Sequence[str], environment: Mapping[str, str], imports: Sequence[str], files: Files
    ) -> socket.socket | None:
        given = dict(environment)
        variables = preload.lasting(given) if imports else preload.fixed(given)
        key = (role, *head, *imports, *sorted(variables.items()))
        found = self._preloaded.get(key)
        if found is not None and found.packages is not None:
            if imports and files.hide(found.names):
                return None
            if found.is_current():
                with suppress(OSError):  # It has ended, as old and unused ones do.
                    found.used_at = time.monotonic()
                    ours, theirs = socket.socketpair()
                    with theirs:
                        socket.send_fds(found.control, [b"+"], [theirs.fileno()])
                    return ours
        if found is None or found.is_to_begin_anew():
            self._drop(key)
            self._begin(key, head, role, variables, imports)
        return None

    def _begin(
        self, key: Key, head: Sequence[str], role: str, variables: Mapping[str, str], imports: Sequence[str]
    ) -> None:
        if not self._make_room(MOST_WITH_LIBRARIES if imports else self._size, with_imports=bool(imports)):
            return
        ours, theirs = socket.socketpair()
        room = {preload.ATTEMPT_VARIABLE: " " * PADDING * 8}
        with theirs:
            try:
                process = subprocess.Popen(
                    [*head, preload.__file__, role, str(theirs.fileno()), " " * PADDING, *imports],
                    env={**variables, **room},
                    cwd="/",
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    pass_fds=[theirs.fileno()],
                    start_new_session=True,
                )
            except OSError:
                ours.close()
                return
        begun = self._preloaded[key] = _Preloaded(process, ours, role, imports)
        threading.Thread(target=self._follow, args=(key, begun), name="preloaded", daemon=True).start()
        self._report()

    def _make_room(self, most: int, *, with_imports: bool) -> bool:
        """Make room for one more among at most `most` of its kind; return False when all were used too lately."""
        alike = [
            key for key, each in self._preloaded.items() if bool(each.imports) is with_imports and not each.problem
        ]
        if len(alike) >= most:
            oldest = min(alike, key=lambda key: self._preloaded[key].used_at)
            if time.monotonic() - self._preloaded[oldest].used_at < SETTLED_S:
                return False
            self._drop(oldest)
        return True

    def _follow(self, key: Key, begun: _Preloaded) -> None:
        """Follow an interpreter in a thread: take its first message, and wait for its end, so that no zombie stays."""
        try:
            message, _ = preload.receive(begun.control)
        except (OSError, ValueError):
            message = None
        with self._lock:
            self._hear(key, begun, message)
            self._report()
        begun.told.set()
        begun.process.wait()

    def _hear(self, key: Key, begun: _Preloaded, message: Mapping[str, Any] | None) -> None:
        if self._preloaded.get(key) is not begun:
            return  # It was dropped meanwhile.
        if message is None:
            begun.problem = "It ended before it was ready."
        elif "library" in message:
            self._left_out[(str(begun.process.args[0]), message["library"])] = message["problem"]  # type: ignore[index]
            self._drop(key)  # The next one is begun without it.
        elif "problem" in message:
            begun.problem = message["problem"]
        else:
            begun.packages, begun.memory_bytes = message["packages"], message["memory_bytes"]
            begun.names = frozenset(message["names"])
            if begun.imports:
                self._keep_within_memory(begun)

    def _keep_within_memory(self, new: _Preloaded) -> None:
        if new.memory_bytes > self._library_bytes:
            new.problem = (
                f"Its libraries take {new.memory_bytes >> 20} MiB, more than the {self._library_bytes >> 20} MiB that "
                "preloaded libraries may take."
            )
            new.packages = None
            new.control.shutdown(socket.SHUT_RDWR)
            return
        while sum(each.memory_bytes for each in self._preloaded.values() if each.imports) > self._library_bytes:
            others = [key for key, each in self._preloaded.items() if each.imports and each is not new]
            self._drop(min(others, key=lambda key: self._preloaded[key].used_at))

    def _drop(self, key: Key) -> None:
        if preloaded := self._preloaded.pop(key, None):
            with suppress(OSError):
                preloaded.control.shutdown(socket.SHUT_RDWR)
            preloaded.control.close()

    def _report(self) -> None:
        if self._report_to is not None:
            with suppress(OSError):
                write_whole(self._report_to, json.dumps(self.tell()).encode())


def _preloadable(command: Sequence[str]) -> tuple[Sequence[str], str | None]:
    """Return the interpreter with its options, and the role for which it is preloaded; None if it cannot be."""
    if "-m" not in command:
        return (), None
    at = list(command).index("-m")
    head, module = command[:at], command[at + 1]
    program = Path(head[0]) if head else Path()
    if not program.is_absolute() or not _PYTHON.fullmatch(program.name):
        return (), None
    if not all(option.startswith("-") or before in ("-X", "-W") for before, option in pairwise(head)):
        return (), None
    if not os.access(program, os.X_OK):
        return (), None
    return head, _MODULES.get(module)
