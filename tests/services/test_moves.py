from __future__ import annotations

import pytest

from dataops_lab.domain.events import Subject, SubjectKind
from dataops_lab.domain.parameters import Parameter, ParameterSchema, ParameterType
from dataops_lab.errors import Conflict, Forbidden, InvalidRequest, NotFound
from dataops_lab.services import jobs, moves, runs
from dataops_lab.testing import person


@pytest.fixture
def notebooks(ctx):
    return ctx.notebooks


@pytest.fixture
def rename(ctx, notebooks):
    """A function that moves a notebook or folder on the fake disk, and reports it."""

    def renamed(path: str, to: str, *there: str):
        notebooks.missing_paths |= {path, *(path + rest for rest in there)}
        notebooks.missing_paths -= {to, *(to + rest for rest in there)}
        return moves.follow_move(ctx, path, to, by=person("someone"))

    return renamed


def events(ctx, job):
    with ctx.store.read() as tx:
        kinds = ("job.moved", "job.relinked", "job.absorbed")
        found = tx.events.list_after(0, subject=Subject(SubjectKind.JOB, job.id), kinds=kinds)
    return [(event.kind, event.actor.id, event.revision, event.data) for event in found]


# --- inside JupyterLab --------------------------------------------------------------------------


def test_a_notebook_that_is_renamed_keeps_its_job(submit, rename, ctx):
    job = submit("/ann/sales.ipynb").job
    assert [moved_job.id for moved_job in rename("/ann/sales.ipynb", "/ann/reports/turnover.ipynb").jobs] == [job.id]
    after = submit("/ann/reports/turnover.ipynb").job
    assert (after.id, after.name, after.source) == (job.id, job.name, "/ann/reports/turnover.ipynb")
    told = {"from": "/ann/sales.ipynb", "to": "/ann/reports/turnover.ipynb"}
    assert events(ctx, job) == [("job.moved", "someone", 2, told)]


def test_a_folder_that_is_renamed_takes_its_jobs_along(submit, rename, ctx):
    one, deep = submit("/ann/work/a.ipynb").job, submit("/ann/work/deep/b.ipynb").job
    beside = submit("/ann/work2/a.ipynb").job
    rename("/ann/work", "/ann/play", "/a.ipynb", "/deep/b.ipynb")
    assert submit("/ann/play/a.ipynb").job.id == one.id
    assert submit("/ann/play/deep/b.ipynb").job.id == deep.id
    assert jobs.get(ctx, beside.id).job.source == "/ann/work2/a.ipynb"


def test_a_folder_in_a_repository_takes_its_jobs_along(submit, rename, notebooks):
    notebooks.repositories = {"/ann/work": "host/work"}
    job = submit("/ann/work/old/deep/a.ipynb").job
    rename("/ann/work/old", "/ann/work/new", "/deep/a.ipynb")
    after = submit("/ann/work/new/deep/a.ipynb").job
    assert (after.id, after.path, after.workspace_id) == (job.id, "new/deep/a.ipynb", job.workspace_id)


def test_a_notebook_that_is_moved_to_another_repository_keeps_its_job(submit, rename, notebooks):
    notebooks.repositories = {"/ann/one": "host/one", "/ann/two": "host/two"}
    job = submit("/ann/one/a.ipynb").job
    rename("/ann/one/a.ipynb", "/ann/two/a.ipynb")
    after = submit("/ann/two/a.ipynb").job
    assert (after.id, after.workspace_id != job.workspace_id) == (job.id, True)


def test_telling_of_a_move_twice_changes_nothing_more(submit, rename, ctx):
    job = submit("/ann/work/a.ipynb").job
    for _ in range(2):
        rename("/ann/work", "/ann/play", "/a.ipynb")
    assert jobs.get(ctx, job.id).job.source == "/ann/play/a.ipynb"


