"""The Docker daemon: the connection to it, and the meaning of its refusals."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from ...domain.environments import Mount
from ...errors import Refused, Unavailable
from .mounts import MountPolicy

if TYPE_CHECKING:
    from docker import APIClient

T = TypeVar("T")

TIMEOUT_S = 60
"""The time to wait for an answer of the daemon. A loaded one takes seconds to make a container."""


class Daemon:
    """A daemon, connected at its first use. `host` None is the daemon to which the machine's own `docker` speaks."""

    def __init__(
        self,
        host: str | None = None,
        *,
        connect: Callable[[str | None], APIClient] | None = None,
        mounts: MountPolicy | None = None,
    ) -> None:
        self._host = host
        self._mounts = mounts or MountPolicy()
        self._connect = connect or _connect
        self._client: APIClient | None = None
        self._lock = threading.Lock()

    @property
    def client(self) -> APIClient:
        """The client. Unavailable, which says what to do, when there is no package, no daemon or no permission."""
        with self._lock:
            if self._client is None:
                with translate_errors(self._host):
                    self._client = self._connect(self._host)
            return self._client

    @contextmanager
    def use_client(self) -> Iterator[APIClient]:
        """Give the client for the calls of one step. Errors on the way to the daemon become Unavailable."""
        client = self.client
        with translate_errors(self._host):
            yield client

    def resolve_mounts(self, mounts: Iterable[Mount]) -> list[Mount]:
        """Return the mounts of an environment as this daemon is asked for them. Refused when one is not allowed."""
        host = self._host or os.environ.get("DOCKER_HOST") or "unix:///var/run/docker.sock"
        socket = Path(host.removeprefix("unix://")) if host.startswith("unix://") else None
        return self._mounts.resolve(mounts, socket=socket)


@contextmanager
def translate_errors(host: str | None) -> Iterator[None]:
    try:
        import requests
        from docker.errors import APIError, DockerException, ImageNotFound
    except ImportError as error:
        raise Unavailable(
            f"Python's package for Docker is missing ({error.name}). Install it where the engine runs: "
            "pip install 'dataops-lab[docker]'",
            code="docker_not_installed",
        ) from error
    location = host or "the local socket"
    try:
        yield
    except ImageNotFound as error:
        raise Refused(
            f"The image is not there: {error.explanation or error}. Pull or build it again, or choose another one.",
            code="image_gone",
        ) from error
    except APIError as error:
        if error.is_client_error() and error.status_code != HTTPStatus.TOO_MANY_REQUESTS:
            # The container is the cause, not the daemon, which would refuse it again.
            raise Refused(
                f"Docker refused the container: {error.explanation or error}. Correct the environment.",
                code="container_refused",
            ) from error
        raise Unavailable(
            f"Docker failed: {error.explanation or error}. See the log of its daemon.", code="docker_failed"
        ) from error
    except (DockerException, requests.RequestException, OSError) as error:
        if "Permission denied" in str(error) or isinstance(error, PermissionError):
            raise Unavailable(
                f"This user may not speak to Docker at {location}. Let the user be in the group docker "
                "(sudo usermod -aG docker $USER) and log in again.",
                code="docker_forbidden",
            ) from error
        raise Unavailable(
            f"No Docker daemon answers at {location}. Start it (sudo systemctl start docker), or correct the host.",
            code="docker_unreachable",
        ) from error


def declared_volumes(client: APIClient, image: str) -> list[str]:
    """List the folders that the image declares to be volumes."""
    config = client.inspect_image(image)["Config"] or {}
    return list(config.get("Volumes") or ())


def _connect(host: str | None) -> APIClient:
    from docker import DockerClient, from_env

    client = DockerClient(base_url=host, timeout=TIMEOUT_S) if host else from_env(timeout=TIMEOUT_S)
    client.ping()
    api: APIClient = client.api
    return api
