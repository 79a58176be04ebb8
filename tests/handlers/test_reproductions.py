"""Reproductions on a real server: real runs, folders and kernels."""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import closing
from dataclasses import replace

import pytest

from dataops_lab.domain.environments import ExecutorKind
from dataops_lab.kernels.specs import write_specs
from dataops_lab.services import reproductions
from dataops_lab.testing import person
from dataops_lab.wiring import build_services

from ..kernels.conftest import Catalogue

CANARY = "Tr0ub4dor-and-3-more"
PARAMETERS = "region = 'North'"
SET_UP = "import os\nrows = open('../data.csv').read().split()"
FAILING = "chosen = [row for row in rows if row == region][0]"


async def finished(api, run_id: str) -> dict:
    while True:
        run = await api.json("GET", f"runs/{run_id}")
        if run["finished_at"]:
            return run
        await asyncio.sleep(0.05)


@pytest.fixture
def failed(api, notebook, running_engine, jp_root_dir):
    """A function that returns a run of a notebook whose second cell of three failed, with a parameter and a file."""

    async def run(**more) -> dict:
        path = notebook(SET_UP, FAILING, parameters=PARAMETERS)
        (jp_root_dir / "data.csv").write_text("North South")
        submitted = await api.json("POST", "runs", {"path": path, "parameters": {"region": "West"}, **more})
        ended = await finished(api, submitted["id"])
        assert (ended["state"], ended["reason"]["detail"]["cell"]) == ("failed", 3)
        return ended

    return run


async def said(jp_serverapp, kernel_id: str, code: str) -> str:
    """Run a cell in a kernel of the server, and return what it printed."""
    printed: list[str] = []
    client = jp_serverapp.kernel_manager.get_kernel(kernel_id).client()
    client.start_channels()
    try:
        await client.wait_for_ready(timeout=60)
        await client.execute_interactive(
            code, output_hook=lambda message: printed.append(str(message["content"].get("text", ""))), timeout=60
        )
    finally:
        client.stop_channels()
    return "".join(printed)


async def test_a_folder_has_the_files_and_the_notebook_with_the_parameters_as_they_were(api, failed, jp_root_dir):
    run = await failed()
    (jp_root_dir / "data.csv").write_text("changed since")
    found = await api.json("POST", f"runs/{run['id']}/reproduce")

    folder = jp_root_dir / found["folder"]
    assert found["folder"] == f"dataops-reproduce/sales-{run['id'][-6:].lower()}"
    assert found["path"] == "/".join([found["folder"], "work", "sales.ipynb"])
    assert (folder / "data.csv").read_text() == "North South"
    cells = json.loads((jp_root_dir / found["path"]).read_text())["cells"]
    assert ["".join(cell["source"]) for cell in cells][found["cell"]] == FAILING
    assert "West" in "".join(cells[1]["source"])
    assert not any(cell["outputs"] for cell in cells)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (folder.parent / ".gitignore").read_text() == "*\n"
    assert found["missing"] == []
    assert found["created"]


async def test_a_folder_that_nobody_changed_is_the_same_and_one_that_somebody_changed_stays(api, failed, jp_root_dir):
    run = await failed()
    address = f"runs/{run['id']}/reproduce"
    first = await api.json("POST", address)
    again = await api("POST", address)
    assert again.code == 200
    assert json.loads(again.body) == {**first, "created": False}

    (jp_root_dir / first["path"]).write_text("{}")
    second = await api.json("POST", address)
    assert second["folder"] == f"{first['folder']}-2"
    assert (jp_root_dir / first["path"]).read_text() == "{}"


