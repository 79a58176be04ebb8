"""Containers of a Docker daemon, here or on another host; nothing is shared with it but its API."""

from .daemon import Daemon
from .executor import DockerExecutor
from .identity import INSTALLATION, KERNELS, installation_id, prefix
from .mounts import MountPolicy

__all__ = ["INSTALLATION", "KERNELS", "Daemon", "DockerExecutor", "MountPolicy", "installation_id", "prefix"]
