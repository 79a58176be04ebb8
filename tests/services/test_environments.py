"""Environments with their variables, and the people who may change them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dataops_lab.domain.environments import Environment
from dataops_lab.errors import Conflict, Forbidden, NotFound, Refused, UnknownEnvironment
from dataops_lab.services import environments, secrets
from dataops_lab.testing import person


@pytest.fixture
def staging() -> Environment:
    return Environment(name="staging", position=1, description="Before production")


def order(ctx) -> list[str]:
    found = environments.list_all(ctx)
    assert [environment.position for environment in found] == list(range(len(found)))
    return [environment.name for environment in found]


def test_there_are_a_sandbox_and_a_guarded_production_from_the_start(ctx):
    assert order(ctx) == ["sandbox", "production"]
    assert [environment.guarded for environment in environments.list_all(ctx)] == [False, True]


def test_a_new_one_takes_its_place_in_promotion_order(ctx, staging):
    added = environments.add(ctx, staging, by=person("ann"))
    assert order(ctx) == ["sandbox", "staging", "production"]
    assert (added, added.changed_by, added.changed_at) == (staging, person("ann"), ctx.clock.now())


def test_one_moves_in_promotion_order(ctx, staging):
    environments.add(ctx, staging, by=person("ann"))
    environments.change(ctx, replace(staging, position=99), by=person("ann"))
    assert order(ctx) == ["sandbox", "production", "staging"]


def test_a_name_is_taken_once(ctx, staging):
    environments.add(ctx, staging, by=person("ann"))
    with pytest.raises(Conflict) as refused:
        environments.add(ctx, staging, by=person("ann"))
    assert refused.value.precise_code == "environment_exists"


def test_a_change_of_what_somebody_else_has_changed_meanwhile_is_refused(ctx):
    sandbox = environments.get(ctx, "sandbox")
    environments.change(ctx, replace(sandbox, description="Yours"), revision=sandbox.revision, by=person("ann"))
    with pytest.raises(Conflict) as refused:
        environments.change(ctx, replace(sandbox, description="Mine"), revision=sandbox.revision, by=person("bob"))
    assert refused.value.precise_code == "changed_meanwhile"
    assert environments.get(ctx, "sandbox").description == "Yours"


def test_a_change_that_changes_nothing_writes_nothing(ctx):
    before = environments.get(ctx, "sandbox")
    assert environments.change(ctx, before, by=person("ann")).revision == before.revision


def test_what_makes_no_sense_is_refused_before_anything_is_written(ctx, staging):
    with pytest.raises(Refused):
        environments.add(ctx, replace(staging, default_image="other"), by=person("ann"))
    assert order(ctx) == ["sandbox", "production"]


def test_one_is_removed_with_its_variables_and_secrets(ctx, staging):
    environments.add(ctx, staging, by=person("ann"))
    environments.set_variable(ctx, "staging", "REGION", "South", by=person("ann"))
    secrets.put(ctx, "staging", "PASSWORD", "correct horse", by=person("ann"))
    environments.remove(ctx, "staging", by=person("ann"))
    assert order(ctx) == ["sandbox", "production"]
    environments.add(ctx, staging, by=person("ann"))
    assert not environments.variables(ctx, "staging") and not secrets.list_secrets(ctx, "staging")


def test_one_in_which_a_run_waits_stays(ctx, staging, submit):
    environments.add(ctx, staging, by=person("ann"))
    waiting = submit(environment="staging").run
    with pytest.raises(Conflict, match=waiting.id):
        environments.remove(ctx, "staging", by=person("ann"))


def test_the_sandbox_stays(ctx):
    with pytest.raises(Conflict):
        environments.remove(ctx, "sandbox", by=person("ann"))


def test_a_variable_is_set_replaced_and_removed(ctx):
    environments.set_variable(ctx, "sandbox", "REGION", "South", by=person("ann"))
    environments.set_variable(ctx, "sandbox", "REGION", "North", by=person("bob"))
    (found,) = environments.variables(ctx, "sandbox")
    assert (found.name, found.value, found.changed_by) == ("REGION", "North", person("bob"))
    environments.remove_variable(ctx, "sandbox", "REGION", by=person("ann"))
    assert not environments.variables(ctx, "sandbox")
    with pytest.raises(NotFound):
        environments.remove_variable(ctx, "sandbox", "REGION", by=person("ann"))


def test_a_reserved_name_or_an_impossible_value_is_refused(ctx):
    with pytest.raises(Refused):
        environments.set_variable(ctx, "sandbox", "PATH", "x", by=person("ann"))
    with pytest.raises(Refused):
        environments.set_variable(ctx, "sandbox", "A", "a\0b", by=person("ann"))
    assert not environments.variables(ctx, "sandbox")


def test_nothing_is_set_where_there_is_no_environment(ctx):
    with pytest.raises(UnknownEnvironment):
        environments.set_variable(ctx, "nowhere", "A", "x", by=person("ann"))


def test_only_administrators_change_something(ctx, staging):
    ctx = replace(ctx, administrators=frozenset({"ann"}))
    sandbox = environments.get(ctx, "sandbox")
    for attempt in (
        lambda: environments.add(ctx, staging, by=person("eve")),
        lambda: environments.change(ctx, sandbox, by=person("eve")),
        lambda: environments.remove(ctx, "production", by=person("eve")),
        lambda: environments.set_variable(ctx, "sandbox", "A", "x", by=person("eve")),
        lambda: environments.remove_variable(ctx, "sandbox", "A", by=person("eve")),
        lambda: secrets.put(ctx, "sandbox", "A", "x", by=person("eve")),
        lambda: secrets.remove(ctx, "sandbox", "A", by=person("eve")),
        lambda: secrets.rotate_key(ctx, by=person("eve")),
    ):
        with pytest.raises(Forbidden):
            attempt()
    environments.add(ctx, staging, by=person("ann"))
