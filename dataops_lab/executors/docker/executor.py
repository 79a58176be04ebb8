"""The Docker executor: each attempt is a container, reached by the API of its daemon alone.

No folder is shared with the container. Bundle and secrets go in over a stream, and the runner's files come out over it
into the run directory (see init.py and stream.py). So it works the same on another host, without a network and with a
root that is read-only.

The name of an attempt determines the name of its container. So a second engine or a second try cannot make another
container for it, also when the answer to the first try was lost.
"""

from __future__ import annotations

import logging
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import DataOpsError, Refused, Unavailable
from ...ports import AttemptFiles, AttemptStatus, Blobs, Bundle, Observation
from ...rundir import protocol
from ...rundir.files import remove_tree
from ...rundir.reading import RunFolder
from ..tombstones import Tombstones
from . import stream
from .container_pool import POOL_NAME_PREFIX, ContainerPool
from .container_spec import container_spec
from .daemon import Daemon, declared_volumes
from .identity import INSTALLATION_LABEL, KERNEL_NAME_PREFIX, container_name_prefix
from .init import EXIT_NOTHING_STARTED, RUN
from .session import END_FILE, ContainerSession, container_state, read_end, write_end
from .stream import Stream, StreamCut

if TYPE_CHECKING:
    from docker import APIClient

log = logging.getLogger("dataops_lab.executors")

ATTEMPT_LABEL = "dataops-lab.attempt"

START_TIMEOUT_S = 300.0
"""The time after which a container that was made but not started counts as left behind."""

MAX_SPOOL_BYTES = 16 * 1024**2


