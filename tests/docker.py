"""A Docker daemon and small images for the tests, built on a Debian base without any registry for images.

Images stay in the daemon, under a tag that is a digest of how they are made; the next run finds them there.
"""

from __future__ import annotations

import ast
import fcntl
import hashlib
import inspect
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import docker
import pytest
import requests

from dataops_lab.executors.docker import INSTALLATION_LABEL, Daemon, DockerExecutor, MountPolicy
from dataops_lab.ports import Blobs
from dataops_lab.testing import MemoryBlobs

from .required import missing

WHERE_TO_GET_IT = "No Docker daemon answers: scripts/docker installs and starts one."
REPOSITORY = "dataops-lab-test"
CERTIFICATES = Path("/etc/ssl/certs")


@dataclass(frozen=True)
class Recipe:
    """The way to make an image. `packages` come from PyPI into /opt/python, and `commands` run after that.

    Without `base`, the packages are those of Debian, and debootstrap installs them.
    """

    base: str | None = None
    packages: tuple[str, ...] = ()
    commands: tuple[tuple[str, ...], ...] = ()
    user: str = "1000:1000"


RECIPES = {
    "base": Recipe(packages=("python3", "python3-venv")),
    "lean": Recipe("base", ("papermill", "ipykernel")),
    "data": Recipe("lean", ("jinja2", "pandas", "pyarrow", "scikit-learn", "matplotlib")),
    "bash": Recipe("lean", ("bash_kernel",), (("python", "-m", "bash_kernel.install", "--sys-prefix"),)),
    "no-papermill": Recipe("base", ("ipykernel",)),
    "root": Recipe("lean", user="root"),
}


class DockerImages(Mapping[str, str]):
    """The ids of the images by the names of their recipes. An image is made when it is first asked for."""

    def __init__(self, client: docker.DockerClient) -> None:
        self._client = client

    def __getitem__(self, name: str) -> str:
        tag, recipe = f"{REPOSITORY}/{name}:{digest_of(name)}", RECIPES[name]
        if image := self._id_of(tag):
            return image
        base = recipe.base and self[recipe.base]
        with one_at_a_time():
            if not self._id_of(tag):
                make = self._make if base else self._import_base
                make(recipe, *tag.split(":"))
        return self._client.images.get(tag).id

    def _id_of(self, tag: str) -> str | None:
        try:
            return self._client.images.get(tag).id
        except docker.errors.ImageNotFound:
            return None

    def __iter__(self) -> Iterator[str]:
        return iter(RECIPES)

    def __len__(self) -> int:
        return len(RECIPES)

    def _import_base(self, recipe: Recipe, repository: str, tag: str) -> None:
        with tempfile.TemporaryDirectory(prefix="dataops-base-") as name:
            root = Path(name, "root")
            included = f"--include={','.join(recipe.packages)}"
            run_quietly(["debootstrap", "--variant=minbase", included, "bookworm", str(root)])
            for excluded in ("var/cache/apt", "var/lib/apt/lists", "usr/share/doc", "usr/share/locale"):
                shutil.rmtree(root / excluded)
            with subprocess.Popen(["tar", "-C", root, "--one-file-system", "-c", "."], stdout=subprocess.PIPE) as tar:
                self._client.api.import_image_from_data(
                    tar.stdout, repository=repository, tag=tag, changes=["ENV PATH=/opt/python/bin:/usr/bin:/bin"]
                )
            assert tar.returncode == 0

    def _make(self, recipe: Recipe, repository: str, tag: str) -> None:
        assert recipe.base is not None
        container = self._client.containers.create(
            self[recipe.base],
            ["sleep", "infinity"],
            user="root",
            network_mode="host",
            mounts=[docker.types.Mount(str(CERTIFICATES), str(CERTIFICATES), type="bind", read_only=True)],
        )
        try:
            container.start()
            # This machine's settings are for these commands alone: the image has none of them.
            for command in build_steps(recipe):
                exit_code, output = container.exec_run(command, environment=pip_settings())
                assert exit_code == 0, f"{command}: {output.decode()}"
            container.commit(repository, tag, changes=[f"USER {recipe.user}", "CMD []"])
        finally:
            container.remove(force=True)


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """Let one process at a time in, among all that run tests on this machine, since they share its daemon."""
    with Path(tempfile.gettempdir(), f"{REPOSITORY}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def build_steps(recipe: Recipe) -> Iterator[list[str]]:
    if recipe.base == "base":
        yield ["python3", "-m", "venv", "/opt/python"]
    if recipe.packages:
        yield ["pip", "install", "--quiet", "--no-cache-dir", *recipe.packages]
    yield from map(list, recipe.commands)


def digest_of(name: str) -> str:
    recipe = RECIPES[name]
    whole = (recipe, (digest_of(recipe.base), inspect.getsource(DockerImages._make)) if recipe.base else None)
    return hashlib.sha256(repr(whole).encode()).hexdigest()[:12]


def pip_settings() -> dict[str, str]:
    """Return, as variables, the settings by which pip reaches its index here, from its files and variables."""
    config_output = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=True
    )
    settings = {}
    for line in config_output.stdout.splitlines():
        name, _, value = line.partition("=")
        key = name.rpartition(".")[2].upper().replace("-", "_")
        settings[f"PIP_{key}"] = str(ast.literal_eval(value))
    proxies = {name: value for name, value in os.environ.items() if name.lower().endswith("_proxy")}
    return {**proxies, **settings, "PIP_ROOT_USER_ACTION": "ignore"}


