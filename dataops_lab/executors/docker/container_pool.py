"""Containers that stand ready: they are started and have done the runner's imports. Each serves one run.

The stream to a container keeps it alive. When it is cut, as by the end of this engine, its PID 1 exits, and the next
orphan cleanup removes the container. So nothing has to be written down.
"""

from __future__ import annotations

import atexit
import logging
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from ulid import ULID

from ...errors import DataOpsError
from ...ports import Container
from . import stream
from .container_spec import container_spec
from .daemon import Daemon, declared_volumes
from .stream import Stream, StreamCut

log = logging.getLogger("dataops_lab.executors")

POOL_NAME_PREFIX = "pool-"
"""The beginning of their names, behind the installation's prefix."""

SLOT_LABEL = "dataops-lab.pool"

RELEASE_AFTER_S = 290.0
"""The time without a run of their kind after which they are given back; a preloaded kernel would give up soon."""

RETRY_DELAY_S = 10.0
REFILL_DELAY_S = 1.0
CLOSE_TIMEOUT_S = 20.0


class ReadyContainer(NamedTuple):
    name: str
    stream: Stream


@dataclass
class _Group:
    """One kind of container: those that stand ready, and the number of those that should."""

    size: int = 0
    used_at: float = 0.0
    kernel: tuple[str, ...] = ()
    ready: list[ReadyContainer] = field(default_factory=list)


class ContainerPool:
    """A pool that a thread fills, only for kinds that runs asked for lately."""

    def __init__(self, daemon: Daemon, prefix: str, labels: Mapping[str, str]) -> None:
        self._daemon = daemon
        self._prefix = prefix
        self._labels = labels
        self._groups: dict[Container, _Group] = {}
        self._creating: set[str] = set()
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None

    def take(self, container: Container, kernel: Sequence[str], name: str) -> Stream | None:
        """Take a container that stands ready, and rename it to `name`. None when there is none, or the name is taken.

        Those that are made for the next runs have a kernel of the command `kernel` ready.
        """
        key = _group_key(container)
        with self._lock:
            group = self._groups.setdefault(key, _Group())
            group.size, group.used_at, group.kernel = container.warm, time.monotonic(), tuple(kernel)
            ready = group.ready.pop(0) if group.ready and container.warm else None
            self._start_thread()
        self._wake.set()
        if ready is None:
            return None
        try:
            ready.stream.send("hello")  # The daemon may have been stopped since.
            ready.stream.receive()
            with self._daemon.use_client() as client:
                client.rename(ready.name, name)
        except (StreamCut, DataOpsError) as error:
            log.info("%s cannot be used: %s", ready.name, error)
            self._release([ready])
            return None
        return ready.stream

    def ready_names(self) -> set[str]:
        """Return the names, without the prefix, of all containers that stand ready or are being made."""
        with self._lock:
            ready = {container.name for group in self._groups.values() for container in group.ready}
            return {name.removeprefix(self._prefix) for name in ready | self._creating}

    def close(self) -> None:
        """Give back all containers, also those that are being made at this moment."""
        with self._lock:
            self._closed.set()
            leftover = [container for group in self._groups.values() for container in group.ready]
            self._groups.clear()
        self._wake.set()
        self._release(leftover)
        if self._thread is not None:
            self._thread.join(CLOSE_TIMEOUT_S)

    def _start_thread(self) -> None:
        if self._thread is None and not self._closed.is_set() and any(group.size for group in self._groups.values()):
            self._thread = threading.Thread(target=self._maintain, name="warm containers", daemon=True)
            self._thread.start()
            atexit.register(self.close)

    def _maintain(self) -> None:
        while not self._closed.is_set():
            # At this moment, the run that has just been started needs the machine more.
            self._closed.wait(REFILL_DELAY_S)
            self._wake.clear()
            pause_s = RELEASE_AFTER_S
            try:
                self._release(self._take_surplus())
                while (key := self._next_missing()) is not None:
                    self._add_container(key)
            except (StreamCut, DataOpsError) as error:
                log.warning("No container stands ready, runs start cold: %s", error)
                pause_s = RETRY_DELAY_S
            except Exception:
                log.exception("No container stands ready, runs start cold.")
                pause_s = RETRY_DELAY_S
            # `close` may have set `_wake` before it was cleared above.
            if not self._closed.is_set():
                self._wake.wait(pause_s / 4)

    def _take_surplus(self) -> list[ReadyContainer]:
        with self._lock:
            surplus = []
            for group in self._groups.values():
                if time.monotonic() - group.used_at > RELEASE_AFTER_S:
                    group.size = 0
                while len(group.ready) > group.size:
                    surplus.append(group.ready.pop())
            return surplus

    def _next_missing(self) -> Container | None:
        with self._lock:
            return next((key for key, group in self._groups.items() if len(group.ready) < group.size), None)

    def _add_container(self, key: Container) -> None:
        slot = str(ULID())
        name = f"{self._prefix}{POOL_NAME_PREFIX}{slot}"
        with self._lock:
            self._creating.add(name)
        try:
            ready = self._create(key, name, slot)
            with self._lock:
                if not self._closed.is_set():
                    self._groups[key].ready.append(ready)
                    return
            self._release([ready])
        finally:
            with self._lock:
                self._creating.discard(name)

    def _create(self, key: Container, name: str, slot: str) -> ReadyContainer:
        try:
            with self._daemon.use_client() as client:
                labels, mounts = {**self._labels, SLOT_LABEL: slot}, self._daemon.resolve_mounts(key.mounts)
                spec = container_spec(key, labels, declared_volumes(client, key.image), mounts)
                client.create_container_from_config(spec, name)
                client.start(name)
                runner_stream = Stream(client, name)
            with tempfile.TemporaryFile() as tar:
                stream.write_code(tar)
                runner_stream.send_file("preload", tar, kernel=list(self._groups[key].kernel))
            header, _ = runner_stream.receive()
            if header["is"] != "loaded":
                raise StreamCut(str(header.get("message")))
            return ReadyContainer(name, runner_stream)
        except BaseException:
            self._remove(name)
            raise

    def _release(self, containers: list[ReadyContainer]) -> None:
        for ready in containers:
            ready.stream.close()
            self._remove(ready.name)

    def _remove(self, name: str) -> None:
        # If the daemon does not answer now, the container ends by itself, and the engine's orphan cleanup removes it.
        with suppress(DataOpsError), self._daemon.use_client() as client:
            client.remove_container(name, force=True, v=True)


def _group_key(container: Container) -> Container:
    return replace(container, warm=0, mounts=tuple(container.mounts))
