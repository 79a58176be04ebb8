"""The container of an attempt: a pure value, so that it can be read and tested.

Everything in it is written here. Choices of a person come in only through `Container`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ...domain.environments import Mount
from ...ports import Container
from . import init

PYTHON = "python3"
"""The interpreter on the PATH of the image. It has papermill, and starts the kernels."""

HOME = f"{init.WORK}/home"

LINGER_S = 24 * 3600.0
"""The time for which the files of a run are kept when nobody collects them."""

IDLE_S = 600.0
"""The time that a container waits for its first bundle."""

DEFAULT_PIDS = 4096
DEFAULT_TMPFS_BYTES = 4 * 1024**3
"""The bytes of each folder in memory where the run has no memory limit. Otherwise it is half of the limit."""

DEFAULT_USER = "1000:1000"


def container_spec(
    container: Container, labels: Mapping[str, str], volumes: Iterable[str] = (), mounts: Sequence[Mount] = ()
) -> dict[str, Any]:
    """Build the body of Docker's `POST /containers/create`.

    `volumes` are those that the image declares. Without this, each container would get them writable. `mounts` are
    those of the container that mounts.py allowed, and only these are mounted.
    """
    resources = container.resources
    targets = {mount.target for mount in mounts}
    return {
        "Image": container.image,
        "User": container.user or DEFAULT_USER,
        "Entrypoint": [PYTHON, "-c", Path(init.__file__).read_text(encoding="utf-8")],
        "Cmd": [f"{LINGER_S:g}", f"{IDLE_S:g}"],
        "WorkingDir": "/",
        "Env": [f"HOME={HOME}"],
        "Labels": dict(labels),
        # A health check of the image would start processes of which nobody knows.
        "Healthcheck": {"Test": ["NONE"]},
        "HostConfig": {
            "ReadonlyRootfs": True,
            "CapDrop": ["ALL"],
            "SecurityOpt": ["no-new-privileges:true"],
            "Privileged": False,
            "IpcMode": "private",
            "NetworkMode": "bridge" if container.network else "none",
            "RestartPolicy": {"Name": "no"},
            # Nothing of a run is written there: its whole log comes over the stream.
            "LogConfig": {"Type": "json-file", "Config": {"max-size": "1m", "max-file": "1"}},
            **_limits(container),
            **({"DeviceRequests": [_gpu_request(resources.gpus)]} if resources.gpus else {}),
            "Mounts": [*map(_bind_mount, mounts), *map(_read_only_volume, sorted(set(volumes) - targets))],
        },
    }


def _limits(container: Container) -> dict[str, Any]:
    resources = container.resources
    memory = resources.memory_bytes
    tmpfs_size = tmpfs_bytes(memory)
    tmpfs_options = f"rw,exec,nosuid,nodev,mode=1777,size={tmpfs_size}"
    return {
        "PidsLimit": resources.pids or DEFAULT_PIDS,
        # Both limits are equal, so there is no swap: a run that leaks ends instead of slowing the whole machine down.
        **({"Memory": memory, "MemorySwap": memory} if memory else {}),
        **({"NanoCpus": int(resources.cpus * 1e9)} if resources.cpus else {}),
        "ShmSize": tmpfs_size,
        "Tmpfs": {init.WORK: tmpfs_options, "/tmp": tmpfs_options},  # noqa: S108
    }


def tmpfs_bytes(memory_limit: int | None) -> int:
    """Return the bytes of files that each folder in memory holds, for a container with this memory limit in bytes."""
    return memory_limit // 2 if memory_limit else DEFAULT_TMPFS_BYTES


def _gpu_request(count: int) -> dict[str, Any]:
    return {"Driver": "", "Count": count, "Capabilities": [["gpu"]]}


def _bind_mount(mount: Mount) -> dict[str, Any]:
    return {
        "Type": "bind",
        "Source": mount.source,
        "Target": mount.target,
        "ReadOnly": mount.read_only,
        "BindOptions": {"Propagation": "rprivate"},
    }


def _read_only_volume(target: str) -> dict[str, Any]:
    return {"Type": "volume", "Target": target, "ReadOnly": True}
