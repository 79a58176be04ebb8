"""Containers of a Docker daemon, here or on another host; nothing is shared with it but its API."""

from .executor import DockerExecutor

__all__ = ["DockerExecutor"]