def test_a_notebook_that_was_only_copied_keeps_its_job_where_it_is(submit, ctx):
    job = submit("/ann/a.ipynb").job
    assert moves.follow_move(ctx, "/ann/a.ipynb", "/ann/b.ipynb", by=person("someone")).jobs == []
    assert jobs.get(ctx, job.id).job == job


def test_a_notebook_that_replaces_another_one_parts_two_jobs(submit, rename, ctx):
    job, other = submit("/ann/a.ipynb").job, submit("/ann/b.ipynb").job
    moved = rename("/ann/a.ipynb", "/ann/b.ipynb")
    assert (moved.jobs, [pair.id for pair in moved.parted]) == ([], [job.id])
    assert submit("/ann/b.ipynb").job.id == other.id


def test_the_jobs_at_a_path_and_below_it_are_listed(submit, ctx):
    job, deep = submit("/ann/work/a.ipynb").job, submit("/ann/work/deep/b.ipynb").job
    submit("/ann/other.ipynb")
    assert [found_job.id for found_job in moves.jobs_at(ctx, "/ann/work/a.ipynb")] == [job.id]
    assert {found_job.id for found_job in moves.jobs_at(ctx, "/ann/work")} == {job.id, deep.id}
    assert moves.jobs_at(ctx, "/ann/work/c.ipynb") == []


# --- relinked by hand ---------------------------------------------------------------------------


@pytest.fixture
def parted(submit, notebooks, ctx):
    """The job from before the move with its version 1, and the job from after it with that version and another one."""
    old = submit("/ann/old.ipynb").job
    jobs.change(ctx, old.id, {"priority": 7}, by=person("someone"))
    notebooks.missing_paths.add("/ann/old.ipynb")
    submit("/ann/new.ipynb")
    notebooks.schema = ParameterSchema((Parameter("top", ParameterType.INTEGER, 1),), declared=True)
    return old, submit("/ann/new.ipynb").job


def ended(ctx, job):
    for run in runs.page(ctx, runs.RunFilter(job_id=job.id)).items:
        runs.cancel(ctx, run.id, by=person("someone"))


def test_relinking_gives_the_runs_and_versions_of_the_new_job_to_the_old_one(parted, submit, ctx):
    old, new = parted
    ended(ctx, new)
    before = {run.id: run for run in runs.page(ctx, runs.RunFilter()).items}
    joined = moves.relink(ctx, old.id, other=new.id, by=person("someone"))
    assert (joined.id, joined.name, joined.source) == (old.id, old.name, "/ann/new.ipynb")
    assert joined.settings.priority == 7
    with pytest.raises(NotFound):
        jobs.get(ctx, new.id)
    after = {run.id: run for run in runs.page(ctx, runs.RunFilter(job_id=old.id)).items}
    assert after.keys() == before.keys()
    for run_id, run in after.items():
        assert run.version_digest == before[run_id].version_digest
        assert run.revision == before[run_id].revision + (before[run_id].job_id == new.id)
    assert [version.number for version in jobs.versions(ctx, old.id)] == [3, 2, 1]
    assert submit("/ann/new.ipynb").job.id == old.id
    told = {"job": new.id, "name": new.name, "from": "/ann/old.ipynb", "to": "/ann/new.ipynb"}
    assert events(ctx, old)[-1] == ("job.relinked", "someone", joined.revision, told)
    assert events(ctx, new)[-1][0] == "job.absorbed"


def test_a_version_that_both_jobs_have_is_one(submit, notebooks, ctx):
    notebooks.repositories = {"/ann/work": None, "/ann/moved": None}
    old, new = submit("/ann/work/a.ipynb"), submit("/ann/moved/a.ipynb")
    assert old.version.digest == new.version.digest
    notebooks.missing_paths.add("/ann/work/a.ipynb")
    runs.cancel(ctx, new.run.id, by=person("someone"))
    moves.relink(ctx, old.job.id, other=new.job.id, by=person("someone"))
    assert [version.number for version in jobs.versions(ctx, old.job.id)] == [1]
    assert runs.get(ctx, new.run.id).version.number == 1


