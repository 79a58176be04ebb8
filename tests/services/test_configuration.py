"""Setting up an installation from one value."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest

from dataops_lab.configuration import dump, load
from dataops_lab.domain.images import Deprecation, Image, PinnedImage, Probe
from dataops_lab.domain.secrets import environment_scope
from dataops_lab.domain.timetables import Cron
from dataops_lab.errors import Conflict, Forbidden, InvalidSchedule, Refused, UnknownImage
from dataops_lab.services import calendars, configuration, environments, images, schedules, secrets
from dataops_lab.testing import person

from ..schedule_lab import PATH, ScheduleLab

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


@pytest.fixture
def database(sqlite: str) -> str:
    """SQLite alone: other tests send all these statements to both databases."""
    return sqlite


def order(ctx) -> list[str]:
    return [environment.name for environment in environments.list_all(ctx)]


def fields(plan) -> list[tuple[str, str]]:
    return [(change.environment, change.field) for change in plan.changes]


def test_what_would_change_is_what_then_changes(ctx):
    planned = configuration.plan(ctx, load(FILE), by=person("ann"))
    assert order(ctx) == ["sandbox", "production"], "nothing yet"
    done = configuration.apply(ctx, load(FILE), state=planned.state, by=person("ann"))
    assert done == replace(planned, applied=True)
    assert ("staging", "") in fields(done) and ("staging", "variables.REGION") in fields(done)
    assert ("staging", "limits.cpus") in fields(done), "as in the file"
    assert order(ctx) == ["sandbox", "staging", "production"]
    assert environments.get(ctx, "staging").limits.resources.cpus == 2
    assert done.remaining == ["jupyter dataops secrets set staging PASSWORD"]


def test_a_second_time_nothing_changes(ctx):
    configuration.apply(ctx, load(FILE), by=person("ann"))
    revision = environments.get(ctx, "staging").revision
    assert configuration.apply(ctx, load(FILE), by=person("ann")).changes == []
    assert environments.get(ctx, "staging").revision == revision


def test_what_was_exported_changes_nothing_when_it_is_applied(ctx):
    configuration.apply(ctx, load(FILE), by=person("ann"))
    exported = configuration.export(ctx)
    assert configuration.apply(ctx, exported, by=person("ann")).changes == []


def test_what_is_left_out_stays_and_what_is_written_becomes_exactly_so(ctx):
    configuration.apply(ctx, load(FILE), by=person("ann"))
    secrets.put(ctx, "staging", "PASSWORD", "correct horse", by=person("ann"))
    done = configuration.apply(ctx, load("environments: [{name: staging, variables: {ZONE: North}}]"), by=person("ann"))
    assert fields(done) == [("staging", "variables.ZONE"), ("staging", "variables.REGION")]
    assert [variable.name for variable in environments.variables(ctx, "staging")] == ["ZONE"]
    assert environments.get(ctx, "staging").description == "Before production"
    assert secrets.decrypt_all(ctx, environment_scope("staging")) == {"PASSWORD": "correct horse"}


def test_a_value_that_is_set_is_kept_by_a_file_that_expects_it(ctx):
    configuration.apply(ctx, load(FILE), by=person("ann"))
    secrets.put(ctx, "staging", "PASSWORD", "correct horse", by=person("ann"))
    assert configuration.apply(ctx, load(FILE), by=person("ann")).remaining == []
    assert secrets.list_secrets(ctx, "staging")[0].version == 1


def test_promotion_order_is_that_of_the_file(ctx):
    configuration.apply(ctx, load("environments: [{name: test}, {name: sandbox}]"), by=person("ann"))
    assert order(ctx) == ["test", "sandbox", "production"]
    done = configuration.apply(ctx, load("environments: [{name: production}, {name: test}]"), by=person("ann"))
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
    wanted = load(f"environments: [{{name: sandbox, description: Changed}}, {{name: new}}, {wrong}]")
    for attempt in (configuration.plan, configuration.apply):
        with pytest.raises((Refused, Conflict)):
            attempt(ctx, wanted, by=person("ann"))
    assert configuration.export(ctx) == before


def test_what_was_looked_at_is_applied_or_nothing_is(ctx):
    planned = configuration.plan(ctx, load(FILE), by=person("ann"))
    environments.set_variable(ctx, "sandbox", "A", "x", by=person("bob"))
    with pytest.raises(Conflict) as refused:
        configuration.apply(ctx, load(FILE), state=planned.state, by=person("ann"))
    assert refused.value.precise_code == "changed_meanwhile"
    assert order(ctx) == ["sandbox", "production"]


# --- images -------------------------------------------------------------------------------------

IMAGES = """
images:
- name: data
  description: For the monthly reports
  tags: [pandas]
  is_default: true
  deprecated: {on: 2027-01-31, successor: lean, message: It grew too large.}
