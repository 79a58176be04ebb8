"""Kernels in real containers, through Jupyter's own kernel manager."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import docker
import pytest
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import KernelManager
from jupyter_client.multikernelmanager import AsyncMultiKernelManager
from tornado.web import HTTPError
from traitlets import Unicode

from dataops_lab.domain.environments import Resources, RunLimits
from dataops_lab.executors.docker import installation_id
from dataops_lab.kernels.container import KERNEL_LABEL
from dataops_lab.kernels.provisioner import DockerProvisioner
from dataops_lab.kernels.specs import write_specs
from dataops_lab.testing import person

PATIENCE_S = 90


class Kernels(AsyncMultiKernelManager):
    """A kernel manager as a server has it, with a folder in which notebooks lie."""

    root_dir = Unicode()


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    folder = tmp_path / "workspace"
    (folder / "reports").mkdir(parents=True)
    os.chown(folder / "reports", 1000, 1000)
    return folder


@pytest.fixture
def kernels(catalogue, workspace):
    catalogue.add("lean")
    write_specs(catalogue.services, catalogue.home.kernels, home=catalogue.home.folder, by=person("someone"))
    return Kernels(
        root_dir=str(workspace), kernel_spec_manager=KernelSpecManager(kernel_dirs=[str(catalogue.home.kernels)])
    )


@pytest.fixture
def containers(docker_client: docker.DockerClient) -> Callable[[str], list[str]]:
    def of_kernel(kernel_id: str) -> list[str]:
        """List the ids with one call: a container may vanish between two calls."""
        found = docker_client.api.containers(all=True, filters={"label": f"{KERNEL_LABEL}={kernel_id}"})
        return [container["Id"] for container in found]

    return of_kernel


@asynccontextmanager
async def started(kernels: Kernels, workspace: Path, name: str = "dataops.sandbox.lean.python3"):
    kernel_id = await kernels.start_kernel(kernel_name=name, cwd=str(workspace / "reports"))
    client = kernels.get_kernel(kernel_id).client()
    client.start_channels()
    try:
        await client.wait_for_ready(timeout=PATIENCE_S)
        yield kernel_id, client
    finally:
        client.stop_channels()
        if kernel_id in kernels:
            await kernels.shutdown_kernel(kernel_id, now=True)


async def said(client, code: str) -> str:
    """Run a cell, and return its printed text or the name of its error."""
    found = []

    def listen(message):
        content = message["content"]
        found.append(content.get("text") or content.get("ename") or "")

    await client.execute_interactive(code, output_hook=listen, timeout=PATIENCE_S)
    return "".join(found)


def until_gone(find: Callable[[], object]) -> None:
    for _ in range(PATIENCE_S * 10):
        if not find():
            return
        subprocess.run(["sleep", "0.1"], check=True)
    raise AssertionError(find())


def test_a_kernel_works_in_the_folder_of_its_notebook_without_a_network_and_hardened(
    kernels, workspace, containers, catalogue, docker_client
):
    (workspace / "data.csv").write_text("a\n1\n")
    code = """
import os, socket
print(os.getcwd(), open("../data.csv").read().split(), os.getuid())
status = open("/proc/self/status").read()
print([line.split()[1] for line in status.splitlines() if line.startswith(("CapEff", "NoNewPrivs"))])
print(sorted(name for _, name in socket.if_nameindex()))
open("made.txt", "w").write("here")
try:
    open("/etc/made", "w")
except OSError as error:
    print(error.strerror)
