from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace

import pytest

from dataops_lab.domain.runs import Submission
from dataops_lab.services import jobs, runs
from dataops_lab.store import open_store
from dataops_lab.testing import person

CELLS = ("one", "two", "three")


@pytest.fixture
def submit(submit, clock):
    def submitted(path):
        clock.advance(1)
        return submit(path)

    return submitted


@pytest.fixture
def notebooks(ctx):
    return ctx.notebooks


def findings(view):
    return [(finding.code, finding.job) for finding in view.run.findings]


def test_two_clones_of_a_repository_are_two_sources_of_one_job(submit, ctx, notebooks):
    notebooks.repositories = {"/ann/work": "host/work", "/ann/copy": "host/work"}
    first, second = submit("/ann/work/reports/sales.ipynb"), submit("/ann/copy/reports/sales.ipynb")
    assert second.job.id == first.job.id
    assert (first.job.path, first.job.source) == ("reports/sales.ipynb", "/ann/work/reports/sales.ipynb")
    assert jobs.get(ctx, first.job.id).job.source == "/ann/copy/reports/sales.ipynb"
    assert submit("/ann/work/reports/sales.ipynb").job.source == "/ann/work/reports/sales.ipynb"
    assert jobs.get(ctx, first.job.id).job.source == "/ann/work/reports/sales.ipynb"


def test_repositories_without_a_remote_and_folders_are_known_by_where_they_are(submit, notebooks):
    notebooks.repositories = {"/ann/work": None, "/ann/copy": None}
    paths = ["/ann/work/a.ipynb", "/ann/copy/a.ipynb", "/ann/a.ipynb", "/bob/a.ipynb"]
    assert len({submit(path).job.id for path in paths}) == len(paths)
    assert len({submit(path).job.id for path in paths}) == len(paths)


def test_a_folder_that_becomes_a_repository_keeps_its_jobs(submit, notebooks):
    before = submit("/ann/work/reports/sales.ipynb").job
    notebooks.repositories = {"/ann/work": None}
    assert submit("/ann/work/reports/sales.ipynb").job.id == before.id
    new = submit("/ann/work/reports/costs.ipynb").job
    assert (new.path, new.workspace_id != before.workspace_id) == ("reports/costs.ipynb", True)
    notebooks.repositories = {"/ann/work": "host/work", "/ann/copy": "host/work"}
    assert submit("/ann/work/reports/costs.ipynb").job.id == new.id
    assert submit("/ann/copy/reports/costs.ipynb").job.id == new.id


def test_a_remote_that_was_renamed_is_the_same_workspace(submit, notebooks):
    notebooks.repositories = {"/ann/work": "host/old"}
    before = submit("/ann/work/a.ipynb").job
    notebooks.repositories = {"/ann/work": "host/new", "/ann/copy": "host/new"}
    assert submit("/ann/work/a.ipynb").job.id == before.id
    assert submit("/ann/copy/a.ipynb").job.id == before.id


def test_a_copy_of_another_repository_at_the_same_place_is_that_repository(submit, notebooks):
    notebooks.repositories = {"/ann/work": "host/one", "/ann/other": "host/two"}
    one, two = submit("/ann/work/a.ipynb").job, submit("/ann/other/a.ipynb").job
    notebooks.repositories["/ann/work"] = "host/two"
    assert one.id != two.id == submit("/ann/work/a.ipynb").job.id


def test_submissions_of_a_new_notebook_at_once_make_one_job(submit, notebooks):
    notebooks.repositories = {"/ann/work": "host/work", "/ann/copy": "host/work"}
    paths = ["/ann/work/a.ipynb", "/ann/copy/a.ipynb"] * 3
    with ThreadPoolExecutor(4) as threads:
        made = list(threads.map(submit, paths))
    assert len({view.job.id for view in made}) == 1
    assert len({view.job.workspace_id for view in made}) == 1