- {name: lean, root_allowed: true}
"""


@pytest.fixture
def catalogue(ctx):
    """The images `data` and `lean`; `lean` is the default."""
    pinned = PinnedImage("sha256:1", None, "linux/amd64", "", 1)
    probe = Probe(ctx.clock.now(), "3.12", "/usr/bin/python3", "2.6", (), {}, "1000:1000")
    with ctx.store.begin() as tx:
        for name in ("data", "lean"):
            now, by = ctx.clock.now(), person("ada")
            image = Image(name, f"{name}:1", pinned, now, by, is_default=name == "lean", probe=probe)
            tx.images.put(image, at=ctx.clock.now(), by=person("ada"))


def test_what_is_said_of_images_is_shown_and_then_so(ctx, catalogue):
    planned = configuration.plan(ctx, load(IMAGES), by=person("ann"))
    assert images.get(ctx, "data").image.description == "", "nothing yet"
    done = configuration.apply(ctx, load(IMAGES), state=planned.state, by=person("ann"))

    assert done == replace(planned, applied=True)
    assert [(change.image, change.field, change.before, change.after) for change in done.changes] == [
        ("data", "description", "", "For the monthly reports"),
        ("data", "tags", [], ["pandas"]),
        ("data", "is_default", False, True),
        ("data", "deprecated.on", None, "2027-01-31"),
        ("data", "deprecated.successor", None, "lean"),
        ("data", "deprecated.message", None, "It grew too large."),
        ("lean", "is_default", True, False),
        ("lean", "root_allowed", False, True),
    ]
    data, lean = (images.get(ctx, name).image for name in ("data", "lean"))
    assert (data.description, data.tags, data.is_default) == ("For the monthly reports", ("pandas",), True)
    assert data.deprecated == Deprecation(dt.date(2027, 1, 31), "lean", "It grew too large.")
    assert (lean.is_default, lean.root_allowed, lean.reference) == (False, True, "lean:1")


def test_said_again_nothing_of_images_changes(ctx, catalogue):
    configuration.apply(ctx, load(IMAGES), by=person("ann"))
    revision = images.get(ctx, "data").image.revision
    for again in (load(IMAGES), load(dump(configuration.export(ctx)))):
        assert configuration.apply(ctx, again, by=person("ann")).changes == []
    assert images.get(ctx, "data").image.revision == revision


def test_a_deprecation_is_taken_back_by_null_and_stays_when_it_is_left_out(ctx, catalogue):
    configuration.apply(ctx, load(IMAGES), by=person("ann"))
    assert configuration.apply(ctx, load("images: [{name: data}]"), by=person("ann")).changes == []
    configuration.apply(ctx, load("images: [{name: data, deprecated: null}]"), by=person("ann"))
    assert images.get(ctx, "data").image.deprecated is None


def test_an_image_that_was_allowed_root_remains_to_be_looked_into(ctx, catalogue):
    assert configuration.apply(ctx, load(IMAGES), by=person("ann")).remaining == ["jupyter dataops image probe lean"]


@pytest.mark.parametrize(
    "wrong",
    [
        "{name: lean, tags: ['']}",
        "{name: lean, deprecated: {on: 2027-01-31, successor: moon}}",
        "{name: lean, deprecated: {on: 2027-01-31, successor: lean}}",
        "{name: lean, deprecated: {on: 2027-01-31, message: '" + "x" * 501 + "'}}",
        "{name: lean, is_default: true}",
        "{name: data}",
        "{name: moon}",
        "{name: moon, reference: 'no reference'}",
        "{name: '; reboot', reference: 'moon:1'}",
        "{name: moon, reference: 'moon:1', tags: ['']}",
    ],
)
def test_all_that_is_said_of_images_happens_or_nothing(ctx, catalogue, wrong):
    before = configuration.export(ctx)
    wanted = load(
        "environments: [{name: sandbox, description: Changed}]\n"
        f"images: [{{name: data, is_default: true, description: Changed}}, {wrong}]"
    )
    for attempt in (configuration.plan, configuration.apply):
        with pytest.raises((Refused, UnknownImage)):
            attempt(ctx, wanted, by=person("ann"))
    assert configuration.export(ctx) == before


def test_images_that_the_catalogue_does_not_have_remain_to_be_added_with_all_that_is_said_of_them(ctx):
    wanted = load("""
