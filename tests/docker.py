"""A Docker daemon and small images for the tests, built on a Debian base without any registry for images.

Images stay in the daemon, under a tag that is a digest of how they are made; the next run finds them there.
"""

from __future__ import annotations

import ast
import hashlib
import inspect
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

import docker
import pytest

from dataops_lab.executors.docker import Daemon, DockerExecutor
from dataops_lab.executors.docker.executor import INSTALLATION
from dataops_lab.ports import Blobs
from dataops_lab.testing import MemoryBlobs

WHERE_TO_GET_IT = "No Docker daemon answers: scripts/docker installs and starts one."
REPOSITORY = "dataops-lab-test"
CERTIFICATES = Path("/etc/ssl/certs")


@dataclass(frozen=True)
class Recipe:
    """`packages` come from PyPI into /opt/python; `commands` run after that."""

    on: str | None = None
    packages: tuple[str, ...] = ()
    commands: tuple[tuple[str, ...], ...] = ()
    user: str = "1000:1000"


RECIPES = {
    "base": Recipe(packages=("python3", "python3-venv")),
    "lean": Recipe("base", ("papermill", "ipykernel")),
    "data": Recipe("lean", ("pandas", "scikit-learn", "matplotlib")),
    "bash": Recipe("lean", ("bash_kernel",), (("python", "-m", "bash_kernel.install", "--sys-prefix"),)),
    "no-papermill": Recipe("base", ("ipykernel",)),
    "root": Recipe("lean", user="root"),
}


class DockerImages(Mapping[str, str]):
    """Name of a recipe → id of its image, made when it is first asked for."""

    def __init__(self, client: docker.DockerClient) -> None:
        self._client = client

    def __getitem__(self, name: str) -> str:
        tag = f"{REPOSITORY}/{name}:{digest_of(name)}"
        try:
            return self._client.images.get(tag).id
        except docker.errors.ImageNotFound:
            make = self._import_base if RECIPES[name].on is None else self._make
            make(RECIPES[name], *tag.split(":"))
            return self._client.images.get(tag).id

    def __iter__(self) -> Iterator[str]:
        return iter(RECIPES)

    def __len__(self) -> int:
        return len(RECIPES)

    def _import_base(self, recipe: Recipe, repository: str, tag: str) -> None:
        with tempfile.TemporaryDirectory(prefix="dataops-base-") as name:
            root = Path(name, "root")
            included = f"--include={','.join(recipe.packages)}"
            quiet(["debootstrap", "--variant=minbase", included, "bookworm", str(root)])
            for needless in ("var/cache/apt", "var/lib/apt/lists", "usr/share/doc", "usr/share/locale"):
                shutil.rmtree(root / needless)
            with subprocess.Popen(["tar", "-C", root, "--one-file-system", "-c", "."], stdout=subprocess.PIPE) as tar:
                self._client.api.import_image_from_data(
                    tar.stdout, repository=repository, tag=tag, changes=["ENV PATH=/opt/python/bin:/usr/bin:/bin"]
                )
            assert tar.returncode == 0

    def _make(self, recipe: Recipe, repository: str, tag: str) -> None:
        assert recipe.on is not None
        container = self._client.containers.create(
            self[recipe.on],
            ["sleep", "infinity"],
            user="root",
            network_mode="host",
            mounts=[docker.types.Mount(str(CERTIFICATES), str(CERTIFICATES), type="bind", read_only=True)],
        )
        try:
            container.start()
            # This machine's settings are for these commands alone: the image has none of them.
            for command in steps(recipe):
                exit_code, said = container.exec_run(command, environment=pip_settings())
                assert exit_code == 0, f"{command}: {said.decode()}"
            container.commit(repository, tag, changes=[f"USER {recipe.user}", "CMD []"])
        finally:
            container.remove(force=True)


def steps(recipe: Recipe) -> Iterator[list[str]]:
    if recipe.on == "base":
        yield ["python3", "-m", "venv", "/opt/python"]
    if recipe.packages:
        yield ["pip", "install", "--quiet", "--no-cache-dir", *recipe.packages]
    yield from map(list, recipe.commands)


def digest_of(name: str) -> str:
    recipe = RECIPES[name]
    whole = (recipe, (digest_of(recipe.on), inspect.getsource(DockerImages._make)) if recipe.on else None)
    return hashlib.sha256(repr(whole).encode()).hexdigest()[:12]


def pip_settings() -> dict[str, str]:
    """How pip reaches its index from this machine, from its files and variables, as variables."""
    listed = subprocess.run([sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=True)
    settings = {}
    for line in listed.stdout.splitlines():
        name, _, value = line.partition("=")
        key = name.rpartition(".")[2].upper().replace("-", "_")
        settings[f"PIP_{key}"] = str(ast.literal_eval(value))
    proxies = {name: value for name, value in os.environ.items() if name.lower().endswith("_proxy")}
    return {**proxies, **settings, "PIP_ROOT_USER_ACTION": "ignore"}


def quiet(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command[0]}: {done.stdout[-2000:]}{done.stderr[-2000:]}"


@pytest.fixture(scope="session")
def docker_client() -> Iterator[docker.DockerClient]:
    """Of the machine's own daemon."""
    try:
        client = docker.from_env(timeout=600)
        client.ping()
    except docker.errors.DockerException:
        if os.environ.get("CI"):
            pytest.fail(WHERE_TO_GET_IT)
        pytest.skip(WHERE_TO_GET_IT)
    with closing(client):
        yield client


@pytest.fixture
def installation(docker_client: docker.DockerClient) -> Iterator[str]:
    """An id of a test's own; what it leaves in the daemon is removed."""
    made = secrets.token_hex(4)
    yield made
    for container in docker_client.containers.list(all=True, filters={"label": f"{INSTALLATION}={made}"}):
        with suppress(docker.errors.APIError):
            container.remove(force=True, v=True)


@pytest.fixture
def docker_executor(installation: str, tmp_path: Path) -> Iterator[Callable[..., DockerExecutor]]:
    """Executors of one installation: another one is another process, or the next engine."""
    made: list[DockerExecutor] = []

    def executor(blobs: Blobs | None = None, daemon: Daemon | None = None) -> DockerExecutor:
        folder = tmp_path / "runs" / "docker"
        made.append(
            DockerExecutor(folder, blobs or MemoryBlobs(), installation=installation, daemon=daemon or Daemon())
        )
        return made[-1]

    yield executor
    for each in made:
        each.close()


@pytest.fixture(scope="session")
def docker_images(docker_client: docker.DockerClient) -> DockerImages:
    """See `RECIPES`."""
    if (os.getuid() != 0 or not shutil.which("debootstrap")) and not docker_client.images.list(f"{REPOSITORY}/base"):
        pytest.skip("The base image is made by debootstrap, as root: scripts/docker installs it.")
    return DockerImages(docker_client)
