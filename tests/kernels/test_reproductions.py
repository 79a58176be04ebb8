"""A kernel in the folder of a reproduction, in the image in which the run would run."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.multikernelmanager import AsyncMultiKernelManager

from dataops_lab.domain.runs import Submission
from dataops_lab.domain.variables import Variable
from dataops_lab.errors import Refused
from dataops_lab.kernels.container import KERNEL_LABEL
from dataops_lab.kernels.specs import write_specs
from dataops_lab.services import reproductions, runs, secrets
from dataops_lab.services.reproductions import Reproduction, Wanted
from dataops_lab.testing import person

from .. import written
from .test_provisioner import PATIENCE_S, said

ANN = person("ann")
CANARY = "Tr0ub4dor-and-3-more"
ASK = """
import os
from dataops_lab import record
record("rows", 1)
print(os.getcwd(), open("data.csv").read(), os.environ["PLACE"], os.environ["PASSWORD"], os.getuid(), sep="|")
open("left.txt", "w").write("here")
"""


@pytest.fixture
def reproduced(catalogue, tmp_path) -> Reproduction:
    """The reproduction of a run in the image `lean`, in an environment with a variable and a secret."""
    catalogue.add("lean")
    services = catalogue.services
    write_specs(services, catalogue.home.kernels, home=catalogue.home.folder, by=ANN)
    with services.store.begin() as tx:
        tx.variables.put(Variable("sandbox", "PLACE", "here", services.clock.now(), ANN))
    secrets.put(services, "sandbox", "PASSWORD", CANARY, by=ANN)
    folder = tmp_path / "work"
    folder.mkdir()
    (folder / "data.csv").write_text("North")
    notebook = folder / "sales.ipynb"
    notebook.write_text(written.notebook("open('data.csv')", parameters="region = 'North'"))
    run = runs.submit(services, Submission(str(notebook), parameters={"region": "West"}), by=ANN).view.run
    return reproductions.reproduce(services, Wanted(run.id), below=tmp_path, by=ANN)


@asynccontextmanager
async def started(catalogue, reproduced: Reproduction):
    manager = AsyncMultiKernelManager(kernel_spec_manager=KernelSpecManager(kernel_dirs=[str(catalogue.home.kernels)]))
    kernel = reproductions.find_kernel(
        catalogue.services, Wanted(reproduced.run.id), reproduced.folder, place="image", by=ANN
    )
    kernel_id = await manager.start_kernel(kernel_name=kernel.name, cwd=str(reproduced.folder), reproduction=kernel)
    try:
        yield manager, kernel_id
    finally:
        await manager.shutdown_kernel(kernel_id, now=True)


async def ask(manager: AsyncMultiKernelManager, kernel_id: str) -> str:
    client = manager.get_kernel(kernel_id).client()
    client.start_channels()
    try:
        await client.wait_for_ready(timeout=PATIENCE_S)
        return (await said(client, ASK)).strip()
    finally:
        client.stop_channels()


def test_a_kernel_in_the_image_of_the_run_has_its_files_variables_and_secrets_also_after_a_restart(
    catalogue, reproduced, docker_client
):
    async def work():
        async with started(catalogue, reproduced) as (manager, kernel_id):
            first = await ask(manager, kernel_id)
            label = {"label": f"{KERNEL_LABEL}={kernel_id}"}
            [container] = docker_client.api.containers(filters=label)
            attributes = docker_client.api.inspect_container(container["Id"])
            await manager.restart_kernel(kernel_id)
            return first, await ask(manager, kernel_id), attributes

    first, second, attributes = asyncio.run(work())
    assert first == second
    assert first.endswith(f"/workspace|North|here|{CANARY}|1000")
    assert attributes["Image"] == reproduced.run.image.id
    assert CANARY not in str(attributes)
    assert (reproduced.folder / "left.txt").read_text() == "here"
    assert not [
        path for path in reproduced.folder.rglob("*") if path.is_file() and CANARY.encode() in path.read_bytes()
    ]


def test_an_image_that_is_gone_or_not_allowed_any_more_is_said(catalogue, reproduced):
    services, wanted = catalogue.services, Wanted(reproduced.run.id)

    def refused() -> str:
        with pytest.raises(Refused) as error:
            reproductions.find_kernel(services, wanted, reproduced.folder, place="image", by=ANN)
        return error.value.precise_code

    class Nothing:
        def get(self, host):
            return self

        def find(self, reference):
            return None

    with_images, services = services, replace(services, images=Nothing())
    assert refused() == "image_gone"
    services = with_images
    catalogue.change(lambda sandbox: replace(sandbox, images=()))
    assert refused() == "image_not_allowed"
    assert reproductions.find_kernel(services, wanted, reproduced.folder, place="local", by=ANN).container is None
