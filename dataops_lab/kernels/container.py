"""The container of a kernel: it is like that of a run, and has the workspace in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from ..domain.environments import Mount
from ..executors.docker.container_spec import PYTHON, container_spec
from ..ports import Container
from . import init

KERNEL_LABEL = "dataops-lab.kernel"
"""The label with the id that Jupyter gave the kernel."""

WORKSPACE = PurePosixPath("/workspace")
CONNECTION_FOLDER = PurePosixPath("/dataops/kernel")
LOCK_FILE = "alive"
CONNECTION_FILE = "connection.json"
SOCKET_PREFIX = "socket"
"""The beginning of the names of a kernel's five sockets."""


def kernel_container(
    container: Container,
    argv: Sequence[str],
    env: Mapping[str, str],
    *,
    labels: Mapping[str, str],
    connection: Path,
    workspace: Path,
    folder: PurePosixPath,
    mounts: Sequence[Mount] = (),
) -> dict[str, Any]:
    """Build the body of `POST /containers/create`, as hardened as that of a run.

    `connection` is the folder of the sockets. They are files, so a kernel works without any network. `folder` is
    below the workspace. `mounts` are those that were allowed.
    """
    spec = container_spec(container, labels, mounts=mounts)
    host = spec["HostConfig"]
    command = [part.replace("{connection_file}", str(CONNECTION_FOLDER / CONNECTION_FILE)) for part in argv]
    variables = {"HOME": "/tmp", **env}  # noqa: S108
    return {
        **spec,
        # -I: the interpreter starts in the workspace, and must import nothing from there.
        "Entrypoint": [PYTHON, "-I", "-c", Path(init.__file__).read_text(encoding="utf-8")],
        "Cmd": [str(CONNECTION_FOLDER / LOCK_FILE), *command],
        "WorkingDir": str(WORKSPACE / folder),
        "Env": [f"{name}={value}" for name, value in variables.items()],
        "HostConfig": {
            **host,
            "AutoRemove": True,
            "Mounts": [*host["Mounts"], _bind_mount(workspace, WORKSPACE), _bind_mount(connection, CONNECTION_FOLDER)],
        },
    }


def _bind_mount(source: Path, target: PurePosixPath) -> dict[str, Any]:
    return {"Type": "bind", "Source": str(source), "Target": str(target), "ReadOnly": False}
