"""The file `dataops.yaml`."""

from __future__ import annotations

import datetime as dt
from dataclasses import fields

import pytest

from dataops_lab.configuration import dump, load
from dataops_lab.domain.configuration import (
    CalendarEntry,
    Configuration,
    ImageEntry,
    ScheduleEntry,
    environment_entry,
    image_entry,
)
from dataops_lab.domain.dates import DateFunction
from dataops_lab.domain.environments import (
    DockerSettings,
    Environment,
    ExecutorKind,
    Mount,
    Resources,
    RunLimits,
    format_size,
    parse_size,
)
from dataops_lab.domain.images import Deprecation, Image, PinnedImage
from dataops_lab.domain.schedules import AfterJob, Due, Files, Misfire, Overlap, Preset, Settings, Webhook
from dataops_lab.domain.sending import SendRule, When
from dataops_lab.domain.subscriptions import Interest, NamedRecipient
from dataops_lab.domain.timetables import BusinessDay, Cron, Interval, Once
from dataops_lab.domain.webhooks import Signature
from dataops_lab.errors import Refused
from dataops_lab.testing import person

AT = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
PIN = PinnedImage("sha256:1", None, "linux/amd64", "", 1)
WHOLE = Configuration(
    environments=(
        environment_entry(Environment("sandbox", 0), {}, ()),
        environment_entry(
            Environment(
                "production",
                1,
                executor=ExecutorKind.DOCKER,
                description="Süden: #1\nund mehr",
                docker=DockerSettings("ssh://user@host", "1001:1001", 2),
                limits=RunLimits(Resources(1.5, 3 * 2**30, 200, 1), 600.0, 4),
                images=("data", "lean"),
                default_image="data",
                network=False,
                mounts=(Mount("/srv/data", "/data"), Mount("/srv/out", "/out", read_only=False)),
                locked=("image",),
                guarded=True,
            ),
            {"REGION": "South", "NUMBER": "5", "YES": "yes", "EMPTY": "", "LINES": "a\nb\n"},
            ("PASSWORD",),
        ),
    ),
    images=(
        ImageEntry(
            "data",
            "registry.example/data:1",
            {
                "description": "Für alle: #1",
                "tags": ("pandas", "2026"),
                "is_default": True,
                "root_allowed": True,
                "deprecated": Deprecation(dt.date(2027, 1, 31), "lean", "It grew too large."),
            },
        ),
        image_entry(Image("lean", "lean:1", PIN, AT, person("ada"))),
    ),
    calendars=(
        CalendarEntry("own", None, {dt.date(2026, 12, 24): "Christmas Eve", dt.date(2026, 12, 31): "yes"}, (6,)),
        CalendarEntry("south", "DE-BW", None, (5, 6)),
    ),
    schedules=tuple(
        ScheduleEntry(
            f"schedule {number}",
            "/home/it: #1.ipynb",
            "production",
            False,
            {each.name: getattr(settings, each.name) for each in fields(Settings)},
        )
        for number, settings in enumerate(
            (
                Settings(
                    BusinessDay(-1, dt.time(18, 30)),
                    "Europe/Paris",
                    starts_at=dt.datetime(2026, 1, 31, 7, tzinfo=dt.UTC),
                    jitter_s=1.5,
                    calendar="own",
                    parameters={"no": "no", "numbers": [1, 2.5, None], "flag": True},
                    dates={"day": DateFunction.YESTERDAY},
                    presets=(
                        Preset(
                            "North",
                            {"region": "North"},
                            (NamedRecipient("a@b.example", frozenset({Interest.ON_FAILURE})),),
                        ),
                    ),
                    due=Due(dt.time(9)),
                    send=SendRule(When.CONDITION, (), "values.auc < 0.8"),
                ),
                Settings(AfterJob("01J0000000000000000000000A"), "UTC", overlap=Overlap.BUFFER_ALL),
                Settings(Files("/srv/in", "*.csv", 5.0, "files"), "UTC", pause_on_failure=3, due=Due(None, 60.0)),
                Settings(Webhook(Signature.GITHUB, {"order": "/order/id"}), "UTC"),
                Settings(Interval(90.0, 5.0), "UTC", misfire=Misfire.ALL),
                Settings(Once(dt.datetime(2030, 1, 1, tzinfo=dt.UTC)), "UTC"),
                Settings(Cron("0 8 * * 1"), "UTC", send=SendRule(When.CHANGED, ("auc",))),
            )
        )
    ),
)


