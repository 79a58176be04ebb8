"""The start of an engine as a process of its own."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import time
from logging.handlers import RotatingFileHandler
from pathlib import Path
from threading import Event, Lock, Thread

from ..rundir.protocol import ATTEMPT_VARIABLE

log = logging.getLogger("dataops_lab.engine")

INITIAL_BACKOFF_S = 0.5
MAX_BACKOFF_S = 30.0
STOP_TIMEOUT_S = 10.0

LOG_BYTES = 10 * 1000**2
"""The largest size of the log of engines, and of the one before it, `engine.log.1`."""


def start_engine(
    folder: Path, *, log: Path, exit_when_idle_s: float | None, ends_with_parent: bool, warm: int | None = None
) -> subprocess.Popen[bytes]:
    """Start `jupyter dataops engine run` on the state folder, in a session of its own.

    With `ends_with_parent` the engine ends when the calling process has ended. Runs go on, and the next engine adopts
    them. It does no harm to start an engine where another one leads: the new one stands by.
    """
    command = [sys.executable, "-P", "-m", "dataops_lab.cli", "engine", "run", "--log", str(log)]
    if exit_when_idle_s is not None:
        command += ["--exit-when-idle", f"{exit_when_idle_s:g}"]
    if warm is not None:
        command += ["--warm", str(warm)]
    if ends_with_parent:
        command += ["--parent", str(os.getpid())]
    environment = {**os.environ, "DATAOPS_LAB_HOME": str(folder)}
    # The calling process may be a notebook that runs as a job. The engine must not end with that attempt.
    environment.pop(ATTEMPT_VARIABLE, None)
    with log.open("ab") as log_file:
        return subprocess.Popen(
            command,
            # The folder of the caller is a person's workspace: a relative entry of PYTHONPATH would lead there.
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log_file,
            stderr=log_file,
            start_new_session=True,
        )


def configure_logging(target: Path | None) -> None:
    """Write the log of this process, an engine, to the file `target`; None: to stderr.

    The file has a largest size, and it exists from the start.
    """
    handler = logging.StreamHandler() if target is None else _BoundedLog(target, maxBytes=LOG_BYTES, backupCount=1)
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.WARNING, handlers=[handler])
    logging.getLogger("dataops_lab").setLevel(logging.INFO)


class _BoundedLog(RotatingFileHandler):
    """A log file with a largest size. Stdout and stderr of the process go to it, and move to the new file with it."""

    def doRollover(self) -> None:  # noqa: N802
        super().doRollover()
        stream = self.stream or self._open()
        for number in (1, 2):
            os.dup2(stream.fileno(), number)


class EngineSupervisor:
    """A guardian of an engine process beside a server. Without `keep_engine` it ends the engine in `stop`."""

    def __init__(self, folder: Path, *, log: Path, keep_engine: bool, warm: int | None = None) -> None:
        self._folder, self._log, self._keep, self._warm = folder, log, keep_engine, warm
        self._stopping = Event()
        self._lock = Lock()
        self._engine: subprocess.Popen[bytes] | None = None
        self._thread = Thread(target=self._run, name="dataops-engine-supervisor", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        with self._lock:
            self._stopping.set()
            if self._engine is not None and not self._keep:
                self._engine.terminate()
        if not self._keep:
            self._thread.join(STOP_TIMEOUT_S)

    def _run(self) -> None:
        backoff_s = INITIAL_BACKOFF_S
        while not self._stopping.is_set():
            started_at = time.monotonic()
            try:
                with self._lock:
                    if self._stopping.is_set():
                        return
                    self._engine = start_engine(
                        self._folder,
                        log=self._log,
                        exit_when_idle_s=None,
                        ends_with_parent=not self._keep,
                        warm=self._warm,
                    )
                self._engine.wait()
            except OSError as error:
                log.error("The engine cannot be started, it is tried again: %s", error)
            # An engine that ends at once will do so again. One that lived for long ended by accident.
            backoff_s = (
                INITIAL_BACKOFF_S
                if time.monotonic() - started_at > MAX_BACKOFF_S
                else min(backoff_s * 2, MAX_BACKOFF_S)
            )
            self._stopping.wait(backoff_s)
