"""The provisioner by which Jupyter's kernel manager runs a kernel in a container of a catalogue image.

Sockets are files in a folder that both sides see, so the container needs no network and no port. The image need not
have dataops_lab. The reasons are in docs/decisions.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import logging
import os
import shutil
import signal
import tempfile
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import replace
from pathlib import Path, PurePosixPath
from posixpath import normpath
from typing import TYPE_CHECKING, Any

from jupyter_client.provisioning import KernelProvisionerBase
from tornado.web import HTTPError
from traitlets import Unicode
from ulid import ULID

from ..errors import DataOpsError, Refused
from .container import (
    CONNECTION_FILE,
    CONNECTION_FOLDER,
    KERNEL_LABEL,
    LOCK_FILE,
    SOCKET_PREFIX,
    WORKSPACE,
    kernel_container,
)
from .init import VARIABLES_FIFO

if TYPE_CHECKING:
    from ..executors.docker import Daemon
    from ..ports import Container
    from ..services.authoring import OfferedKernel
    from ..services.reproductions import ReproductionKernel

log = logging.getLogger("dataops_lab.kernels")

MAX_VARIABLES_BYTES = 1024 * 1024
"""The most bytes in a FIFO that nobody has read yet, for those who are not root."""

_PORTS = {"shell_port": 1, "iopub_port": 2, "stdin_port": 3, "hb_port": 4, "control_port": 5}
"""The ends of the names of the socket files. On other transports these would be ports."""


class DockerProvisioner(KernelProvisionerBase):
    """A provisioner. The kernel's spec names state folder, environment, image and kernel.

    Each launch asks anew what these allow.
    """

    home = Unicode(config=True, help="State folder of the installation whose catalogue has the image.")
    environment = Unicode(config=True, help="Environment whose limits, network and mounts the kernel gets.")
    image = Unicode(config=True, help="Name of the image in the catalogue.")
    kernel = Unicode(config=True, help="Name of the kernel in the image.")

    def __init__(self, **traits: Any) -> None:
        super().__init__(**traits)
        self._container: str | None = None
        self._ended: Future[int] = Future()
        self._connection: Path | None = None
        self._lock: int | None = None
        self._daemon: Daemon | None = None
        self._installation = ""
        self._offered: OfferedKernel | None = None
        self._reproduction: ReproductionKernel | None = None
        self._variables: int | None = None

    @property
    def has_process(self) -> bool:
        return self._container is not None

    async def pre_launch(self, **kwargs: Any) -> dict[str, Any]:
        """Prepare a launch. `reproduction` is the kernel of a run, which starts in the place of the spec's."""
        kwargs.pop("extra_arguments", None)
        self._reproduction = kwargs.pop("reproduction", None)
        try:
            await asyncio.to_thread(self._prepare)
            return await self._write_connection(kwargs)
        except DataOpsError as error:
            self._release_connection()
            raise _to_http_error(error) from error
        except BaseException:
            self._release_connection()
            raise

    async def _write_connection(self, kwargs: dict[str, Any]) -> dict[str, Any]:
        """Write the connection file for both sides, and return the arguments of the launch."""
        manager = self.parent
        manager.transport, manager.ip = "ipc", str(self._connection_folder / SOCKET_PREFIX)
        for name, number in _PORTS.items():
            setattr(manager, name, number)
        manager.write_connection_file()
        self.connection_info = manager.get_connection_info()
        inside = {
            **self.connection_info,
            "ip": str(CONNECTION_FOLDER / SOCKET_PREFIX),
            "key": manager.session.key.decode(),
        }
        _write_file_for(self._user, self._connection_folder / CONNECTION_FILE, json.dumps(inside))
        return await super().pre_launch(cmd=[], **kwargs)

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> dict[str, Any]:  # noqa: ARG002
        from ..executors.docker import INSTALLATION_LABEL

        if self._reproduction is None:
            assert self._offered is not None
            container, choice = self._offered.container(user=self._user), self._offered.kernel
            workspace, folder = self._resolve_folders(kwargs.get("cwd"))
        else:
            container, choice = replace(self._run_container, user=self._user), self._reproduction.kernel
            workspace, folder = self._workspace(), self._reproduction.cwd
        try:
            spec = kernel_container(
                container,
                choice.argv,
                choice.env,
                labels={INSTALLATION_LABEL: self._installation, KERNEL_LABEL: str(self.kernel_id)},
                connection=self._connection_folder,
                workspace=workspace,
                folder=folder,
                mounts=self._required_daemon.resolve_mounts(container.mounts),
            )
            self._container = await asyncio.to_thread(self._start, spec)
        except DataOpsError as error:
            self._release_connection()
            raise _to_http_error(error) from error
        except BaseException:
            self._release_connection()
            raise
        self._ended = Future()
        threading.Thread(target=self._wait_for_end, args=(self._container, self._ended), daemon=True).start()
        return self.connection_info

    async def poll(self) -> int | None:
        return self._ended.result() if self._container is None or self._ended.done() else None

    async def wait(self) -> int | None:
        if self._container is None:
            return 0
        code = await asyncio.wrap_future(self._ended)
        self._container = None
        return code

    async def send_signal(self, signum: int) -> None:
        if signum and self._container is not None:
            await asyncio.to_thread(self._signal, self._container, signum)

    async def kill(self, restart: bool = False) -> None:  # noqa: ARG002
        await self.send_signal(signal.SIGKILL)

    async def terminate(self, restart: bool = False) -> None:  # noqa: ARG002
        await self.send_signal(signal.SIGTERM)

    async def cleanup(self, restart: bool = False) -> None:
        if self._container is not None:
            await asyncio.to_thread(self._remove, self._container)
            self._container = None
        if not restart:
            self._release_connection()

    def _release_connection(self) -> None:
        for descriptor in (self._lock, self._variables):
            if descriptor is not None:
                os.close(descriptor)
        self._lock = self._variables = None
        if self._connection is not None:
            shutil.rmtree(self._connection, ignore_errors=True)
            self._connection = None

    def resolve_path(self, path: str) -> str | None:
        """Return the server's path of a path in the container; None when it is not in the workspace."""
        inside = PurePosixPath(normpath(path))
        if not inside.is_relative_to(WORKSPACE):
            return None
        workspace = self._workspace()
        found = (workspace / inside.relative_to(WORKSPACE)).resolve()
        # A link out of the workspace leads elsewhere in the container than on this machine.
        return str(found) if found.is_relative_to(workspace) and found.exists() else None

    # --- in threads -----------------------------------------------------------------------------

    def _prepare(self) -> None:
        """Ask what is allowed now, and make the folder of the sockets. On a restart, it exists already."""
        from ..executors.docker import installation_id
        from ..services import reproductions
        from ..services.authoring import offered_kernel
        from ..wiring import Home, build_services, docker_daemon

        home = Home(Path(self.home))
        services = build_services(home)
        variables: dict[str, str] | None = None
        try:
            if (wanted := self._reproduction) is None:
                self._offered = offered_kernel(services, self.environment, self.image, self.kernel, by=services.owner)
            else:
                self._reproduction = reproductions.find_kernel(
                    services, wanted.wanted, wanted.folder, place="image", by=wanted.by
                )
                variables = reproductions.environment_of(services, self._reproduction, root=WORKSPACE)
        finally:
            services.store.close()
        if self._offered is not None and (host := self._offered.environment.docker.host):
            raise Refused(
                f"{self.environment} works on the Docker host {host}, where this workspace is not. Author in an "
                "environment of this machine's Docker.",
                code="workspace_out_of_reach",
            )
        self._daemon = docker_daemon(home, None)
        self._installation = installation_id(home.folder)
        if self._connection is None:
            # The name is short, because the path of a socket may have only about a hundred characters.
            self._connection = Path(tempfile.mkdtemp(prefix="dataops-kernel-"))
            _change_owner(self._user, self._connection)
            self._lock = os.open(self._connection / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            _change_owner(self._user, self._connection / LOCK_FILE)
            fcntl.flock(self._lock, fcntl.LOCK_EX)
        if variables is not None:
            self._pass_variables(variables)

    def _pass_variables(self, variables: dict[str, str]) -> None:
        """Leave the variables in a FIFO for process 1 of the container. They lie in no file, and in no spec.

        It is kept open: what nobody has read would be gone otherwise.
        """
        fifo = self._connection_folder / VARIABLES_FIFO
        if self._variables is None:
            os.mkfifo(fifo, mode=0o600)
            _change_owner(self._user, fifo)
            self._variables = os.open(fifo, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
            fcntl.fcntl(self._variables, fcntl.F_SETPIPE_SZ, MAX_VARIABLES_BYTES)
            self._hand_over_workspace()
        line = json.dumps(variables).encode() + b"\n"
        if len(line) > MAX_VARIABLES_BYTES or os.write(self._variables, line) < len(line):
            raise Refused(
                f"The variables of the run have {len(line)} bytes, and a kernel in a container takes "
                f"{MAX_VARIABLES_BYTES}. Reproduce the run with a kernel of this machine.",
                code="variables_too_large",
            )

    def _hand_over_workspace(self) -> None:
        """Let the kernel write in the folder of the reproduction, which is private to its owner."""
        if os.getuid() == 0:
            for folder, _, names in os.walk(self._workspace()):
                for name in ("", *names):
                    _change_owner(self._user, Path(folder, name))

    def _start(self, spec: dict[str, Any]) -> str:
        from ..executors.docker import KERNEL_NAME_PREFIX, container_name_prefix

        # The container before a restart may still have its name.
        name = f"{container_name_prefix(self._installation)}{KERNEL_NAME_PREFIX}{ULID()}"
        with self._use_client() as client:
            container: str = client.create_container_from_config(spec, name)["Id"]
            try:
                client.start(container)
            except BaseException:
                with suppress(DataOpsError):
                    self._remove(container)
                raise
        return container

    def _wait_for_end(self, container: str, ended: Future[int]) -> None:
        from docker.errors import NotFound

        code = 1
        while True:
            try:
                with self._use_client() as client:
                    code = int(client.wait(container, timeout=None)["StatusCode"])
            except NotFound:
                break
            except DataOpsError as error:
                if error.precise_code == "docker_unreachable":
                    # The container may have survived a restart of the daemon.
                    threading.Event().wait(1)
                    continue
            break
        ended.set_result(code)

    def _signal(self, container: str, number: int) -> None:
        with self._use_client() as client:
            _ignore_if_gone(lambda: client.kill(container, number))

    def _remove(self, container: str) -> None:
        with self._use_client() as client:
            _ignore_if_gone(lambda: client.remove_container(container, force=True))

    def _use_client(self) -> Any:
        return self._required_daemon.use_client()

    @property
    def _required_daemon(self) -> Daemon:
        assert self._daemon is not None
        return self._daemon

    # --- places ---------------------------------------------------------------------------------

    @property
    def _connection_folder(self) -> Path:
        assert self._connection is not None
        return self._connection

    @property
    def _user(self) -> str:
        """The user of the kernel: that of the server, so that files of the workspace keep their owner.

        If the server runs as root, it is the user that environment and image determine.
        """
        if os.getuid():
            return f"{os.getuid()}:{os.getgid()}"
        if self._reproduction is not None:
            return self._run_container.user
        assert self._offered is not None
        return self._offered.user

    @property
    def _run_container(self) -> Container:
        assert self._reproduction is not None
        assert self._reproduction.container is not None
        return self._reproduction.container

    def _workspace(self) -> Path:
        if self._reproduction is not None:
            return self._reproduction.folder
        root = getattr(self.parent.parent, "root_dir", None) or Path.cwd()
        return Path(root).resolve()

    def _resolve_folders(self, cwd: str | None) -> tuple[Path, PurePosixPath]:
        """Return the folder to mount, and the relative path of the folder in it in which the kernel starts."""
        workspace = self._workspace()
        folder = Path(cwd or workspace).resolve()
        if len(workspace.parts) < 2:
            # The whole machine is not a workspace.
            workspace = folder
        inside = folder.relative_to(workspace) if folder.is_relative_to(workspace) else Path()
        return workspace, PurePosixPath(inside.as_posix())


def _to_http_error(error: DataOpsError) -> HTTPError:
    """Convert an error to the one that the kernel picker shows."""
    status = 409 if isinstance(error, Refused) else 503
    return HTTPError(status, error.message, reason=" ".join(error.message.split()))


def _ignore_if_gone(call: Callable[[], object]) -> None:
    from docker.errors import APIError, NotFound

    try:
        call()
    except NotFound:
        pass
    except APIError as error:
        # The container has ended, or its removal has begun.
        if error.status_code != 409:
            raise


def _write_file_for(user: str, path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text)
    _change_owner(user, path)


def _change_owner(user: str, path: Path) -> None:
    if os.getuid() == 0:
        uid, _, gid = user.partition(":")
        os.chown(path, int(uid), int(gid or uid), follow_symlinks=False)