def test_what_is_written_is_read_as_the_same():
    assert load(dump(WHOLE)) == WHOLE


def test_what_is_left_out_is_not_given():
    (entry,) = load("environments:\n- name: sandbox\n  network: false\n").environments
    assert (entry.settings, entry.variables, entry.secrets) == ({"network": False}, None, None)
    assert load("images: [{name: data, tags: []}]").images == (ImageEntry("data", None, {"tags": ()}),)
    assert load("images: [{name: data, deprecated: null}]").images[0].settings == {"deprecated": None}


def test_a_day_may_be_written_with_or_without_quotes():
    for day in ("2027-01-31", "'2027-01-31'"):
        (entry,) = load(f"images: [{{name: data, deprecated: {{on: {day}}}}}]").images
        assert entry.settings["deprecated"] == Deprecation(dt.date(2027, 1, 31))


def test_a_key_is_text_also_where_yaml_has_another_idea_of_it():
    (entry,) = load("environments: [{name: x, variables: {NO: a, on: b, 1: c, null: d}}]").environments
    assert entry.variables == {"NO": "a", "on": "b", "1": "c", "null": "d"}


def test_an_empty_file_asks_for_nothing():
    assert load("") == load("{}") == load("# nothing\n") == Configuration()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("environments:\n- name: x\n  limits:\n    cpu: 3\n", "Line 4: environments.0.limits.cpu: unknown key"),
        ("environments:\n- name: x\nimage: []\n", "Line 3: image: unknown key"),
        ("environments:\n- nam: x\n", "Line 2: environments.0.name: field required"),
        ("environments:\n- name: x\n  variables:\n    PORT: 5432\n", "Line 4: environments.0.variables.PORT"),
        ("images:\n- name: x\n  default: true\n", "Line 3: images.0.default: unknown key"),
        ("images:\n- name: x\n  deprecated:\n    at: 2027-01-31\n", "Line 4: images.0.deprecated.at: unknown key"),
        ("images:\n- name: x\n  deprecated:\n    on: soon\n", "Line 4: images.0.deprecated.on"),
        ("images:\n- name: x\n  tags: pandas\n", "Line 3: images.0.tags"),
        ("environments:\n- name: x\n  network: maybe\n", "Line 3: environments.0.network"),
        ("environments:\n- name: x\n  executor: kubernetes\n", "Line 3: environments.0.executor"),
        ("environments:\n- name: x\n  name: y\n", "Line 3: name is there twice"),
        ("environments:\n- name: [x\n", "Line 3: this is not YAML"),
        ("environments: &a\n- name: x\nimages: *a\n", "Line 3: aliases are not taken"),
        ("environments:\n- name: x\n  limits: {memory: lots}\n", "'lots' is not a size"),
        ("- a list", "Line 1: the file"),
        ("!!python/object/apply:os.system ['true']", "not YAML"),
        ("a: " + "x" * 1_000_001, "larger than 1 MB"),
        ("a: \0", "not YAML"),
        ("? [a]\n: b\n", "not YAML"),
        ("[\n" * 100_000, "Line 21: this is nested more than 20 levels deep"),
        ("- " * 100_000, "Line 1: this is nested more than 20 levels deep"),
        ("- a\n" * 200_000, "from here on it is too long"),
        ("".join(f"k{i}: 1\n" for i in range(40_000)), "And 39990 more."),
    ],
)
def test_what_is_wrong_is_named_with_its_line(text, said):
    with pytest.raises(Refused) as refused:
        load(text)
    assert refused.value.precise_code == "invalid_configuration"
    assert said in refused.value.message


def test_an_unknown_key_is_told_which_ones_there_are():
    with pytest.raises(Refused, match="Known here: cpus, memory, pids"):
        load("environments:\n- name: x\n  limits: {cpu: 3}\n")


@pytest.mark.parametrize(("text", "size"), [("4G", 4 * 10**9), ("512Mi", 2**29), ("1.5 KiB", 1536), ("17", 17)])
def test_sizes_are_read_as_people_write_them(text, size):
    assert parse_size(text) == size == parse_size(str(format_size(size)))


@pytest.mark.parametrize("text", ["", "0", "-1", "4X", "i", "Gi", "4i", "nan", "٤G"])
def test_what_is_no_size_is_refused(text):
    with pytest.raises(ValueError, match="is not a size"):
        parse_size(text)
