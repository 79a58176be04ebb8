from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from dataops_lab.domain.runs import RunState
from dataops_lab.errors import Forbidden, InvalidRequest, NotFound, Refused, StaleWrite
from dataops_lab.services import jobs, projects, runs
from dataops_lab.testing import person


def test_the_settings_of_a_job_are_those_of_its_runs_from_now_on(submit, ctx):
    before = submit()
    changed = jobs.change(
        ctx, before.job.id, {"priority": 7, "max_retries": 2, "name": "monthly", "concurrency": 3}, by=person("someone")
    )
    assert (changed.job.name, changed.job.concurrency, changed.job.settings.priority) == ("monthly", 3, 7)
    assert jobs.get(ctx, before.job.id).job == changed.job
    after, own = submit(), submit(priority=0)
    assert (after.run.settings.priority, after.run.settings.max_retries) == (7, 2)
    assert (own.run.settings.priority, own.run.settings.max_retries) == (0, 2)
    assert runs.get(ctx, before.run.id).run.settings.priority == 0
    jobs.change(ctx, before.job.id, {"priority": None}, by=person("someone"))
    assert submit().run.settings.priority == 0


def test_a_rerun_is_treated_as_the_run_that_it_repeats(submit, ctx):
    old = submit(priority=3, max_retries=1, timeout_s=60.0)
    again = runs.rerun(ctx, old.run.id, parameters=None, by=person("other")).view
    assert again.run.settings == old.run.settings


def test_of_two_who_change_a_job_at_once_the_second_looks_again(submit, ctx):
    job = jobs.get(ctx, submit().job.id).job

    def change(priority):
        try:
            return jobs.change(
                ctx, job.id, {"priority": priority}, revision=job.revision, by=person("someone")
            ).job.settings.priority
        except StaleWrite:
            return None

    with ThreadPoolExecutor(2) as threads:
        answers = list(threads.map(change, [1, 2]))
    assert sorted(answers, key=str) in ([1, None], [2, None])
    now = jobs.get(ctx, job.id).job
    assert now.revision == job.revision + 1
    assert now.settings.priority in answers


@pytest.mark.parametrize("changes", [{"priority": 101}, {"timeout_s": -1.0}, {"concurrency": -1}, {"name": None}])
def test_a_change_that_makes_no_sense_changes_nothing(submit, ctx, changes):
    job = submit().job
    with pytest.raises(InvalidRequest):
        jobs.change(ctx, job.id, {"max_retries": 3, **changes}, by=person("someone"))
    assert jobs.get(ctx, job.id).job == job


def test_a_job_and_a_project_that_are_not_there_are_not_found(ctx):
    for call in (
        lambda: jobs.change(ctx, "0" * 26, {"priority": 1}, by=person("someone")),
        lambda: projects.get(ctx, "nothing"),
        lambda: projects.limit(ctx, "nothing", 1, by=person("someone")),
    ):
        with pytest.raises(NotFound):
            call()


def test_only_administrators_limit_a_project(ctx):
    closed = replace(ctx, administrators=frozenset({"ann"}))
    with pytest.raises(Forbidden):
        projects.limit(closed, "default", 1, by=person("bob"))
    assert projects.limit(closed, "default", 1, by=person("ann")) == projects.get(ctx, "default")
    assert projects.get(ctx, "default").concurrency == 1


def test_more_time_than_its_environment_allows_is_refused_and_nothing_is_queued(submit, ctx, store, clock):
    with store.begin() as tx:
        sandbox = tx.environments.get("sandbox")
        tx.environments.put(
            replace(sandbox, limits=replace(sandbox.limits, timeout_s=60.0)), at=clock.now(), by=person("ann")
        )
    with pytest.raises(Refused):
        submit(timeout_s=61.0)
    assert submit().run.settings.timeout_s == 60.0


def test_each_queued_run_says_what_it_waits_for(submit, ctx, store, clock, new_engine):
    engine = new_engine(slots=1)
    first = submit("/a.ipynb")
    while runs.get(ctx, first.run.id).run.state is not RunState.ACTIVE:
        engine.step()
    second, third = submit("/b.ipynb"), submit("/c.ipynb")

    def why(view):
        return runs.get(ctx, view.run.id).waiting_reason

    assert why(second).code == why(third).code == "waiting_for_slot"
    assert why(third).detail["behind"] == second.run.id
    assert "someone's" in why(third).message
    jobs.change(ctx, second.job.id, {"concurrency": 0}, by=person("someone"))
    assert why(second).code == "waiting_for_job"
    projects.limit(ctx, "default", 1, by=person("someone"))
    assert why(third).code == "waiting_for_project"
    with store.begin() as tx:
        sandbox = tx.environments.get("sandbox")
        tx.environments.put(
            replace(sandbox, limits=replace(sandbox.limits, concurrency=1)), at=clock.now(), by=person("ann")
        )
    projects.limit(ctx, "default", None, by=person("someone"))
    assert why(third).code == "waiting_for_environment"


def test_a_page_of_jobs_takes_as_many_statements_as_one_job_does(submit, ctx, statements):
    newest = {}

    def page():
        found = jobs.page(ctx, limit=50)
        assert {view.job.id: view.last_run.id for view in found.items} == newest

    for name in ("a", "a"):
        view = submit(f"/notebooks/{name}.ipynb")
        newest[view.job.id] = view.run.id
    of_one = statements(page)
    for name in ("b", "c", "b", "d"):
        view = submit(f"/notebooks/{name}.ipynb")
        newest[view.job.id] = view.run.id
    assert statements(page) == of_one