def run_quietly(command: list[str]) -> None:
    completed = subprocess.run(command, capture_output=True, text=True, check=False)
    assert completed.returncode == 0, f"{command[0]}: {completed.stdout[-2000:]}{completed.stderr[-2000:]}"


@pytest.fixture(scope="session")
def docker_client() -> Iterator[docker.DockerClient]:
    """A client of the machine's own daemon."""
    try:
        client = docker.from_env(timeout=600)
        client.ping()
    except docker.errors.DockerException:
        missing(WHERE_TO_GET_IT)
    with closing(client):
        yield client


@pytest.fixture
def installation(docker_client: docker.DockerClient) -> Iterator[str]:
    """The id of an installation of this test alone. All its containers are removed after the test."""
    made = secrets.token_hex(4)
    yield made
    label = {"label": f"{INSTALLATION_LABEL}={made}"}
    for container in docker_client.containers.list(all=True, ignore_removed=True, filters=label):
        with suppress(docker.errors.APIError):
            container.remove(force=True, v=True)


@pytest.fixture
def docker_executor(installation: str, tmp_path: Path) -> Iterator[Callable[..., DockerExecutor]]:
    """A function that makes executors of one installation. Another one stands for another process or engine."""
    containers: list[DockerExecutor] = []

    def executor(blobs: Blobs | None = None, daemon: Daemon | None = None) -> DockerExecutor:
        folder = tmp_path / "runs" / "docker"
        settings = Daemon(mounts=MountPolicy([str(tmp_path)]))
        containers.append(
            DockerExecutor(folder, blobs or MemoryBlobs(), installation=installation, daemon=daemon or settings)
        )
        return containers[-1]

    yield executor
    for container in containers:
        container.close()


@pytest.fixture(scope="session")
def docker_images(docker_client: docker.DockerClient) -> DockerImages:
    """The images of `RECIPES`."""
    if (os.getuid() != 0 or not shutil.which("debootstrap")) and not docker_client.images.list(f"{REPOSITORY}/base"):
        missing("The base image is made by debootstrap, as root: scripts/docker installs it.")
    return DockerImages(docker_client)


@pytest.fixture
def own_image(docker_client: docker.DockerClient, docker_images: DockerImages) -> Iterator[str]:
    """The id of an image on the lean one that no other test knows, so that this test owns all that it makes of it."""
    container = docker_client.containers.create(docker_images["lean"], ["true"])
    try:
        image = container.commit(f"{REPOSITORY}/own", secrets.token_hex(8), changes=["CMD []"]).id
    finally:
        container.remove()
    yield image
    docker_client.images.remove(image, force=True)


class OwnDaemon:
    """A second daemon, with folders and a socket of its own, that a test may stop and start."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self.host = f"unix://{folder}/docker.sock"

    def start(self) -> None:
        options = [f"--host={self.host}", f"--data-root={self._folder}/data", f"--exec-root={self._folder}/exec"]
        options += [f"--pidfile={self._folder}/pid", "--iptables=false", "--ip6tables=false"]
        # It gets a network of its own, or it would take the bridge away from the machine's own daemon.
        command = ["unshare", "--net", "dockerd", *options]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        client = docker.DockerClient(self.host, version="1.41")
        while True:
            try:
                client.ping()
                return
            except (docker.errors.DockerException, requests.RequestException, OSError):
                assert self._process.poll() is None, (self._folder / "log").read_text()[-2000:]
                with suppress(subprocess.TimeoutExpired):
                    self._process.wait(0.1)

    def stop(self) -> None:
        """Stop the daemon and its containers, as a daemon without live-restore does."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait()
            self._process = None

    def copy_image(self, client: docker.DockerClient, image: str) -> str:
        """Copy an image from another daemon, and return its id here."""
        with closing(docker.DockerClient(self.host, timeout=600)) as image_copy:
            image_copy.images.load(client.images.get(image).save(chunk_size=2**20))
            return image_copy.images.get(image).id


@pytest.fixture(scope="session")
def own_daemon(docker_client: docker.DockerClient, docker_images: DockerImages) -> Iterator[OwnDaemon]:
    """A second daemon that runs and has the lean image."""
    if os.getuid() != 0 or not shutil.which("dockerd"):
        missing("A second Docker daemon is started by root where dockerd is installed.")
    # The path of a socket may have a hundred characters, so the folder has a short one.
    folder = Path(tempfile.mkdtemp(prefix="dataops-docker-"))
    daemon = OwnDaemon(folder)
    try:
        daemon.start()
        daemon.copy_image(docker_client, docker_images["lean"])
        yield daemon
    finally:
        daemon.stop()
        shutil.rmtree(folder, ignore_errors=True)


@dataclass(frozen=True)
class SilentIndex:
    """An index of packages that takes a connection, sets `asked`, and never answers."""

    url: str
    asked: threading.Event


@pytest.fixture
def silent_index() -> Iterator[SilentIndex]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        index = SilentIndex(f"http://127.0.0.1:{server.getsockname()[1]}/", threading.Event())

        def accept_connections() -> None:
            connection, _ = server.accept()
            index.asked.set()
            with connection:
                while connection.recv(1000):
                    pass

        threading.Thread(target=accept_connections, daemon=True).start()
        yield index
