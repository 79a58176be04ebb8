"""Containers of a Docker daemon, on this or another host. Only the API of the daemon is used, and no shared folder."""

from .daemon import Daemon
from .executor import DockerExecutor
from .identity import INSTALLATION_LABEL, KERNEL_NAME_PREFIX, container_name_prefix, installation_id
from .mounts import MountPolicy

__all__ = [
    "INSTALLATION_LABEL",
    "KERNEL_NAME_PREFIX",
    "Daemon",
    "DockerExecutor",
    "MountPolicy",
    "container_name_prefix",
    "installation_id",
]