environments: [{name: sandbox, images: [data, other]}]
images:
- name: data
  reference: registry.example/data:1
  description: For the reports
  tags: [pandas, large]
  root_allowed: true
  is_default: true
  deprecated: {on: 2027-01-31, successor: lean}
- {name: lean, reference: 'lean:1'}
""")
    assert configuration.apply(ctx, wanted, by=person("ann")).remaining == [
        "jupyter dataops image add data registry.example/data:1 --env sandbox --description 'For the reports' "
        "--tag pandas --tag large --allow-root",
        "jupyter dataops image add lean lean:1",
        "jupyter dataops image add other REFERENCE --env sandbox",
        "jupyter dataops image set-default data",
        "jupyter dataops image deprecate data --on 2027-01-31 --successor lean",
    ]


def test_an_image_is_deprecated_when_the_one_after_it_is_there(ctx, catalogue):
    wanted = load("""
images:
- {name: data, deprecated: {on: 2027-01-31, successor: next}}
- {name: next, reference: 'next:1'}
""")
    done = configuration.apply(ctx, wanted, by=person("ann"))
    assert (done.changes, done.remaining) == (
        [],
        [
            "jupyter dataops image add next next:1",
            "jupyter dataops image deprecate data --on 2027-01-31 --successor next",
        ],
    )


def test_another_reference_remains_to_be_pinned(ctx, catalogue):
    wanted = load("images: [{name: data, reference: 'data:2', description: New}]")
    assert configuration.apply(ctx, wanted, by=person("ann")).remaining == ["jupyter dataops image add data data:2"]
    assert images.get(ctx, "data").image.description == "New"


def test_it_is_for_administrators(ctx):
    ctx = replace(ctx, administrators=frozenset({"ann"}))
    for attempt in (configuration.plan, configuration.apply):
        with pytest.raises(Forbidden):
            attempt(ctx, load(FILE), by=person("eve"))


# --- calendars and schedules ----------------------------------------------------------------------

SCHEDULED = """
calendars:
- name: closed
  days: {2026-12-24: Christmas Eve}
schedules:
- name: sales
  rule: {kind: cron, expression: 0 8 * * 1}
  timezone: Europe/Paris
  calendar: closed
  on_holiday: skip
  due: {at: '09:00'}
  paused: true