async def test_a_folder_is_made_only_below_the_root_of_the_server(api, failed, jp_root_dir):
    run = await failed()
    (jp_root_dir / "link").symlink_to(jp_root_dir.parent)
    for folder in ("../elsewhere", "link/elsewhere"):
        refused = await api("POST", f"runs/{run['id']}/reproduce", {"folder": folder})
        assert (refused.code, json.loads(refused.body)["code"]) == (422, "path_outside_root")
    assert not (jp_root_dir.parent / "elsewhere").exists()
    found = await api.json("POST", f"runs/{run['id']}/reproduce", {"folder": "work/why"})
    assert found["path"] == "work/why/work/sales.ipynb"
    taken = await api("POST", f"runs/{run['id']}/reproduce", {"folder": "work"})
    assert (taken.code, json.loads(taken.body)["code"]) == (409, "reproduction_exists")


async def start(api, run: dict, place: str = "local", **more) -> dict:
    found = await api.json("POST", f"runs/{run['id']}/reproduce", more)
    body = {"folder": found["folder"], "place": place, **more}
    return await api.json("POST", f"runs/{run['id']}/reproduce/kernel", body)


ASK = "import os; print(os.getcwd(), os.environ.get('PLACE'), os.environ.get('PASSWORD'), sep='|')"


async def test_a_kernel_starts_in_the_folder_with_the_variables_and_secrets_of_the_run(
    api, failed, jp_serverapp, jp_root_dir
):
    await api.json("PUT", "environments/sandbox/variables/PLACE", {"value": "here"})
    await api.json("PUT", "environments/sandbox/secrets/PASSWORD", {"value": CANARY})
    run = await failed()
    started = await start(api, run)

    folder = (jp_root_dir / started["path"]).parent
    wanted = f"{folder.resolve()}|here|{CANARY}"
    assert (await said(jp_serverapp, started["kernel"], ASK)).strip() == wanted
    assert started["secrets"] == ["PASSWORD"]
    [session] = await jp_serverapp.session_manager.list_sessions()
    assert (session["id"], session["path"], session["kernel"]["id"]) == (
        started["session"],
        started["path"],
        started["kernel"],
    )
    # A restart keeps them.
    await jp_serverapp.kernel_manager.restart_kernel(started["kernel"])
    assert (await said(jp_serverapp, started["kernel"], ASK)).strip() == wanted
    left = [path for path in jp_root_dir.rglob("*") if path.is_file() and CANARY.encode() in path.read_bytes()]
    assert left == []


async def test_a_kernel_replaces_the_one_that_the_notebook_has(api, failed, jp_serverapp):
    run = await failed()
    first, second = await start(api, run), await start(api, run)
    assert list(jp_serverapp.kernel_manager.list_kernel_ids()) == [second["kernel"]]
    assert (first["path"], first["session"]) == (second["path"], second["session"])


async def test_who_may_not_run_there_gets_neither_variables_nor_secrets(api, failed, jp_serverapp, monkeypatch):
    await api.json("PUT", "environments/sandbox/variables/PLACE", {"value": "here"})
    await api.json("PUT", "environments/sandbox/secrets/PASSWORD", {"value": CANARY})
    run = await failed()
    monkeypatch.setattr(reproductions, "allows", lambda *_args, **_more: False)
    found = await api.json("POST", f"runs/{run['id']}/reproduce")
    assert (found["variables"], found["secrets"], found["left_out"]) == ({}, [], ["PASSWORD", "PLACE"])
    started = await start(api, run)
    assert started["left_out"] == ["PASSWORD", "PLACE"]
    assert (await said(jp_serverapp, started["kernel"], ASK)).strip().endswith("|None|None")


async def test_a_run_without_an_image_has_no_kernel_in_one(api, failed):
    run = await failed()
    found = await api.json("POST", f"runs/{run['id']}/reproduce")
    refused = await api("POST", f"runs/{run['id']}/reproduce/kernel", {"folder": found["folder"], "place": "image"})
    assert (refused.code, json.loads(refused.body)["code"]) == (422, "reproduction_without_image")


def written_for(kernel: str, language: str, *sources: str) -> str:
    cells = [
        {
            "cell_type": "code",
            "execution_count": None,
            "metadata": {},
            "outputs": [],
            "source": source,
            "id": f"c{place}",
        }
        for place, source in enumerate(sources)
    ]
    cells[0]["metadata"] = {"tags": ["parameters"]}
    spec = {"name": kernel, "display_name": kernel, "language": language}
    return json.dumps({"cells": cells, "metadata": {"kernelspec": spec}, "nbformat": 4, "nbformat_minor": 5})


