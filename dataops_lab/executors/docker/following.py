"""The following of one container: its files arrive in the run directory, and its state is kept in memory."""

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
from .init import NOTHING_STARTED
from .stream import LeftTooMuch, Room, Stream, StreamCut

log = logging.getLogger("dataops_lab.executors")

END = "container.json"
"""The file in a complete run directory that tells how the container ended."""

AGAIN_AFTER_S = (0.2, 0.5, 1.0, 2.0)
KILL_AFTER_S = 5.0
"""The time that PID 1 may take to kill everything, before the daemon is asked to do so."""


class Following:
    """A thread that reads the stream, so that `look` answers from memory. It ends with the attempt, or by `leave`."""

    def __init__(
        self, daemon: Daemon, container: str, directory: Path, opened: Stream | None, release: Callable[[str], None]
    ) -> None:
        self._daemon = daemon
        self._container = container
        self._directory = directory
        self._stream = opened
        self._release = release
        self._started = opened is not None
        self._ended: dict[str, Any] | None = None
        self._unreachable: Unavailable | None = None
        self._too_much: str | None = None
        self._wish: str | None = None
        self._left = threading.Event()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name=f"follow {container}", daemon=True)
        self._thread.start()

    def look(self) -> Observation:
        if self._ended is not None:
            return Observation(AttemptStatus.CONFIRMED_DEAD, self._started, self._ended)
        if self._unreachable is not None:
            raise self._unreachable
        status = AttemptStatus.RUNNING if self._started else AttemptStatus.STARTING
        return Observation(status, self._started, {"container": self._container})

    def stop(self, *, force: bool) -> None:
        with self._lock:
            first = self._wish != "kill"
            if force:
                if first:
                    threading.Thread(target=self._kill_in_the_end, daemon=True).start()
                self._wish = "kill"
            elif self._wish is None:
                self._wish = "stop"
            if first:
                self._tell_wish()

    def leave(self) -> None:
        """Stop following, and leave the container as it is."""
        self._left.set()
        with self._lock:
            if self._stream is not None:
                self._stream.close()

    def _tell_wish(self) -> None:
        if self._stream is not None and self._wish is not None:
            with suppress(StreamCut):  # It is sent again on the next stream.
                self._stream.send(self._wish)

    def _kill_in_the_end(self) -> None:
        if not self._left.wait(KILL_AFTER_S) and self._ended is None:
            with suppress(DataOpsError):
                self._kill()

    def _kill(self) -> None:
        with self._daemon.asked() as client:
            client.kill(self._container)

    # --- the thread ---

    def _run(self) -> None:
        tries = 0
        while not self._left.is_set() and self._ended is None:
            try:
                if self._too_much is not None:
                    self._kill()
                else:
                    room = self._connect()
                    tries = 0
                    self._unreachable = None
                    self._read(room)
            except LeftTooMuch as error:
                log.warning("%s is ended: %s", self._container, error)
                self._too_much = str(error)
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
            if self._ended is None and not self._left.is_set() and not self._is_over():
                self._left.wait(AGAIN_AFTER_S[min(tries, len(AGAIN_AFTER_S) - 1)])
                tries += 1
        if self._ended is not None and not self._left.is_set():
            with suppress(DataOpsError):  # Otherwise `forget` or the sweep removes it.
                self._release(self._container)

    def _connect(self) -> Room:
        with self._daemon.asked() as client:
            memory = client.inspect_container(self._container)["HostConfig"]["Memory"]
            opened = self._stream or Stream(client, self._container)
            with self._lock:
                self._stream = opened
        if self._left.is_set():
            raise StreamCut("left")
        if self._stream.state != "empty":
            self._started = True
        self._stream.send("follow", have=stream.there_is(self._directory))
        with self._lock:
            self._tell_wish()
        return Room(self._directory, memory)

    def _disconnect(self) -> None:
        with self._lock:
            if self._stream is not None:
                self._stream.close()
            self._stream = None

    def _read(self, room: Room) -> None:
        assert self._stream is not None
        while True:
            header, body = self._stream.receive()
            match header.get("is"):
                case "data" | "file":
                    self._started = True
                    room.take(header, len(body))
                    stream.put(self._directory, header, body)
                case "ended":
                    self._end(header)
                    with suppress(StreamCut):
                        self._stream.send("end")
                    return

    def _is_over(self) -> bool:
        """Ask the daemon why the stream was cut, and tell whether the container has ended for any reason."""
        try:
            with self._daemon.asked() as client:
                state = state_of(client, self._container)
        except DataOpsError as error:
            self._unreachable = error if isinstance(error, Unavailable) else None
            return False
        self._unreachable = None
        if state is None:
            self._end({"why": "The container is no longer there: somebody removed it."})
        elif not state["Running"]:
            self._end({"exit_code": state["ExitCode"], "memory": {"oom_kills": int(bool(state["OOMKilled"]))}})
        return self._ended is not None

    def _end(self, detail: dict[str, Any]) -> None:
        if earlier := end_in(self._directory):
            # Another engine followed it, too, and has told that all files arrived.
            self._started, self._ended = earlier.ran, dict(earlier.detail)
            return
        known: dict[str, Any] = {key: detail[key] for key in _TOLD if key in detail}
        if self._too_much is not None:
            known["left_too_much"] = self._too_much
        self._started = self._started and known.get("exit_code") != NOTHING_STARTED
        write_end(self._directory, {"started": self._started, **known})
        self._ended = known


_TOLD = ("exit_code", "killed_by", "said", "memory", "why")


def write_end(directory: Path, end: dict[str, Any]) -> None:
    part = directory / f"{END}.part"
    with part.open("w", encoding="utf-8") as file:
        json.dump(end, file)
        file.flush()
        os.fsync(file.fileno())
    part.replace(directory / END)


def end_in(directory: Path) -> Observation | None:
    """Read how the container ended, as this or another engine wrote it down; None while it has not."""
    try:
        end = json.loads((directory / END).read_bytes())
    except (OSError, ValueError):
        return None
    return Observation(AttemptStatus.CONFIRMED_DEAD, bool(end.pop("started")), end)


def state_of(client: Any, container: str) -> dict[str, Any] | None:
    """Return Docker's state of a container; None when there is no such container."""
    from docker.errors import NotFound

    try:
        state: dict[str, Any] = client.inspect_container(container)["State"]
    except NotFound:
        return None
    return state
