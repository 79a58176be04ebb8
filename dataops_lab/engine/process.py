"""Starting an engine as a process of its own."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import time
from logging.handlers import RotatingFileHandler
from pathlib import Path
from threading import Event, Lock, Thread

from ..runner.protocol import ATTEMPT_VARIABLE

log = logging.getLogger("dataops_lab.engine")

FIRST_WAIT_S = 0.5
LONGEST_WAIT_S = 30.0
STOP_WITHIN_S = 10.0

LOG_BYTES = 10 * 1000**2
"""The most that the log of engines has, and the one before it, `engine.log.1`."""


def start_engine(
    folder: Path, *, log: Path, exit_when_idle_s: float | None, ends_with_us: bool, warm: int | None = None
) -> subprocess.Popen[bytes]:
    """`jupyter dataops engine run` on the state folder, in a session of its own.

    With `ends_with_us` it ends when the calling process is no more; runs go on and the next engine adopts
    them. Starting one where another leads is harmless: it stands by.
    """
    command = [sys.executable, "-P", "-m", "dataops_lab.cli", "engine", "run", "--log", str(log)]
    if exit_when_idle_s is not None:
        command += ["--exit-when-idle", f"{exit_when_idle_s:g}"]
    if warm is not None:
        command += ["--warm", str(warm)]
    if ends_with_us:
        command += ["--parent", str(os.getpid())]
    environment = {**os.environ, "DATAOPS_LAB_HOME": str(folder)}
    # A notebook may be what starts us: the engine belongs to none of its attempts and must not end with one.
    environment.pop(ATTEMPT_VARIABLE, None)
    with log.open("ab") as said:
        return subprocess.Popen(
            command,
            # Not the caller's, which is somebody's workspace: a relative entry of PYTHONPATH would lead there.
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            start_new_session=True,
        )


def write_log(target: Path | None) -> None:
    """Let this process, an engine, say what it does; None: on stderr. A file is bounded, and there from the start."""
    handler = logging.StreamHandler() if target is None else _BoundedLog(target, maxBytes=LOG_BYTES, backupCount=1)
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.WARNING, handlers=[handler])
    logging.getLogger("dataops_lab").setLevel(logging.INFO)


class _BoundedLog(RotatingFileHandler):
    """Bound the log of a process. Its stdout and stderr go to the same file and move on with it."""

    def doRollover(self) -> None:  # noqa: N802
        super().doRollover()
        stream = self.stream or self._open()
        for number in (1, 2):
            os.dup2(stream.fileno(), number)


class Supervisor:
    """Keeps an engine process running beside a server, and ends it with the server unless `keep`."""

    def __init__(self, folder: Path, *, log: Path, keep: bool, warm: int | None = None) -> None:
        self._folder, self._log, self._keep, self._warm = folder, log, keep, warm
        self._stopping = Event()
        self._lock = Lock()
        self._engine: subprocess.Popen[bytes] | None = None
        self._thread = Thread(target=self._look_after, name="dataops-engine-supervisor", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        with self._lock:
            self._stopping.set()
            if self._engine is not None and not self._keep:
                self._engine.terminate()
        if not self._keep:
            self._thread.join(STOP_WITHIN_S)

    def _look_after(self) -> None:
        wait_s = FIRST_WAIT_S
        while not self._stopping.is_set():
            began = time.monotonic()
            try:
                with self._lock:
                    if self._stopping.is_set():
                        return
                    self._engine = start_engine(
                        self._folder, log=self._log, exit_when_idle_s=None, ends_with_us=not self._keep, warm=self._warm
                    )
                self._engine.wait()
            except OSError as error:
                log.error("The engine cannot be started, it is tried again: %s", error)
            # One that ends at once will do so again; one that lived for long was an accident.
            wait_s = FIRST_WAIT_S if time.monotonic() - began > LONGEST_WAIT_S else min(wait_s * 2, LONGEST_WAIT_S)
            self._stopping.wait(wait_s)
