"""The session with one container: its files arrive in the run directory, and its state is kept in memory."""

from __future__ import annotations

import json
import logging
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from ...errors import DataOpsError, Refused, Unavailable
from ...ports import AttemptStatus, Observation
from . import stream
from .daemon import Daemon
from .init import EXIT_NOTHING_STARTED
from .stream import FileQuota, QuotaExceeded, Stream, StreamCut

log = logging.getLogger("dataops_lab.executors")

END_FILE = "container.json"
"""The file in a complete run directory that tells how the container ended."""

RETRY_DELAYS_S = (0.2, 0.5, 1.0, 2.0)
KILL_AFTER_S = 5.0
"""The time that PID 1 may take to kill everything, before the daemon is asked to do so."""


class ContainerSession:
    """A thread that reads the stream, so `observe` answers from memory. It ends with the attempt, or by `detach`."""

    def __init__(
        self,
        daemon: Daemon,
        container: str,
        directory: Path,
        runner_stream: Stream | None,
        remove_container: Callable[[str], None],
    ) -> None:
        self._daemon = daemon
        self._container = container
        self._directory = directory
        self._stream = runner_stream
        self._remove_container = remove_container
        self._started = runner_stream is not None
        self._end_detail: dict[str, Any] | None = None
        self._unreachable: Unavailable | None = None
        self._limit_error: str | None = None
        self._stop_request: str | None = None
        self._detached = threading.Event()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name=f"follow {container}", daemon=True)
        self._thread.start()

    def look(self) -> Observation:
        if self._end_detail is not None:
            return Observation(AttemptStatus.CONFIRMED_DEAD, self._started, self._end_detail)
        if self._unreachable is not None:
            raise self._unreachable
        status = AttemptStatus.RUNNING if self._started else AttemptStatus.STARTING
        return Observation(status, self._started, {"container": self._container})

    def stop(self, *, force: bool) -> None:
        with self._lock:
            is_first_kill = self._stop_request != "kill"
            if force:
                if is_first_kill:
                    threading.Thread(target=self._kill_after_delay, daemon=True).start()
                self._stop_request = "kill"
            elif self._stop_request is None:
                self._stop_request = "stop"
            if is_first_kill:
                self._send_stop_request()

    def detach(self) -> None:
        """Stop following, and leave the container as it is."""
        self._detached.set()
        with self._lock:
            if self._stream is not None:
                self._stream.close()

    def _send_stop_request(self) -> None:
        if self._stream is not None and self._stop_request is not None:
            with suppress(StreamCut):  # It is sent again on the next stream.
                self._stream.send(self._stop_request)

    def _kill_after_delay(self) -> None:
        if not self._detached.wait(KILL_AFTER_S) and self._end_detail is None:
            with suppress(DataOpsError):
                self._kill()

    def _kill(self) -> None:
        with self._daemon.use_client() as client:
            client.kill(self._container)

    # --- the thread ---

    def _run(self) -> None:
        tries = 0
        while not self._detached.is_set() and self._end_detail is None:
            try:
                if self._limit_error is not None:
                    self._kill()
                else:
                    quota = self._connect()
                    tries = 0
                    self._unreachable = None
                    self._read(quota)
            except QuotaExceeded as error:
                log.warning("%s is ended: %s", self._container, error)
                self._limit_error = str(error)
            except StreamCut as cut:
                log.info("%s: the stream was cut: %s", self._container, cut)
            except Unavailable as error:
                self._unreachable = error
            except Refused:
                pass  # The container does not run, as the next question tells.
            except Exception:
                log.exception("%s: its files cannot be taken in; trying again.", self._container)
            finally:
                self._disconnect()
            if self._end_detail is None and not self._detached.is_set() and not self._has_container_ended():
                self._detached.wait(RETRY_DELAYS_S[min(tries, len(RETRY_DELAYS_S) - 1)])
                tries += 1
        if self._end_detail is not None and not self._detached.is_set():
            with suppress(DataOpsError):  # Otherwise `forget` or the orphan cleanup removes it.
                self._remove_container(self._container)

    def _connect(self) -> FileQuota:
        with self._daemon.use_client() as client:
            memory = client.inspect_container(self._container)["HostConfig"]["Memory"]
            runner_stream = self._stream or Stream(client, self._container)
            with self._lock:
                self._stream = runner_stream
        if self._detached.is_set():
            raise StreamCut("left")
        if self._stream.state != "empty":
            self._started = True
        self._stream.send("follow", have=stream.received_sizes(self._directory))
        with self._lock:
            self._send_stop_request()
        return FileQuota(self._directory, memory)

    def _disconnect(self) -> None:
        with self._lock:
            if self._stream is not None:
                self._stream.close()
            self._stream = None

    def _read(self, quota: FileQuota) -> None:
        assert self._stream is not None
        while True:
            header, body = self._stream.receive()
            match header.get("is"):
                case "data" | "file":
                    self._started = True
                    quota.reserve(header, len(body))
                    stream.write_frame(self._directory, header, body)
                case "ended":
                    self._note_end(header)
                    with suppress(StreamCut):
                        self._stream.send("end")
                    return

    def _has_container_ended(self) -> bool:
        """Ask the daemon why the stream was cut, and tell whether the container has ended for any reason."""
        try:
            with self._daemon.use_client() as client:
                state = container_state(client, self._container)
        except DataOpsError as error:
            self._unreachable = error if isinstance(error, Unavailable) else None
            return False
        self._unreachable = None
        if state is None:
            self._note_end({"why": "The container is no longer there: somebody removed it."})
        elif not state["Running"]:
            self._note_end({"exit_code": state["ExitCode"], "memory": {"oom_kills": int(bool(state["OOMKilled"]))}})
        return self._end_detail is not None

    def _note_end(self, detail: dict[str, Any]) -> None:
        if recorded := read_end(self._directory):
            # Another engine followed it, too, and has told that all files arrived.
            self._started, self._end_detail = recorded.ran, dict(recorded.detail)
            return
        end_detail: dict[str, Any] = {key: detail[key] for key in _DETAIL_KEYS if key in detail}
        if self._limit_error is not None:
            end_detail["left_too_much"] = self._limit_error
        self._started = self._started and end_detail.get("exit_code") != EXIT_NOTHING_STARTED
        write_end(self._directory, {"started": self._started, **end_detail})
        self._end_detail = end_detail


_DETAIL_KEYS = ("exit_code", "killed_by", "said", "memory", "why")


def write_end(directory: Path, end: dict[str, Any]) -> None:
    part = directory / f"{END_FILE}.part"
    with part.open("w", encoding="utf-8") as file:
        json.dump(end, file)
        file.flush()
        os.fsync(file.fileno())
    part.replace(directory / END_FILE)


def read_end(directory: Path) -> Observation | None:
    """Read how the container ended, as this or another engine wrote it down; None while it has not."""
    try:
        end = json.loads((directory / END_FILE).read_bytes())
    except (OSError, ValueError):
        return None
    return Observation(AttemptStatus.CONFIRMED_DEAD, bool(end.pop("started")), end)


def container_state(client: Any, container: str) -> dict[str, Any] | None:
    """Return Docker's state of a container; None when there is no such container."""
    from docker.errors import NotFound

    try:
        state: dict[str, Any] = client.inspect_container(container)["State"]
    except NotFound:
        return None
    return state
