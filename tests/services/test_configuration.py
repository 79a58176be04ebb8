"""Setting up an installation from one value."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dataops_lab.configuration import read
from dataops_lab.domain.secrets import of_environment
from dataops_lab.errors import Conflict, Forbidden, Refused
from dataops_lab.services import configuration, environments, secrets

FILE = """
environments:
- name: sandbox
- name: staging
  description: Before production
  limits: {cpus: 2}
  variables: {REGION: South}
  secrets: [PASSWORD]
- name: production
"""


def order(ctx) -> list[str]:
    return [it.name for it in environments.every(ctx)]


def fields(plan) -> list[tuple[str, str]]:
    return [(change.environment, change.field) for change in plan.changes]


def test_what_would_change_is_what_then_changes(ctx):
    planned = configuration.plan(ctx, read(FILE), by="ann")
    assert order(ctx) == ["sandbox", "production"], "nothing yet"
    done = configuration.apply(ctx, read(FILE), state=planned.state, by="ann")
    assert done == replace(planned, applied=True)
    assert ("staging", "") in fields(done) and ("staging", "variables.REGION") in fields(done)
    assert order(ctx) == ["sandbox", "staging", "production"]
    assert environments.get(ctx, "staging").limits.resources.cpus == 2
    assert done.remaining == ["jupyter dataops secrets set staging PASSWORD"]


def test_a_second_time_nothing_changes(ctx):
    configuration.apply(ctx, read(FILE), by="ann")
    revision = environments.get(ctx, "staging").revision
    assert configuration.apply(ctx, read(FILE), by="ann").changes == []
    assert environments.get(ctx, "staging").revision == revision


def test_what_was_exported_changes_nothing_when_it_is_applied(ctx):
    configuration.apply(ctx, read(FILE), by="ann")
    exported = configuration.export(ctx)
    assert configuration.apply(ctx, exported, by="ann").changes == []


def test_what_is_left_out_stays_and_what_is_written_becomes_exactly_so(ctx):
    configuration.apply(ctx, read(FILE), by="ann")
    secrets.put(ctx, "staging", "PASSWORD", "correct horse", by="ann")
    done = configuration.apply(ctx, read("environments: [{name: staging, variables: {ZONE: North}}]"), by="ann")
    assert fields(done) == [("staging", "variables.ZONE"), ("staging", "variables.REGION")]
    assert [it.name for it in environments.variables(ctx, "staging")] == ["ZONE"]
    assert environments.get(ctx, "staging").description == "Before production"
    assert secrets.opened(ctx, of_environment("staging")) == {"PASSWORD": "correct horse"}


def test_a_value_that_is_set_is_kept_by_a_file_that_expects_it(ctx):
    configuration.apply(ctx, read(FILE), by="ann")
    secrets.put(ctx, "staging", "PASSWORD", "correct horse", by="ann")
    assert configuration.apply(ctx, read(FILE), by="ann").remaining == []
    assert secrets.of(ctx, "staging")[0].version == 1


def test_promotion_order_is_that_of_the_file(ctx):
    configuration.apply(ctx, read("environments: [{name: test}, {name: sandbox}]"), by="ann")
    assert order(ctx) == ["test", "sandbox", "production"]
    done = configuration.apply(ctx, read("environments: [{name: production}, {name: test}]"), by="ann")
    assert order(ctx) == ["production", "sandbox", "test"]
    assert fields(done) == [("", "order")]


@pytest.mark.parametrize(
    "wrong",
    [
        "{name: production, limits: {cpus: -1}}",
        "{name: Bad Name}",
        "{name: production, variables: {PATH: /tmp}}",
        "{name: production, secrets: [LD_PRELOAD]}",
        "{name: production, secrets: [A], variables: {A: x}}",
        "{name: sandbox}",
    ],
)
def test_all_of_it_happens_or_nothing(ctx, wrong):
    before = configuration.export(ctx)
    wanted = read(f"environments: [{{name: sandbox, description: Changed}}, {{name: new}}, {wrong}]")
    for attempt in (configuration.plan, configuration.apply):
        with pytest.raises((Refused, Conflict)):
            attempt(ctx, wanted, by="ann")
    assert configuration.export(ctx) == before


def test_what_was_looked_at_is_applied_or_nothing_is(ctx):
    planned = configuration.plan(ctx, read(FILE), by="ann")
    environments.set_variable(ctx, "sandbox", "A", "x", by="bob")
    with pytest.raises(Conflict) as refused:
        configuration.apply(ctx, read(FILE), state=planned.state, by="ann")
    assert refused.value.precise_code == "changed_meanwhile"
    assert order(ctx) == ["sandbox", "production"]


def test_images_that_the_catalogue_does_not_have_remain_to_be_added(ctx):
    wanted = read("images: [{name: data, reference: 'registry.example/data:1'}]")
    assert configuration.apply(ctx, wanted, by="ann").remaining == [
        "jupyter dataops image add data registry.example/data:1"
    ]


def test_it_is_for_administrators(ctx):
    ctx = replace(ctx, administrators=frozenset({"ann"}))
    for attempt in (configuration.plan, configuration.apply):
        with pytest.raises(Forbidden):
            attempt(ctx, read(FILE), by="eve")