def test_a_job_is_relinked_to_a_notebook_that_is_no_job_yet(submit, notebooks, ctx):
    job = submit("/ann/old.ipynb").job
    notebooks.missing_paths.add("/ann/old.ipynb")
    assert moves.relink(ctx, job.id, path="/ann/new.ipynb", by=person("someone")).source == "/ann/new.ipynb"
    assert moves.relink(ctx, job.id, path="/ann/new.ipynb", by=person("someone")).source == "/ann/new.ipynb"
    assert submit("/ann/new.ipynb").job.id == job.id
    assert [kind for kind, *_ in events(ctx, job)] == ["job.moved"]


def test_two_notebooks_that_are_both_there_are_not_joined(submit, ctx):
    job, other = submit("/ann/a.ipynb"), submit("/ann/b.ipynb")
    runs.cancel(ctx, other.run.id, by=person("someone"))
    with pytest.raises(Conflict, match="still there") as refused:
        moves.relink(ctx, job.job.id, other=other.job.id, by=person("someone"))
    assert refused.value.precise_code == "not_the_same_job"


def test_jobs_at_one_path_of_two_clones_are_joined_though_both_are_there(submit, notebooks, ctx):
    notebooks.repositories = {"/ann/work": None, "/ann/copy": None}
    job, other = submit("/ann/work/a.ipynb"), submit("/ann/copy/a.ipynb")
    runs.cancel(ctx, other.run.id, by=person("someone"))
    # Both jobs are from before the remote was known: they stay two, until somebody says that they are one.
    notebooks.repositories = {"/ann/work": "host/work", "/ann/copy": "host/work"}
    again = submit("/ann/work/a.ipynb"), submit("/ann/copy/a.ipynb")
    assert [view.job.id for view in again] == [job.job.id, other.job.id]
    with ctx.store.read() as tx:
        assert tx.workspaces.find_split_jobs() == [(job.job.id, other.job.id)]
    runs.cancel(ctx, again[1].run.id, by=person("someone"))
    moves.relink(ctx, job.job.id, other=other.job.id, by=person("someone"))
    assert submit("/ann/work/a.ipynb").job.id == submit("/ann/copy/a.ipynb").job.id == job.job.id
    with ctx.store.read() as tx:
        assert tx.workspaces.find_split_jobs() == []


def test_a_job_with_runs_that_have_not_ended_is_not_joined_to_another(parted, ctx):
    old, new = parted
    with pytest.raises(Conflict, match="has not ended") as refused:
        moves.relink(ctx, old.id, other=new.id, by=person("someone"))
    assert refused.value.precise_code == "job_in_use"
    assert jobs.get(ctx, new.id).job.id == new.id


def test_only_its_owner_relinks_or_moves_a_job(parted, ctx):
    from dataclasses import replace

    old, new = parted
    strict = replace(ctx, administrators=frozenset({"ada"}))
    ended(ctx, new)
    with pytest.raises(Forbidden):
        moves.relink(strict, old.id, other=new.id, by=person("bob"))
    with pytest.raises(Forbidden):
        moves.relink(strict, old.id, path="/ann/new.ipynb", by=person("bob"))


@pytest.mark.parametrize("names", [{}, {"other": "x", "path": "/ann/new.ipynb"}])
def test_relinking_names_one_other_place(parted, ctx, names):
    with pytest.raises(InvalidRequest):
        moves.relink(ctx, parted[0].id, **names, by=person("someone"))


def test_a_job_is_not_relinked_to_a_notebook_that_is_not_there(submit, notebooks, ctx):
    job = submit("/ann/old.ipynb").job
    notebooks.missing_paths |= {"/ann/old.ipynb", "/ann/new.ipynb"}
    with pytest.raises(InvalidRequest, match="no notebook"):
        moves.relink(ctx, job.id, path="/ann/new.ipynb", by=person("someone"))