def test_the_same_folder_on_another_machine_has_the_same_jobs(submit, ctx, clock, database, monkeypatch):
    job = submit("/ann/work/a.ipynb").job
    monkeypatch.setattr("dataops_lab.store.sql.this_host", lambda: "another")
    with closing(open_store(database)) as store:
        there = replace(ctx, store=store)
        notebooks = there.notebooks
        assert jobs.get(there, job.id).job.source == "/ann/work/a.ipynb"
        notebooks.repositories = {"/ann/work": "host/work", "/mnt/work": "host/work"}
        for path in ("/ann/work/a.ipynb", "/mnt/work/a.ipynb"):
            clock.advance(1)
            assert runs.submit(there, Submission(path=path), by=person("someone")).view.job.id == job.id
        assert jobs.get(there, job.id).job.source == "/mnt/work/a.ipynb"
    # This machine still knows its own path.
    assert jobs.get(ctx, job.id).job.source == "/ann/work/a.ipynb"


def test_a_list_finds_a_job_by_every_path_that_it_has(submit, ctx, notebooks):
    notebooks.repositories = {"/ann/work": "host/work", "/ann/copy": "host/work"}
    job = submit("/ann/work/reports/sales.ipynb").job
    submit("/ann/copy/reports/sales.ipynb")
    submit("/bob/costs.ipynb")
    for text in ("work/reports/sa", "copy/reports/sa", "sales"):
        assert [view.job.id for view in jobs.page(ctx, text=text).items] == [job.id]


# --- moved outside of JupyterLab ----------------------------------------------------------------


@pytest.fixture
def moved(submit, notebooks):
    """The job of a notebook that was moved to `/ann/new`, and nobody reported the move."""
    notebooks.cells = {"/ann/old/sales.ipynb": CELLS, "/ann/new/sales.ipynb": (*CELLS, "four")}
    job = submit("/ann/old/sales.ipynb").job
    notebooks.missing_paths.add(job.source)
    return job


def test_a_notebook_that_was_moved_is_recognised_and_asked_about_once(moved, submit, ctx):
    asked = [
        finding
        for finding in jobs.inspect(ctx, "/ann/new/sales.ipynb", root=None, by=person("someone")).findings
        if finding.job
    ]
    assert [(finding.code, finding.job) for finding in asked] == [("moved_notebook", moved.id)]
    new = submit("/ann/new/sales.ipynb")
    assert new.job.id != moved.id
    assert findings(new) == [("moved_notebook", moved.id)]
    assert f"jobs relink {moved.id} {new.job.id}" in new.run.findings[0].hint
    assert findings(submit("/ann/new/sales.ipynb")) == []
    assert jobs.inspect(ctx, "/ann/new/sales.ipynb", root=None, by=person("someone")).findings == ()


def test_a_copy_is_another_job_without_a_question(moved, submit, notebooks):
    notebooks.missing_paths.clear()
    assert findings(submit("/ann/new/sales.ipynb")) == []


def test_where_several_jobs_may_be_meant_nothing_is_asked(moved, submit, notebooks):
    notebooks.cells["/ann/older/sales.ipynb"] = CELLS
    notebooks.missing_paths.clear()
    notebooks.missing_paths |= {submit("/ann/older/sales.ipynb").job.source, moved.source}
    assert findings(submit("/ann/new/sales.ipynb")) == []


def test_a_notebook_with_other_cells_is_another_one(moved, submit, notebooks):
    notebooks.cells["/ann/new/sales.ipynb"] = ("one", "five", "six")
    assert findings(submit("/ann/new/sales.ipynb")) == []


def test_a_job_that_is_there_in_another_clone_was_not_moved(submit, notebooks):
    notebooks.repositories = {"/ann/work": "host/work", "/ann/copy": "host/work"}
    notebooks.cells = dict.fromkeys(("/ann/work/a.ipynb", "/ann/copy/a.ipynb", "/ann/b.ipynb"), CELLS)
    submit("/ann/work/a.ipynb")
    submit("/ann/copy/a.ipynb")
    notebooks.missing_paths.add("/ann/copy/a.ipynb")
    assert findings(submit("/ann/b.ipynb")) == []


def test_a_version_whose_bytes_are_gone_is_like_no_notebook(moved, submit, ctx):
    ctx.blobs._stored.clear()
    assert findings(submit("/ann/new/sales.ipynb")) == []