"""

    async def work():
        async with started(kernels, workspace) as (kernel_id, client):
            printed = await said(client, code)
            [container] = containers(kernel_id)
            return kernel_id, printed, docker_client.api.inspect_container(container)

    kernel_id, printed, attributes = asyncio.run(work())
    assert printed.splitlines() == [
        "/workspace/reports ['a', '1'] 1000",
        "['0000000000000000', '1']",
        "['lo']",
        "Read-only file system",
    ]
    assert (workspace / "reports" / "made.txt").read_text() == "here"
    with catalogue.services.store.read() as tx:
        assert attributes["Image"] == tx.images.get("lean").pinned.id
    until_gone(lambda: containers(kernel_id))


def test_a_cell_is_interrupted_with_all_that_it_started_and_the_kernel_goes_on(kernels, workspace):
    code = "import subprocess\nprint('on it', flush=True)\nsubprocess.run(['sleep', '1000'])"

    async def work():
        async with started(kernels, workspace) as (kernel_id, client):
            on_it = asyncio.Event()
            heard = []

            def listen(message):
                content = message["content"]
                # The shell reports an interrupt as an error or as text, depending on the place where it hits.
                heard.append(content.get("text") or content.get("ename") or "")
                if heard[-1]:
                    on_it.set()

            running = asyncio.ensure_future(client.execute_interactive(code, output_hook=listen, timeout=PATIENCE_S))
            await asyncio.wait_for(on_it.wait(), PATIENCE_S)
            while not running.done():
                # An interrupt may come before the child has been started: repeat it.
                await kernels.interrupt_kernel(kernel_id)
                await asyncio.wait([running], timeout=1)
            return "".join(heard), await said(client, "print(1 + 1)")

    heard, afterwards = asyncio.run(work())
    assert "KeyboardInterrupt" in heard
    assert afterwards == "2\n"


def test_a_restarted_kernel_is_a_new_container_with_nothing_of_the_old_one(kernels, workspace, containers):
    async def work():
        async with started(kernels, workspace) as (kernel_id, client):
            await said(client, "x = 1")
            [before] = containers(kernel_id)
            await kernels.restart_kernel(kernel_id)
            await client.wait_for_ready(timeout=PATIENCE_S)
            until_gone(lambda: before in containers(kernel_id))
            [after] = containers(kernel_id)
            return before != after, await said(client, "x")

    assert asyncio.run(work()) == (True, "NameError")


def test_the_death_of_a_kernel_is_noticed(kernels, workspace):
    async def work():
        async with started(kernels, workspace) as (kernel_id, client):
            client.execute("import os; os._exit(3)")
            for _ in range(PATIENCE_S * 10):
                if not await kernels.is_alive(kernel_id):
                    return await kernels.get_kernel(kernel_id).provisioner.poll()
                await asyncio.sleep(0.1)
        return None

    assert asyncio.run(work()) == 3


def test_two_kernels_work_side_by_side(kernels, workspace):
    async def work():
        async with started(kernels, workspace) as (_, one), started(kernels, workspace) as (_, other):
            await said(one, "x = 'one'")
            await said(other, "x = 'other'")
            return await said(one, "print(x)"), await said(other, "print(x)")

    assert asyncio.run(work()) == ("one\n", "other\n")


def test_what_is_no_longer_allowed_does_not_start_and_says_why(kernels, workspace, catalogue):
    catalogue.change(lambda sandbox: type(sandbox)(**{**vars(sandbox), "images": ()}))

    async def work():
        async with started(kernels, workspace):
            pass

    with pytest.raises(HTTPError) as refused:
        asyncio.run(work())
    assert refused.value.status_code == 409
    assert "no longer offered in sandbox" in str(refused.value.reason)


def test_a_kernel_ends_with_a_server_that_was_killed(catalogue, workspace, containers):
    """Kill the server, so that nobody is left who could remove the container."""
    catalogue.add("lean")
    write_specs(catalogue.services, catalogue.home.kernels, home=catalogue.home.folder, by=person("someone"))
    program = f"""
import asyncio, sys
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import KernelManager
from jupyter_client.multikernelmanager import AsyncMultiKernelManager
manager = AsyncMultiKernelManager(
    kernel_spec_manager=KernelSpecManager(kernel_dirs=[{str(catalogue.home.kernels)!r}])
)
async def work():
    kernel = await manager.start_kernel(kernel_name="dataops.sandbox.lean.python3")
    print(kernel, flush=True)
    await asyncio.Event().wait()
asyncio.run(work())
"""
    with subprocess.Popen([sys.executable, "-c", program], cwd=workspace, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        kernel_id = server.stdout.readline().strip()
        assert containers(kernel_id)
        server.kill()
    until_gone(lambda: containers(kernel_id))


def test_what_does_not_start_leaves_nothing(kernels, workspace, catalogue, docker_client, monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    # No machine has a thousand GPUs: the daemon makes the container and does not start it.
    limits = RunLimits(Resources(gpus=1000))
    catalogue.change(lambda sandbox: replace(sandbox, limits=limits))
    made = []
    make = docker.APIClient.create_container_from_config

    def create(client, spec, name):
        made.append((name, spec["Labels"]["dataops-lab.installation"]))
        return make(client, spec, name)

    monkeypatch.setattr(docker.APIClient, "create_container_from_config", create)

    async def work():
        async with started(kernels, workspace):
            pass

    with pytest.raises(HTTPError):
        asyncio.run(work())
    [(name, installation)] = made
    assert installation == installation_id(catalogue.home.folder)
    assert name.startswith(f"dataops-{installation}-kernel-")
    label = f"dataops-lab.installation={installation}"
    until_gone(lambda: docker_client.api.containers(all=True, filters={"label": label}))
    assert not list(tmp_path.glob("dataops-kernel-*"))
    assert not [link for link in Path("/proc/self/fd").iterdir() if "dataops-kernel-" in os.path.realpath(link)]


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("/workspace/reports", "reports"),
        ("/workspace/reports/../reports/", "reports"),
        ("/workspace/nothing", None),
        ("/workspace/../outside", None),
        ("/workspace/../../etc/hostname", None),
        ("/workspace/link", None),
        ("/etc", None),
    ],
)
def test_a_path_in_the_container_tells_nothing_of_what_lies_outside_the_workspace(workspace, asked, found):
    (workspace.parent / "outside").write_text("x")
    (workspace / "link").symlink_to(workspace.parent / "outside")
    manager = Kernels(root_dir=str(workspace))
    provisioner = DockerProvisioner(parent=KernelManager(parent=manager))
    assert provisioner.resolve_path(asked) == (found and str(workspace.resolve() / found))
