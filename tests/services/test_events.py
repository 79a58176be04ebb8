"""The event of every command: its subject, its actor, and the revision that it led to."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dataops_lab.domain.environments import Environment
from dataops_lab.domain.events import Subject, SubjectKind
from dataops_lab.domain.images import Login
from dataops_lab.domain.retention import RetentionRule
from dataops_lab.errors import DataOpsError
from dataops_lab.services import environments, jobs, projects, registries, retention, secrets
from dataops_lab.testing import person

ANN = person("ann")
SECRET = "s3cr3t"


def set_variable(ctx):
    environments.set_variable(ctx, "sandbox", "REGION", "south", by=ANN)


def set_secret(ctx, value=SECRET):
    secrets.put(ctx, "sandbox", "TOKEN", value, by=ANN)


def describe_sandbox(ctx):
    environments.change(ctx, replace(environments.get(ctx, "sandbox"), description="New"), by=ANN)


def add_staging(ctx):
    environments.add(ctx, Environment("staging", 2), by=ANN)


def remove_staging(ctx):
    add_staging(ctx)
    environments.remove(ctx, "staging", by=ANN)


def set_variable_twice(ctx):
    set_variable(ctx)
    set_variable(ctx)


def remove_variable(ctx):
    set_variable(ctx)
    environments.remove_variable(ctx, "sandbox", "REGION", by=ANN)


def set_secret_twice(ctx):
    set_secret(ctx)
    set_secret(ctx, SECRET * 2)


def remove_secret(ctx):
    set_secret(ctx)
    secrets.remove(ctx, "sandbox", "TOKEN", by=ANN)


def rotate_key(ctx):
    set_secret(ctx)
    secrets.rotate_key(ctx, by=ANN)


def log_in(ctx):
    registries.put(ctx, "registry.example", Login("ann", SECRET), by=ANN)


def limit_project(ctx):
    projects.limit(ctx, "default", 3, by=ANN)


def set_rules(ctx):
    retention.set_rules(ctx, [RetentionRule(days=3)], by=ANN)


@pytest.mark.parametrize(
    ("command", "kind", "subject", "revision"),
    [
        (add_staging, "environment.added", "staging", 1),
        (describe_sandbox, "environment.changed", "sandbox", 2),
        (remove_staging, "environment.removed", "staging", None),
        (set_variable, "variable.set", "sandbox/REGION", 1),
        (set_variable_twice, "variable.set", "sandbox/REGION", 2),
        (remove_variable, "variable.removed", "sandbox/REGION", None),
        (set_secret, "secret.set", "environment/sandbox/TOKEN", 1),
        (set_secret_twice, "secret.set", "environment/sandbox/TOKEN", 2),
        (remove_secret, "secret.removed", "environment/sandbox/TOKEN", None),
        (rotate_key, "secret.key_rotated", "keys", None),
        (log_in, "secret.set", "registries/registry.example", 1),
        (limit_project, "project.changed", "default", 2),
        (set_rules, "retention.changed", "rules", None),
    ],
)
def test_a_command_leaves_an_event_with_subject_actor_and_revision_and_no_secret(ctx, command, kind, subject, revision):
    command(ctx)
    with ctx.store.read() as tx:
        told = tx.events.list_after(0)
    last = told[-1]
    assert (last.kind, last.subject) == (kind, Subject(SubjectKind(kind.partition(".")[0]), subject))
    assert (last.actor, last.revision, last.at) == (ANN, revision, ctx.clock.now())
    assert SECRET not in str(told)


def test_a_command_that_is_refused_leaves_none(ctx):
    for refused in (
        lambda: environments.remove_variable(ctx, "sandbox", "REGION", by=ANN),
        lambda: environments.remove(ctx, "sandbox", by=ANN),
        lambda: projects.limit(replace(ctx, administrators=frozenset({"eve"})), "default", 1, by=ANN),
    ):
        with pytest.raises(DataOpsError):
            refused()
    with ctx.store.read() as tx:
        assert tx.events.list_after(0) == []


def test_a_job_and_its_versions_are_told_of(ctx, submit):
    view = submit()
    jobs.change(ctx, view.job.id, {"priority": 3}, by=person("someone"))
    with ctx.store.read() as tx:
        told = tx.events.list_after(0, subject=Subject(SubjectKind.JOB, view.job.id))
    assert [(event.kind, event.revision) for event in told] == [
        ("job.added", 1),
        ("job.version_added", None),
        ("job.changed", 2),
    ]
    assert told[1].data == {"number": 1, "digest": view.version.digest}
    assert told[2].data == {"changed": ["priority"]}


def test_an_actor_is_known_by_the_id_and_shown_by_the_newest_name(ctx):
    subject, now = Subject(SubjectKind.JOB, "J"), ctx.clock.now()
    for name in ("Ann", "Ann L."):
        with ctx.store.begin() as tx:
            tx.events.add(subject, "job.changed", at=now, actor=replace(ANN, name=name))
    with ctx.store.read() as tx:
        assert [event.actor for event in tx.events.list_after(0)] == [replace(ANN, name="Ann L.")] * 2
        assert tx.actors.get("never seen") == person("never seen")