"""


@pytest.fixture
def lab(ctx, executor, clock) -> ScheduleLab:
    return ScheduleLab(ctx, executor, clock)


def test_a_schedule_and_the_calendar_that_it_needs_become_what_the_file_says(lab):
    made = lab.add(name="sales", jitter_s=5)
    done = configuration.apply(lab.ctx, load(SCHEDULED), by=person("ann"))
    schedule = lab.get(made)
    assert schedule.settings.rule == Cron("0 8 * * 1") and schedule.settings.calendar == "closed"
    assert schedule.settings.jitter_s == 5, "the file leaves it out"
    assert schedule.pause is not None and schedule.next_at is None
    assert done.remaining == []
    assert {(change.schedule, change.field) for change in done.changes} >= {
        ("sales", "rule.expression"),
        ("sales", "due.at"),
        ("sales", "paused"),
    }
    assert ("closed", "days.2026-12-24") in [(change.calendar, change.field) for change in done.changes]


def test_a_second_time_no_schedule_and_no_calendar_changes(lab):
    made = lab.add(name="sales")
    text = SCHEDULED.replace("calendars:", "calendars:\n- {name: fr, country: FR}")
    configuration.apply(lab.ctx, load(text), by=person("ann"))
    revisions = lab.get(made).revision, calendars.get(lab.ctx, "fr").revision
    assert configuration.apply(lab.ctx, load(text), by=person("ann")).changes == []
    assert configuration.apply(lab.ctx, load(dump(configuration.export(lab.ctx))), by=person("ann")).changes == []
    assert (lab.get(made).revision, calendars.get(lab.ctx, "fr").revision) == revisions


def test_a_schedule_goes_on_when_the_file_says_so(lab):
    made = lab.add(name="sales")
    schedules.pause(lab.ctx, "sales", by=person("ann"))
    configuration.apply(lab.ctx, load("schedules: [{name: sales, paused: false}]"), by=person("ann"))
    assert lab.get(made).next_at is not None


def test_a_path_of_the_file_may_count_from_a_folder_above(lab):
    lab.add(name="sales", path="/n/reports/sales.ipynb")
    for path, is_same in {"reports/sales.ipynb": True, "other/sales.ipynb": False, "ales.ipynb": False}.items():
        done = configuration.plan(lab.ctx, load(f"schedules: [{{name: sales, path: {path}}}]"), by=person("ann"))
        assert (done.remaining == []) is is_same, path


def test_a_new_schedule_and_another_environment_are_left_to_commands(lab):
    lab.add(name="sales")
    text = """
schedules:
- {name: sales, environment: production}
- name: new
  path: reports/new one.py
  rule: {kind: business_day, number: -1, at: '18:00'}
  timezone: Europe/Paris
"""
    done = configuration.apply(lab.ctx, load(text), by=person("ann"))
    assert done.changes == []
    assert done.remaining == [
        f"jupyter dataops schedule set {PATH} --name sales --env production --cron '0 * * * *' --timezone UTC",
        "jupyter dataops schedule set 'reports/new one.py' --name new --env sandbox --business-day -1 --at 18:00 "
        "--timezone Europe/Paris",
    ]


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("schedules: [{name: unknown, overlap: skip}]", Refused),
        ("schedules: [{name: sales, rule: {kind: cron, expression: 0 8 30 2 *}}]", InvalidSchedule),
        ("schedules: [{name: sales, calendar: unknown}]", InvalidSchedule),
        ("schedules: [{name: sales, timezone: Europe/Nowhere}]", InvalidSchedule),
        ("calendars: [{name: unknown, weekend: [6]}]", Refused),
        ("calendars: [{name: x, country: XX}]", InvalidSchedule),
    ],
)
def test_what_makes_no_sense_is_refused_and_nothing_of_the_file_is_kept(lab, text, error):
    made = lab.add(name="sales")
    before = configuration.export(lab.ctx)
    for refused in (configuration.plan, configuration.apply):
        with pytest.raises(error):
            refused(lab.ctx, load(f"environments: [{{name: staging}}]\n{text}"), by=person("ann"))
    assert configuration.export(lab.ctx) == before and lab.get(made).revision == 1


def test_a_change_of_a_schedule_since_the_look_refuses_the_file(lab):
    lab.add(name="sales")
    planned = configuration.plan(lab.ctx, load(SCHEDULED), by=person("ann"))
    schedules.pause(lab.ctx, "sales", by=person("ben"))
    with pytest.raises(Conflict, match="changed the configuration since"):
        configuration.apply(lab.ctx, load(SCHEDULED), state=planned.state, by=person("ann"))