@pytest.mark.parametrize(
    ("kernel", "language", "sources", "ask"),
    [
        (
            "ir",
            "R",
            ("region <- 'North'", "rows <- readLines('data.csv')", "stop('no rows')"),
            "cat(region, rows, Sys.getenv('PLACE'), sep='|')",
        ),
        (
            "bash",
            "bash",
            ("region=North", "rows=$(cat data.csv)", "false_command"),
            'echo "$region|$rows|$PLACE"',
        ),
    ],
)
async def test_the_cells_above_the_failing_one_lead_to_the_same_state_in_other_languages(
    api, running_engine, jp_serverapp, jp_root_dir, r_kernel, kernel, language, sources, ask
):
    await api.json("PUT", "environments/sandbox/variables/PLACE", {"value": "here"})
    (jp_root_dir / "work").mkdir()
    (jp_root_dir / "work" / "data.csv").write_text("12\n")
    (jp_root_dir / "work" / "a.ipynb").write_text(written_for(kernel, language, *sources))
    submitted = await api.json("POST", "runs", {"path": "work/a.ipynb", "parameters": {"region": "West"}})
    run = await finished(api, submitted["id"])
    assert run["state"] == "failed", run["reason"]
    (jp_root_dir / "work" / "data.csv").unlink()

    found = await api.json("POST", f"runs/{run['id']}/reproduce")
    body = {"folder": found["folder"], "place": "local"}
    refused = await api("POST", f"runs/{run['id']}/reproduce/kernel", body)
    # The server of the tests sees no kernels but its own ones, unless it is told where they are.
    assert (refused.code, json.loads(refused.body)["code"]) == (422, "kernel_not_installed")
    jp_serverapp.kernel_spec_manager.kernel_dirs = [
        f"{prefix}/share/jupyter/kernels" for prefix in (sys.prefix, "/usr/local", "/usr")
    ]
    started = await start(api, run)
    cells = json.loads((jp_root_dir / found["path"]).read_text())["cells"]
    above = "\n".join("".join(cell["source"]) for cell in cells[: found["cell"]])
    assert (await said(jp_serverapp, started["kernel"], f"{above}\n{ask}")).strip() == "West|12|here"


@pytest.fixture
def catalogue(home, docker_images):
    """An installation whose sandbox runs in the image `lean`."""
    services = build_services(home)
    with closing(services.store):
        made = Catalogue(home, services, docker_images)
        made.change(lambda sandbox: replace(sandbox, executor=ExecutorKind.DOCKER, network=False))
        made.add("lean")
        write_specs(services, home.kernels, home=home.folder, by=person("someone"))
        yield made


async def test_the_server_starts_a_kernel_in_the_image_of_the_run(api, catalogue, notebook, jp_serverapp, jp_root_dir):
    await api.json("PUT", "environments/sandbox/variables/PLACE", {"value": "here"})
    await api.json("PUT", "environments/sandbox/secrets/PASSWORD", {"value": CANARY})
    run = await api.json("POST", "runs", {"path": notebook("1")})
    started = await start(api, run, "image")
    try:
        # A folder of this machine would have another name.
        wanted = f"/workspace|here|{CANARY}"
        assert (await said(jp_serverapp, started["kernel"], ASK)).strip() == wanted
    finally:
        await jp_serverapp.kernel_manager.shutdown_kernel(started["kernel"], now=True)

    catalogue.change(lambda sandbox: replace(sandbox, images=()))
    found = await api.json("POST", f"runs/{run['id']}/reproduce")
    refused = await api("POST", f"runs/{run['id']}/reproduce/kernel", {"folder": found["folder"], "place": "image"})
    assert (refused.code, json.loads(refused.body)["code"]) == (422, "image_not_allowed")
