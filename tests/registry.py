"""A real registry of images on loopback, which wants a login: Debian's docker-registry."""

from __future__ import annotations

import shutil
import socket
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import docker
import pytest

from .required import missing
from .waiting import eventually

WHERE_TO_GET_IT = "docker-registry is not installed. On Debian and Ubuntu: sudo apt-get install docker-registry"
USERNAME, PASSWORD = "ada", "open sesame"
_HTPASSWD = "ada:$2b$05$CsALGzrn.deILmp6P0kMtuc7npw/ntce.PrNC8V/fYHtyQspqcDZi\n"
"""The line for the two above. The registry takes bcrypt alone."""


@dataclass(frozen=True)
class Registry:
    host: str
    client: docker.DockerClient

    def push(self, image: str, name: str) -> str:
        """Push the image `image` as `name`, and return its digest in the registry. The daemon keeps no tag for it."""
        reference = f"{self.host}/{name}"
        self.client.images.get(image).tag(reference)
        login = {"username": USERNAME, "password": PASSWORD}
        for told in self.client.images.push(reference, auth_config=login, stream=True, decode=True):
            assert "error" not in told, told
            digest = told.get("aux", {}).get("Digest", "")
        self.client.images.remove(reference)
        return digest


@pytest.fixture(scope="session")
def registry(docker_client: docker.DockerClient, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """A running registry, whose storage ends with it. A pulled image stays in the daemon until its test removes it."""
    if not shutil.which("docker-registry"):
        missing(WHERE_TO_GET_IT)
    folder = tmp_path_factory.mktemp("registry")
    (folder / "htpasswd").write_text(_HTPASSWD)
    process, host = _started(folder)
    try:
        yield Registry(host, docker_client)
    finally:
        process.kill()
        process.wait()


def _started(folder: Path) -> tuple[subprocess.Popen[bytes], str]:
    for _ in range(10):  # Another process may take the port before the registry does.
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            host = f"127.0.0.1:{free.getsockname()[1]}"
        (folder / "config.yml").write_text(
            f"version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {folder}/images}}}}\n"
            f"http: {{addr: '{host}'}}\nauth: {{htpasswd: {{realm: test, path: {folder}/htpasswd}}}}\n"
        )
        with (folder / "log").open("ab") as log:
            command = ["docker-registry", "serve", str(folder / "config.yml")]
            process = subprocess.Popen(command, stdout=log, stderr=log)
        if eventually(partial(_fate, process, host)) == "serves":
            return process, host
        process.kill()
        process.wait()
    pytest.fail(f"The registry does not start: {(folder / 'log').read_text()[-2000:]}")


def _fate(process: subprocess.Popen[bytes], host: str) -> str | None:
    """Tell whether the registry serves or fails; None while it starts."""
    try:
        urllib.request.urlopen(f"http://{host}/v2/", timeout=5)
    except urllib.error.HTTPError as error:
        # The port of another program would not ask for a login.
        if error.code == 401 and process.poll() is None:
            return "serves"
    except OSError:
        if process.poll() is None:
            return None
    return "fails"
