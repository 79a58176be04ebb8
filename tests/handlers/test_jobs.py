from __future__ import annotations

import json
from pathlib import Path

import pytest


async def a_job(api, notebook):
    """Make a run that waits, and return its job."""
    run = await api.json(
        "POST", "runs", {"path": notebook("1"), "priority": 3, "max_retries": 1, "queue_timeout_s": 60}
    )
    assert (run["priority"], run["max_retries"], run["queue_timeout_s"], run["timeout_s"]) == (3, 1, 60, 86400)
    assert run["waiting_reason"]["code"] == "no_engine"
    assert run["next_attempt_at"] is None
    return await api.json("GET", f"jobs/{run['job']['id']}")


async def test_what_is_not_given_stays_and_null_takes_back(api, notebook):
    job = await a_job(api, notebook)
    path = f"jobs/{job['id']}"
    assert (job["priority"], job["concurrency"], job["revision"]) == (None, None, 1)
    changed = await api.json("PATCH", path, {"priority": 5, "concurrency": 2, "max_retries": 1})
    assert (changed["priority"], changed["concurrency"], changed["revision"]) == (5, 2, 2)
    again = await api.json("PATCH", path, {"priority": None})
    assert (again["priority"], again["concurrency"], again["max_retries"]) == (None, 2, 1)
    assert await api.json("GET", path) == again


async def test_a_change_of_a_job_that_somebody_else_changed_is_a_conflict(api, notebook):
    job = await a_job(api, notebook)
    path = f"jobs/{job['id']}"
    await api.json("PATCH", path, {"priority": 5, "revision": job["revision"]})
    late = await api("PATCH", path, {"priority": 6, "revision": job["revision"]})
    assert late.code == 409
    assert (await api.json("GET", path))["priority"] == 5


@pytest.mark.parametrize(
    "change", [{"priority": 101}, {"priority": 1.5}, {"max_retries": -1}, {"timeout_s": 0}, {"x": 1}]
)
async def test_a_change_that_makes_no_sense_is_refused(api, notebook, change):
    job = await a_job(api, notebook)
    assert (await api("PATCH", f"jobs/{job['id']}", {"concurrency": 1, **change})).code == 400
    assert (await api.json("GET", f"jobs/{job['id']}")) == job


async def test_a_project_has_a_limit(api):
    assert await api.json("GET", "projects/default") == {"name": "default", "concurrency": None}
    assert await api.json("PATCH", "projects/default", {"concurrency": 2}) == {"name": "default", "concurrency": 2}
    assert await api.json("PATCH", "projects/default", {}) == {"name": "default", "concurrency": 2}
    assert (await api("PATCH", "projects/default", {"concurrency": -1})).code == 400
    assert (await api("PATCH", "projects/nothing", {"concurrency": 1})).code == 404


# --- notebooks that move ------------------------------------------------------------------------


async def test_a_job_tells_its_workspace_and_where_its_notebook_is(api, notebook):
    job = await a_job(api, notebook)
    assert job["source"].endswith("/" + job["path"])
    assert job["workspace"]["remote"] is None
    assert (job["sources"], job["place_changes"]) == ([job["source"]], [])


async def test_a_renamed_notebook_keeps_its_job_and_the_job_tells_of_it(api, notebook, jp_root_dir):
    job = await a_job(api, notebook)
    path, to = str(Path(job["source"]).relative_to(jp_root_dir)), "renamed.ipynb"
    (jp_root_dir / path).rename(jp_root_dir / to)
    moved = await api.json("POST", "jobs/moves", {"path": path, "to": to})
    assert ([moved_job["id"] for moved_job in moved["jobs"]], moved["parted"]) == ([job["id"]], [])
    [found] = (await api.json("GET", "jobs", params={"path": to}))["items"]
    assert (found["id"], found["source"]) == (job["id"], str(jp_root_dir / to))
    assert (await api.json("GET", "jobs", params={"path": path}))["items"] == []
    [change] = (await api.json("GET", f"jobs/{job['id']}"))["place_changes"]
    assert (change["source_before"], change["source"], change["job"]) == (job["source"], str(jp_root_dir / to), None)
    run = await api.json("POST", "runs", {"path": to})
    assert run["job"]["id"] == job["id"]


async def test_a_notebook_that_was_moved_elsewhere_is_asked_about_and_relinked(api, notebook, jp_root_dir):
    path = notebook("1", "2")
    body = json.loads((jp_root_dir / path).read_text())
    for number, cell in enumerate(body["cells"]):
        cell["id"] = f"cell-{number}"
    (jp_root_dir / path).write_text(json.dumps({**body, "nbformat_minor": 5}))
    old = (await api.json("POST", "runs", {"path": path}))["job"]
    (jp_root_dir / path).rename(jp_root_dir / "elsewhere.ipynb")
    inspection = await api.json("POST", "inspect", {"path": "elsewhere.ipynb"})
    assert [finding["job"] for finding in inspection["findings"] if finding["code"] == "moved_notebook"] == [old["id"]]
    relinked = await api.json("POST", f"jobs/{old['id']}/relink", {"path": "elsewhere.ipynb"})
    assert (relinked["id"], relinked["source"]) == (old["id"], str(jp_root_dir / "elsewhere.ipynb"))
    inspection = await api.json("POST", "inspect", {"path": "elsewhere.ipynb"})
    assert [finding for finding in inspection["findings"] if finding["code"] == "moved_notebook"] == []
    assert (await api.json("POST", "runs", {"path": "elsewhere.ipynb"}))["job"]["id"] == old["id"]


@pytest.mark.parametrize("body", [{}, {"job": "x", "path": "x.ipynb"}])
async def test_relinking_needs_one_other_place(api, notebook, body):
    job = await a_job(api, notebook)
    assert (await api("POST", f"jobs/{job['id']}/relink", body)).code == 400
