"""Containers that stand ready: they are started and have done the runner's imports. Each serves one run.

The stream to a container keeps it alive. When it is cut, as by the end of this engine, its PID 1 exits, and the next
sweep removes the container. So nothing has to be written down.
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
from .daemon import Daemon, volumes_of
from .stream import Stream, StreamCut

log = logging.getLogger("dataops_lab.executors")

POOL = "pool-"
"""The beginning of their names, behind the installation's prefix."""

SLOT = "dataops-lab.pool"

GIVE_BACK_S = 290.0
"""The time without a run of their kind after which they are given back; a preloaded kernel would give up soon."""

AGAIN_AFTER_S = 10.0
REFILL_AFTER_S = 1.0
LAST_S = 20.0


class Warm(NamedTuple):
    name: str
    stream: Stream


@dataclass
class _Shelf:
    """One kind of container: those that stand ready, and the number of those that should."""

    size: int = 0
    used_at: float = 0.0
    kernel: tuple[str, ...] = ()
    ready: list[Warm] = field(default_factory=list)


class WarmPool:
    """A pool that a thread fills, only for kinds that runs asked for lately."""

    def __init__(self, daemon: Daemon, prefix: str, labels: Mapping[str, str]) -> None:
        self._daemon = daemon
        self._prefix = prefix
        self._labels = labels
        self._shelves: dict[Container, _Shelf] = {}
        self._making: set[str] = set()
        self._lock = threading.Lock()
        self._changed = threading.Event()
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def take(self, container: Container, kernel: Sequence[str], name: str) -> Stream | None:
        """Take a container that stands ready, and rename it to `name`. None when there is none, or the name is taken.

        Those that are made for the next runs have a kernel of the command `kernel` ready.
        """
        kind = _kind(container)
        with self._lock:
            shelf = self._shelves.setdefault(kind, _Shelf())
            shelf.size, shelf.used_at, shelf.kernel = container.warm, time.monotonic(), tuple(kernel)
            warm = shelf.ready.pop(0) if shelf.ready and container.warm else None
            self._start_thread()
        self._changed.set()
        if warm is None:
            return None
        try:
            warm.stream.send("hello")  # The daemon may have been stopped since.
            warm.stream.receive()
            with self._daemon.asked() as client:
                client.rename(warm.name, name)
        except (StreamCut, DataOpsError) as error:
            log.info("%s cannot be used: %s", warm.name, error)
            self._give_back([warm])
            return None
        return warm.stream

    def standing(self) -> set[str]:
        """Return the names, without the prefix, of all containers that stand ready or are being made."""
        with self._lock:
            ready = {warm.name for shelf in self._shelves.values() for warm in shelf.ready}
            return {name.removeprefix(self._prefix) for name in ready | self._making}

    def close(self) -> None:
        """Give back all containers, also those that are being made at this moment."""
        with self._lock:
            self._ended.set()
            left = [warm for shelf in self._shelves.values() for warm in shelf.ready]
            self._shelves.clear()
        self._changed.set()
        self._give_back(left)
        if self._thread is not None:
            self._thread.join(LAST_S)

    def _start_thread(self) -> None:
        if self._thread is None and not self._ended.is_set() and any(shelf.size for shelf in self._shelves.values()):
            self._thread = threading.Thread(target=self._keep, name="warm containers", daemon=True)
            self._thread.start()
            atexit.register(self.close)

    def _keep(self) -> None:
        while not self._ended.is_set():
            # At this moment, the run that has just been started needs the machine more.
            self._ended.wait(REFILL_AFTER_S)
            self._changed.clear()
            patience_s = GIVE_BACK_S
            try:
                self._give_back(self._surplus())
                while (kind := self._wanted()) is not None:
                    self._add(kind)
            except (StreamCut, DataOpsError) as error:
                log.warning("No container stands ready, runs start cold: %s", error)
                patience_s = AGAIN_AFTER_S
            except Exception:
                log.exception("No container stands ready, runs start cold.")
                patience_s = AGAIN_AFTER_S
            # `close` may have set `_changed` before it was cleared above.
            if not self._ended.is_set():
                self._changed.wait(patience_s / 4)

    def _surplus(self) -> list[Warm]:
        with self._lock:
            left = []
            for shelf in self._shelves.values():
                if time.monotonic() - shelf.used_at > GIVE_BACK_S:
                    shelf.size = 0
                while len(shelf.ready) > shelf.size:
                    left.append(shelf.ready.pop())
            return left

    def _wanted(self) -> Container | None:
        with self._lock:
            return next((kind for kind, shelf in self._shelves.items() if len(shelf.ready) < shelf.size), None)

    def _add(self, kind: Container) -> None:
        slot = str(ULID())
        name = f"{self._prefix}{POOL}{slot}"
        with self._lock:
            self._making.add(name)
        try:
            warm = self._made(kind, name, slot)
            with self._lock:
                if not self._ended.is_set():
                    self._shelves[kind].ready.append(warm)
                    return
            self._give_back([warm])
        finally:
            with self._lock:
                self._making.discard(name)

    def _made(self, kind: Container, name: str, slot: str) -> Warm:
        try:
            with self._daemon.asked() as client:
                labels, mounts = {**self._labels, SLOT: slot}, self._daemon.allowed(kind.mounts)
                spec = container_spec(kind, labels, volumes_of(client, kind.image), mounts)
                client.create_container_from_config(spec, name)
                client.start(name)
                opened = Stream(client, name)
            with tempfile.TemporaryFile() as tar:
                stream.write_code(tar)
                opened.send_file("preload", tar, kernel=list(self._shelves[kind].kernel))
            header, _ = opened.receive()
            if header["is"] != "loaded":
                raise StreamCut(str(header.get("message")))
            return Warm(name, opened)
        except BaseException:
            self._remove(name)
            raise

    def _give_back(self, warm: list[Warm]) -> None:
        for each in warm:
            each.stream.close()
            self._remove(each.name)

    def _remove(self, name: str) -> None:
        # If the daemon does not answer now, the container ends by itself, and a sweep removes it.
        with suppress(DataOpsError), self._daemon.asked() as client:
            client.remove_container(name, force=True, v=True)


def _kind(container: Container) -> Container:
    return replace(container, warm=0, mounts=tuple(container.mounts))