class DockerExecutor:
    """The executor. `installation` tells its containers from those of other state folders on the same daemon."""

    def __init__(self, folder: Path, blobs: Blobs, *, installation: str, daemon: Daemon) -> None:
        self._folder = folder
        self._blobs = blobs
        self._installation = installation
        self._daemon = daemon
        self._sessions: dict[str, ContainerSession] = {}
        self._starting: set[str] = set()
        self._lock = threading.Lock()
        self._tombstones = Tombstones(folder)
        self._pool = ContainerPool(daemon, self._prefix, {INSTALLATION_LABEL: installation})

    def start(self, bundle: Bundle) -> None:
        directory = self.directory(bundle.name)
        with self._lock:
            if bundle.name in self._sessions or bundle.name in self._starting or self._is_finished(bundle.name):
                return
            self._starting.add(bundle.name)
        try:
            directory.mkdir(parents=True, exist_ok=True)
            directory.chmod(0o700)
            runner_stream = self._start_runner(bundle)
            with self._lock:
                self._sessions[bundle.name] = self._open_session(bundle.name, runner_stream)
        finally:
            with self._lock:
                self._starting.discard(bundle.name)

    def observe(self, name: str) -> Observation:
        if session := self._get_session(name):
            return session.look()
        directory = self.directory(name)
        if end := read_end(directory):
            return end
        with self._lock:
            if name in self._starting or not directory.exists():
                return Observation(AttemptStatus.NOT_FOUND)
        # The attempt was started here, and its container is gone.
        started = (directory / protocol.JOURNAL).exists()
        return Observation(AttemptStatus.CONFIRMED_DEAD, started, {"why": "The container is no longer there."})

    def stop(self, name: str, *, force: bool) -> None:
        if session := self._get_session(name):
            session.stop(force=force)
        elif force and name not in self._starting and not self._is_finished(name):
            # An engine that starts it later finds that it has ended.
            self.directory(name).mkdir(parents=True, exist_ok=True)
            write_end(self.directory(name), {"started": False, "why": "It was stopped before it started."})

    def files(self, name: str) -> AttemptFiles:
        return RunFolder(self.directory(name), workspace=f"{RUN}/{protocol.FILES}")

    def end_descriptor(self, name: str) -> int | None:  # noqa: ARG002
        return None

    def directory(self, name: str) -> Path:
        return self._folder / name

    def forget(self, name: str) -> None:
        with self._lock:
            session = self._sessions.pop(name, None)
        if session:
            session.detach()
        try:
            self._remove(self._container_name(name))
        except DataOpsError as error:
            # The next orphan cleanup finds the container by its name.
            log.warning("%s is left behind for now: %s", self._container_name(name), error)
            return
        self._tombstones.add(name)
        remove_tree(self.directory(name))

    def list_names(self) -> Iterator[str]:
        with self._daemon.use_client() as client:
            containers = client.containers(all=True, filters={"label": f"{INSTALLATION_LABEL}={self._installation}"})
        found = {
            name
            for container in containers
            for name in (path.removeprefix(f"/{self._prefix}") for path in container["Names"])
            # A running one is held by another engine or by a server, and ends with it.
            if not (name.startswith((POOL_NAME_PREFIX, KERNEL_NAME_PREFIX)) and _is_in_use(container))
        }
        if self._folder.is_dir():
            found |= {entry.name for entry in self._folder.iterdir() if not entry.name.startswith(".")}
        yield from sorted(found - self._pool.ready_names())

    def close(self) -> None:
        """Stop following, and give back the containers that stand ready. Attempts go on."""
        with self._lock:
            sessions, self._sessions = list(self._sessions.values()), {}
        for session in sessions:
            session.detach()
        self._pool.close()

    # --- one attempt ---

    @property
    def _prefix(self) -> str:
        return container_name_prefix(self._installation)

    def _is_finished(self, name: str) -> bool:
        return (self.directory(name) / END_FILE).exists() or name in self._tombstones

    def _container_name(self, name: str) -> str:
        return self._prefix + name

    def _get_session(self, name: str) -> ContainerSession | None:
        """Return the session of an attempt, or open one if an earlier engine or another process has started it.

        Return None while the attempt is being started, when it has ended, and when its container does not exist.
        """
        with self._lock:
            if name in self._sessions or name in self._starting:
                return self._sessions.get(name)
        if read_end(self.directory(name)):
            return None
        with self._daemon.use_client() as client:
            state = container_state(client, self._container_name(name))
        if state is None:
            return None
        with self._lock:
            if name not in self._sessions and name not in self._starting:
                self.directory(name).mkdir(parents=True, exist_ok=True)
                self._sessions[name] = self._open_session(name, None)
            return self._sessions.get(name)

    def _open_session(self, name: str, runner_stream: Stream | None) -> ContainerSession:
        return ContainerSession(
            self._daemon, self._container_name(name), self.directory(name), runner_stream, self._remove
        )

    def _start_runner(self, bundle: Bundle) -> Stream | None:
        """Start the runner in its container and return the stream to it; None when it has ended already."""
        if bundle.container is None:
            raise Refused("This run has no image. Choose one of the environment's.", code="image_required")
        name = self._container_name(bundle.name)
        try:
            with self._daemon.use_client() as client:
                if container_state(client, name) is None:
                    # A ready container has a kernel in it, which a program does not need.
                    kernel = bundle.spec.get("kernel")
                    ready_stream = self._pool.take(bundle.container, kernel["argv"], name) if kernel else None
                    if ready_stream is None:
                        self._create(client, name, bundle)
                    self._check_not_ended(name, self.directory(bundle.name))
                    if ready_stream is not None:
                        return self._hand_over_bundle(ready_stream, bundle)
                if self._has_container_ended(client, name):
                    return None
                client.start(name)  # This does nothing if it runs.
                return self._hand_over_bundle(Stream(client, name), bundle)
        except StreamCut as cut:
            with self._daemon.use_client() as client:
                if self._has_container_ended(client, name):
                    return None
            raise Unavailable(
                f"The container does not answer: {cut}. It is tried again.", code="docker_failed"
            ) from cut

    def _has_container_ended(self, client: APIClient, name: str) -> bool:
        """Tell whether a runner may have run in the container and has ended."""
        state = container_state(client, name)
        return state is None or not (
            state["Running"] or state["Status"] == "created" or state["ExitCode"] == EXIT_NOTHING_STARTED
        )

    def _create(self, client: APIClient, name: str, bundle: Bundle) -> None:
        from docker.errors import APIError

        assert bundle.container is not None
        labels = {INSTALLATION_LABEL: self._installation, ATTEMPT_LABEL: bundle.name}
        mounts = self._daemon.resolve_mounts(bundle.container.mounts)
        spec = container_spec(bundle.container, labels, declared_volumes(client, bundle.container.image), mounts)
        try:
            client.create_container_from_config(spec, name)
        except APIError as error:
            # Another engine was faster, or this one has made it and the answer never came.
            if error.status_code != 409:
                raise
            if container_state(client, name) is None:
                # The daemon reserves the name a moment before the container exists.
                raise Unavailable(
                    "Another engine is making the container. It is tried again.", code="docker_failed"
                ) from error

    def _check_not_ended(self, container: str, directory: Path) -> None:
        """Remove the container and raise Unavailable if another engine has ended the attempt meanwhile."""
        if directory.exists() and not self._is_finished(directory.name):
            return
        self._remove(container)
        raise Unavailable("Another engine was faster. It is looked at again.", code="docker_failed")

    def _hand_over_bundle(self, runner_stream: Stream, bundle: Bundle) -> Stream:
        if runner_stream.state != "empty":
            return runner_stream
        try:
            with tempfile.SpooledTemporaryFile(MAX_SPOOL_BYTES) as tar:
                stream.write_bundle(bundle, self._blobs, tar)
                environment = {**bundle.environment, protocol.ATTEMPT_VARIABLE: bundle.name}
                runner_stream.send_file("start", tar, environment=environment, secrets=dict(bundle.secrets))
            header, _ = runner_stream.receive()
            if header["is"] != "started":
                raise Refused(
                    f"The notebook and its files could not be put into the container: {header.get('message')}. "
                    "Give the run more memory: half of it is room for files.",
                    code="container_full",
                )
        except BaseException:
            runner_stream.close()
            raise
        return runner_stream

    def _remove(self, container: str) -> None:
        from docker.errors import APIError, NotFound

        with self._daemon.use_client() as client:
            try:
                client.remove_container(container, force=True, v=True)
            except NotFound:
                pass
            except APIError as error:
                if error.status_code != 409:
                    raise
                with suppress(NotFound):  # Another process is removing it.
                    client.wait(container, condition="removed")


def _is_in_use(container: Mapping[str, Any]) -> bool:
    just_made = container["State"] == "created" and time.time() - container["Created"] < START_TIMEOUT_S
    return bool(container["State"] == "running" or just_made)
