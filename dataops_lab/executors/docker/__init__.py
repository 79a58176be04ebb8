"""Containers of a Docker daemon, on this or another host. Only the API of the daemon is used, and no shared folder."""

from .daemon import Daemon
from .executor import DockerExecutor
from .identity import INSTALLATION, KERNELS, installation_id, prefix
from .mounts import MountPolicy

__all__ = ["INSTALLATION", "KERNELS", "Daemon", "DockerExecutor", "MountPolicy", "installation_id", "prefix"]
