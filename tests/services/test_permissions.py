from __future__ import annotations

import logging
from dataclasses import replace

import pytest

from dataops_lab.domain.actors import Actor
from dataops_lab.domain.configuration import Configuration, EnvironmentEntry
from dataops_lab.domain.policy import ObjectKind, Verb
from dataops_lab.errors import Forbidden
from dataops_lab.services import configuration, environments, integrity, jobs, permissions, retention, runs
from dataops_lab.testing import person


@pytest.fixture
def database(sqlite: str) -> str:
    """SQLite alone: other tests send all these statements to both databases."""
    return sqlite


@pytest.mark.parametrize(
    "act",
    [
        lambda ctx, view, by: runs.cancel(ctx, view.run.id, by=by),
        lambda ctx, view, by: jobs.change(ctx, view.job.id, {"priority": 1}, by=by),
        lambda ctx, view, by: integrity.verify(ctx, view.run.id, by=by),
        lambda ctx, view, by: retention.keep(ctx, view.run.id, by=by),
    ],
    ids=["cancel", "change a job", "verify", "keep"],
)
def test_what_is_somebodys_own_is_for_her_and_for_administrators(ctx, submit, act):
    view = submit()
    ctx = replace(ctx, administrators=frozenset({"ann"}))
    with pytest.raises(Forbidden, match="belongs to someone") as refused:
        act(ctx, view, person("bob"))
    assert refused.value.precise_code == "not_owner"
    for by in ("someone", "ann"):
        act(ctx, view, person(by))


def test_the_audit_log_tells_what_was_committed_and_nothing_else(ctx, caplog):
    caplog.set_level(logging.INFO, "dataops_lab.audit")
    wanted = Configuration((EnvironmentEntry("sandbox", {"description": "new"}, {"A": "1"}, None),), ())
    configuration.plan(ctx, wanted, by=person("ann"))
    with pytest.raises(ZeroDivisionError), ctx.store.begin() as tx:
        environments.put_variable(ctx, tx, "sandbox", "A", "1", by=person("ann"))
        1 / 0  # noqa: B018
    assert caplog.messages == []
    environments.set_variable(ctx, "sandbox", "A", "1", by=person("ann"))
    assert caplog.messages == ["ann set the variable A of sandbox"]


def test_what_is_for_administrators_names_them_to_everybody_else(ctx):
    ctx = replace(ctx, administrators=frozenset({"ann", "eve"}))
    with pytest.raises(Forbidden, match="for administrators: ann, eve") as refused:
        permissions.require(ctx, person("bob"), Verb.CHANGE, ObjectKind.IMAGE)
    assert (refused.value.precise_code, refused.value.detail["user"]) == ("not_administrator", "bob")
    permissions.require(ctx, person("eve"), Verb.CHANGE, ObjectKind.IMAGE)


def test_the_id_decides_and_not_the_name_that_is_shown(ctx):
    ctx = replace(ctx, administrators=frozenset({"ann"}))
    called_ann, ann = Actor("u-17", "ann"), Actor("ann", "Ann from sales")
    assert not permissions.allows(ctx, called_ann, Verb.CHANGE, ObjectKind.IMAGE)
    assert permissions.allows(ctx, ann, Verb.CHANGE, ObjectKind.IMAGE)
    assert permissions.allows(ctx, called_ann, Verb.CANCEL, ObjectKind.RUN, owner=Actor("u-17", "renamed"))
    assert not permissions.allows(ctx, called_ann, Verb.CANCEL, ObjectKind.RUN, owner=Actor("u-18", "ann"))
    assert not permissions.allows(ctx, called_ann, Verb.CANCEL, ObjectKind.RUN)
