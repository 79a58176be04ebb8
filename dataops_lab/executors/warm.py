"""Preloaded interpreters: processes that have imported what every run imports, and fork for each (runner/preload.py).

Whatever is wrong with one costs nothing but time: what it does not do at once is started cold.
"""

from __future__ import annotations

import os
import re
import select
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from ..runner import preload

MOST = 4
SETTLED_S = 60.0
"""A preloaded interpreter that was used within so many seconds does not make way for another one."""

PADDING = 2048
"""Bytes in which a fork can write its own command, and eight times that for its environment."""

_PYTHON = re.compile(r"python[\d.]*")
_MODULES = {"dataops_lab.runner": "runner", "ipykernel_launcher": "kernel", "ipykernel": "kernel"}


@dataclass
class _Preloaded:
    process: subprocess.Popen[bytes]
    control: socket.socket
    used_at: float = field(default_factory=time.monotonic)
    packages: Mapping[str, int | None] | None = None
    """Folders of installed packages, and when they had changed last as it began; None until it is ready."""

    def is_ready(self) -> bool:
        if self.packages is None and select.select([self.control], [], [], 0)[0]:
            message, _ = preload.receive(self.control)
            self.packages = message["packages"] if message else None
        return self.packages is not None

    def is_current(self) -> bool:
        """Nothing was installed or removed since it began."""
        packages = self.packages or {}
        return all(preload.changed_at(path) == changed_at for path, changed_at in packages.items())


class Warm:
    """At most `size` preloaded interpreters, each begun when it was first wanted. They end when this process does."""

    def __init__(self, size: int) -> None:
        self._size = min(size, MOST) if sys.platform == "linux" else 0
        self._preloaded: dict[tuple[object, ...], _Preloaded] = {}
        self._lock = threading.Lock()

    def connect(self, command: Sequence[str], environment: Mapping[str, str]) -> socket.socket | None:
        """To a fork that waits to be asked (runner/forked.py) for `command` with `environment`.

        None when it has to be started cold: now, because none stands ready yet, or always.
        """
        head, role = _preloadable(command)
        if role is None or not self._size:
            return None
        with self._lock:
            key = (role, *head, *sorted(preload.fixed(dict(environment)).items()))
            found = self._preloaded.get(key)
            try:
                if found is not None and found.is_ready() and found.is_current():
                    found.used_at = time.monotonic()
                    ours, theirs = socket.socketpair()
                    with theirs:
                        socket.send_fds(found.control, [b"+"], [theirs.fileno()])
                    return ours
            except OSError:
                pass  # It has ended, as those do that are old or not used.
            if found is None or found.process.poll() is not None or found.packages is not None:
                self._drop(key)
                self._begin(key, head, role, environment)
            return None

    def wait(self, within_s: float) -> bool:
        """Until all that were begun stand ready; False when one does not in time."""
        deadline = time.monotonic() + within_s
        with self._lock:
            for each in self._preloaded.values():
                if (
                    each.packages is None
                    and select.select([each.control], [], [], max(0, deadline - time.monotonic()))[0]
                ):
                    each.is_ready()
            return all(each.packages is not None for each in self._preloaded.values())

    def close(self) -> None:
        with self._lock:
            for key in list(self._preloaded):
                self._drop(key)

    def _begin(self, key: tuple[object, ...], head: Sequence[str], role: str, environment: Mapping[str, str]) -> None:
        if len(self._preloaded) >= self._size:
            oldest = min(self._preloaded, key=lambda each: self._preloaded[each].used_at)
            if time.monotonic() - self._preloaded[oldest].used_at < SETTLED_S:
                return
            self._drop(oldest)
        ours, theirs = socket.socketpair()
        room = {preload.ATTEMPT_VARIABLE: " " * PADDING * 8}
        with theirs:
            try:
                process = subprocess.Popen(
                    [*head, preload.__file__, role, str(theirs.fileno()), " " * PADDING],
                    env={**preload.fixed(dict(environment)), **room},
                    cwd="/",
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    pass_fds=[theirs.fileno()],
                    start_new_session=True,
                )
            except OSError:
                ours.close()
                return
        threading.Thread(target=process.wait, name="preloaded", daemon=True).start()  # leaves no zombie
        self._preloaded[key] = _Preloaded(process, ours)

    def _drop(self, key: tuple[object, ...]) -> None:
        if preloaded := self._preloaded.pop(key, None):
            preloaded.control.close()


def _preloadable(command: Sequence[str]) -> tuple[Sequence[str], str | None]:
    """Interpreter with its options, and what it is preloaded for: None unless the command is one that can be."""
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
