"""Containers of a Docker daemon, here or on another host; nothing is shared with it but its API."""

from .daemon import Daemon
from .executor import DockerExecutor
from .identity import installation_id
from .mounts import MountPolicy

__all__ = ["Daemon", "DockerExecutor", "MountPolicy", "installation_id"]
