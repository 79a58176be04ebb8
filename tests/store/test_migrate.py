from __future__ import annotations

import datetime as dt
import json
import re
import signal
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from alembic import command, op
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, inspect, text

from dataops_lab.domain.actors import RETENTION
from dataops_lab.domain.audit import Checker
from dataops_lab.domain.environments import (
    Backend,
    DockerSettings,
    Environment,
    ExecutorKind,
    Mount,
    Resources,
    RunLimits,
)
from dataops_lab.domain.events import run_subject
from dataops_lab.domain.images import Deprecation, EarlierPin, ImageTaskState, PinnedImage, RunImage
from dataops_lab.domain.notifications import DeliveryState, MessageKind
from dataops_lab.domain.parameters import ParameterSchema
from dataops_lab.domain.pipelines import Item
from dataops_lab.domain.retention import RetentionRule
from dataops_lab.domain.runs import Reason, RunState, Trigger, TriggerKind
from dataops_lab.domain.schedules import Pause
from dataops_lab.domain.secrets import Sealed, Secret
from dataops_lab.domain.settings import GivenSettings, RunSettings
from dataops_lab.domain.variables import Variable
from dataops_lab.domain.versions import Manifest
from dataops_lab.domain.workspaces import Location
from dataops_lab.errors import StoreTooNew
from dataops_lab.ports import AuditFilter, DeliveryFilter, RunFilter
from dataops_lab.services.workspaces import find_job
from dataops_lab.store import migrate, open_store
from dataops_lab.store.sql import SqlTransaction
from dataops_lab.store.tables import metadata
from dataops_lab.testing import person


@pytest.fixture(params=["sqlite", "postgres"])
def empty(request, tmp_path):
    """The URL of a database without tables."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/x.sqlite"
    else:
        with request.getfixturevalue("postgres").database_without_tables() as url:
            yield url


@pytest.fixture
def connection(empty):
    engine = create_engine(empty)
    with engine.connect() as opened:
        yield opened
    engine.dispose()


def test_the_migrations_lead_to_the_tables(empty, connection):
    open_store(empty).close()
    assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_the_migrations_make_each_index_for_the_rows_that_the_tables_name(empty, connection):
    open_store(empty).close()
    said = {
        index.name: re.sub(r"[()]", "", index.info["only"]) if index.info else None
        for table in metadata.tables.values()
        for index in table.indexes
    }
    made = {
        index["name"]: re.sub(r"[()]|::text", "", str(condition)) if condition is not None else None
        for indexes in inspect(connection).get_multi_indexes().values()
        for index in indexes
        for condition in [index.get("dialect_options", {}).get(f"{connection.dialect.name}_where")]
    }
    assert {name: made[name] for name in said} == said


def test_ten_that_open_a_new_database_at_once_all_get_it(empty):
    with ThreadPoolExecutor(10) as threads:
        for store in threads.map(lambda _: open_store(empty), range(10)):
            with closing(store), store.read() as tx:
                assert tx.runs.count_by_state() == {}


def test_a_database_of_a_newer_program_is_refused_and_left_alone(empty, connection):
    open_store(empty).close()
    connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    connection.commit()
    with pytest.raises(StoreTooNew, match="Upgrade dataops_lab"):
        open_store(empty)
    assert connection.scalar(text("SELECT version_num FROM alembic_version")) == "9999"


# --- from each earlier revision -------------------------------------------------------------------

NOW = "2026-01-31 08:00:00.000000"
CHANGED = {"changed_at": NOW, "changed_by": "ann"}
AT = dt.datetime(2026, 1, 31, 8, 0, tzinfo=dt.UTC)
JOB, RUN = "01KG9H1S00AAAAAAAAAAAAAAAA", "01KG9H1S00BBBBBBBBBBBBBBBB"
# The job and the run above stay the only ones that are named sales, and the only run that failed.
CHURN, ON_IMAGE = "01KG9H1S00CCCCCCCCCCCCCCCC", "01KG9H1S00DDDDDDDDDDDDDDDD"
RATES, QUEUED = "01KG9H1S00EEEEEEEEEEEEEEEE", "01KG9H1S00FFFFFFFFFFFFFFFF"
DEEP, RERUN = "01KG9H1S00JJJJJJJJJJJJJJJJ", "01KG9H1S00KKKKKKKKKKKKKKKK"
SPACE, CHAINED, PART = (f"01KG9H1S00{letter * 16}" for letter in "MNP")
TICKED, TICK = "01KG9H1S00VVVVVVVVVVVVVVVV", "01KG9H1S00WWWWWWWWWWWWWWWW"
TOLD, HOURLY = "01KG9H1S00XXXXXXXXXXXXXXXX", "01KG9H1S00YYYYYYYYYYYYYYYY"
TASK, TRIAL = "01KG9H1S00GGGGGGGGGGGGGGGG", "01KG9H1S00HHHHHHHHHHHHHHHH"
WHOLE, SWEPT, POINT = (f"01KG9H1S00{letter * 16}" for letter in "QST")
MANIFEST = Manifest("sales.ipynb", "sha256:" + "1" * 64, (), ParameterSchema(), "python3", "python")
KERNEL = {"name": "python3", "language": "python", "display_name": "Python", "argv": ["python"], "env": {}}
REASON = {"code": "cell_error", "message": "KeyError: 'amount'", "detail": {"cell": 3}}
FILES = [{"kind": "log", "path": "log.txt", "digest": "sha256:" + "2" * 64, "size": 4}]

# These rows are written by hand, as the programs of those revisions wrote them. The code of today may write others.
RESOURCES = {"cpus": 2.0, "memory_bytes": 4 * 2**30, "pids": 100, "gpus": 1}
GPU = {
    "executor": "docker",
    "description": "With a card",
    "docker": {"host": "ssh://gpu", "user": "1001:1001", "warm": 2},
    "limits": {"resources": RESOURCES, "timeout_s": 3600.0, "concurrency": 4},
    "images": ["lean"],
    "default_image": "lean",
    "network": False,
    "mounts": [{"source": "/srv/data", "target": "/data", "read_only": True}],
    "locked": ["resources"],
    "guarded": True,
}
RUN_IMAGE = {"name": "lean", "reference": "lean:1", "digest": "lean@sha256:" + "5" * 64, "id": "sha256:" + "6" * 64}
PINNED = {"id": "sha256:" + "6" * 64, "repo_digest": "lean@sha256:" + "5" * 64, "platform": "linux/amd64"}
PINNED |= {"user": "1000", "size_bytes": 1000}
LEAN = {
    "reference": "lean:1",
    "pinned": PINNED,
    "added_at": "2026-01-31T08:00:00+00:00",
    "added_by": "ann",
    "description": "Little",
    "tags": ["small"],
    "is_default": True,
    "root_allowed": False,
    "deprecated": {"on": "2026-12-31", "successor": "full", "message": "Old"},
    "probe": {
        "probed_at": "2026-01-31T08:00:00+00:00",
        "python": "3.11.2",
        "executable": "/bin/python3",
        "papermill": "2.6.0",
        "kernels": [{**KERNEL, "interrupt_mode": "signal"}],
        "packages": {"pip": "24.0"},
        "user": "1000:1000",
        "problems": [],
        "cuda": None,
        "tools": {"pip": "/bin/pip"},
    },
    "host": None,
    "base": None,
    "earlier": [
        {"pinned": PINNED, "reference": "lean:0", "until": "2026-01-30T08:00:00+00:00", "by": "bob"},
    ],
}
SETTINGS = {"priority": 3, "max_retries": 2, "retry_on_timeout": True, "queue_timeout_s": 60.0}
SETTINGS |= {"start_timeout_s": 30.0, "timeout_s": 600.0, "total_timeout_s": 3600.0}


FINDING = {"code": "missing_file", "severity": "warning", "message": 'It holds "mend": so.', "mend": "Put it there."}

HOURLY_SETTINGS = {
    "rule": {"kind": "cron", "expression": "0 * * * *"},
    "timezone": "UTC",
    **dict.fromkeys(("starts_at", "ends_at", "calendar", "pause_on_failure", "due")),
    **{"jitter_s": 0.0, "on_holiday": "run", "parameters": {}, "dates": {}, "presets": [], "overlap": "skip"},
    **{"misfire": "latest", "catchup_window_s": 86400.0},
}

SWEEP = {"values": {"n": [1, 2]}, "concurrency": 1, "max_failures": {"count": None, "percent": None}}


def job(job_id: str, name: str, **more: Any) -> tuple[str, dict[str, Any]]:
    row = {"id": job_id, "project": "default", "name": name, "source": f"/n/{name}.ipynb"}
    return "jobs", {**row, "created_at": NOW, "created_by": "ann", **more}


def version(job_id: str) -> tuple[str, dict[str, Any]]:
    row = {"job_id": job_id, "digest": MANIFEST.digest, "number": 1, "manifest": MANIFEST.to_json(), "origin": {}}
    return "versions", {**row, "created_at": NOW, "created_by": "ann"}


def run(run_id: str, job_id: str, **more: Any) -> tuple[str, dict[str, Any]]:
    row = {"id": run_id, "project": "default", "job_id": job_id, "version_digest": MANIFEST.digest, "parameters": {}}
    row |= {"kernel": KERNEL, "trigger": "manual", "created_at": NOW, "created_by": "ann", "nothing_to_do": False}
    return "runs", {**row, "origin": {}, "findings": [], **more}


ROWS: dict[str, list[tuple[str, dict[str, Any]]]] = {
    "0001": [
        job(JOB, "sales"),
        version(JOB),
        run(
            RUN,
            JOB,
            state="failed",
            environment="sandbox",
            parameters={"n": 1},
            key="monday",
            finished_at=NOW,
            reason=REASON,
            findings=[FINDING],
        ),
        (
            "attempts",
            {"run_id": RUN, "number": 1, "state": "failed", "token": 1, "created_at": NOW, "reason": REASON}
            | {"cells_done": 2, "cells_total": 3},
        ),
        (
            "records",
            {"run_id": RUN, "attempt": 1, "digest": "sha256:" + "3" * 64, "files": FILES, "values": {"auc": 0.9}}
            | {"stored_at": NOW},
        ),
        ("reports", {"run_id": RUN, "variant": "with_code", "digest": "sha256:" + "4" * 64}),
        ("events", {"run_id": RUN, "at": NOW, "kind": "run.queued", "data": {}}),
        ("events", {"run_id": RUN, "at": NOW, "kind": "run.failed", "data": {"by": "x"}}),
        (
            "leases",
            {"name": "engine", "token": 7, "since": NOW, "expires": 0.0, "slots": 2}
            | {"process": {"pid": 1, "started": 1.0, "boot": "b"}},
        ),
    ],
    "0002": [
        ("environments", {"name": "gpu", "position": 2, "definition": GPU, "revision": 5} | CHANGED),
        job(CHURN, "churn"),
        version(CHURN),
        run(
            ON_IMAGE,
            CHURN,
            state="succeeded",
            environment="gpu",
            finished_at=NOW,
            image=RUN_IMAGE,
            resources=RESOURCES,
            unpromoted=True,
        ),
        (
            "attempts",
            {"run_id": ON_IMAGE, "number": 1, "state": "succeeded", "token": 2, "created_at": NOW}
            | {"cells_done": 3, "cells_total": 3, "backend": "docker+ssh://gpu"},
        ),
    ],
    "0003": [
        ("last_starts", {"person": "ann", "started_at": NOW}),
        ("projects", {"name": "team", "concurrency": 3}),
        job(RATES, "rates", **SETTINGS, concurrency=1, revision=4),
        version(RATES),
        run(
            QUEUED,
            RATES,
            state="queued",
            environment="sandbox",
            turn=7.0,
            created_boot="b",
            created_tick=5.0,
            **SETTINGS,
        ),
    ],
    "0004": [
        ("variables", {"environment": "sandbox", "name": "REGION", "value": "eu"} | CHANGED),
        ("secrets", {"scope": "environment/sandbox", "name": "GONE", "version": 1} | CHANGED),
        (
            "secrets",
            {"scope": "environment/sandbox", "name": "TOKEN", "version": 2, "key_id": "key-1"}
            | {"wrapped": b"\x00\xff", "data": b"sealed"}
            | CHANGED,
        ),
    ],
    "0005": [
        ("images", {"name": "lean", "definition": LEAN, "revision": 3} | CHANGED),
        (
            "image_tasks",
            {"id": TASK, "kind": "add", "image": "lean", "state": "failed", "created_at": NOW, "created_by": "ann"}
            | {"process": {"pid": 1, "started": 1.0, "boot": "b"}, "finished_at": NOW, "error": {"code": "x"}}
            | {"log": "so far"},
        ),
        (
            "image_trials",
            {"id": TRIAL, "image": RUN_IMAGE, "created_at": NOW, "created_by": "ann"}
            | {"runs": [[RUN, ON_IMAGE]], "refused": [[QUEUED, "It has no record."]]},
        ),
    ],
    "0006": [
        job(DEEP, "deep", source="/n/of/deep.ipynb", created_by="cid"),
        version(DEEP),
        run(
            RERUN,
            DEEP,
            state="cancelled",
            environment="sandbox",
            finished_at=NOW,
            cancel_requested_at=NOW,
            cancel_requested_by="dora",
            kept_at=NOW,
            kept_by="eve",
            **{"trigger": "rerun", "rerun_of": ON_IMAGE},
        ),
        ("events", {"run_id": RERUN, "at": NOW, "kind": "run.kept", "data": {"by": "eve"}}),
        ("events", {"run_id": TASK, "at": NOW, "kind": "run.deleted", "data": {"by": "retention"}}),
        ("retention_rules", {"environment": "", "state": "failed", "days": 30} | CHANGED),
        ("chores", {"name": "retention", "done_at": NOW}),
    ],
    "0007": [
        ("workspaces", {"id": SPACE, "project": "default", "name": "lab", "created_at": NOW, "created_by": "ann"}),
        ("workspace_roots", {"host": "", "root": "/lab", "workspace_id": SPACE, "seen_at": NOW}),
        (
            "jobs",
            {"id": CHAINED, "project": "default", "name": "chained", "workspace_id": SPACE, "path": "chained.ipynb"}
            | {"created_at": NOW, "created_by": "ann"},
        ),
        version(CHAINED),
        (
            "runs",
            {"id": PART, "project": "default", "job_id": CHAINED, "version_digest": MANIFEST.digest, "parameters": {}}
            | {"kernel": KERNEL, "trigger_kind": "manual", "created_at": NOW, "created_by": "ann", "state": "queued"}
            | {"environment": "sandbox", "nothing_to_do": False, "origin": {}, "findings": [], "turn": 9.0}
            | {"timeout_s": 60.0, "revision": 3, "finished_at": NOW},
        ),
    ],
    "0008": [
        (
            "runs",
            {"id": WHOLE, "project": "default", "job_id": CHAINED, "version_digest": MANIFEST.digest, "parameters": {}}
            | {"trigger_kind": "manual", "created_at": NOW, "created_by": "ann", "state": "active", "kind": "pipeline"}
            | {"environment": "sandbox", "nothing_to_do": False, "origin": {}, "findings": []},
        ),
        ("pipeline_runs", {"run_id": WHOLE, "inherited": {}}),
        (
            "pipeline_steps",
            {"run_id": WHOLE, "step_id": "train", "position": 0, "job_id": CHAINED, "version_digest": MANIFEST.digest}
            | {"state": "running", "items": [["North", "North"]], "with_failures": False, "nothing_to_do": False}
            | {"comment": ""},
        ),
    ],
    "0011": [
        (
            "runs",
            {"id": SWEPT, "project": "default", "job_id": RATES, "version_digest": MANIFEST.digest, "parameters": {}}
            | {"trigger_kind": "manual", "created_at": NOW, "created_by": "ann", "state": "succeeded", "kind": "sweep"}
            | {"environment": "sandbox", "nothing_to_do": False, "origin": {}, "findings": [], "finished_at": NOW},
        ),
        ("pipeline_runs", {"run_id": SWEPT, "inherited": {}, "points": 2, "sweep": SWEEP}),
    ],
    "0010": [
        (
            "pipeline_steps",
            {"run_id": SWEPT, "step_id": "sweep-point", "position": 0, "job_id": RATES, "state": "succeeded"}
            | {"version_digest": MANIFEST.digest, "items": [["1", 1]], "with_failures": False, "nothing_to_do": False}
            | {"started_at": NOW, "finished_at": NOW, "comment": ""},
        ),
        (
            "runs",
            {"id": POINT, "project": "default", "job_id": RATES, "version_digest": MANIFEST.digest, "parameters": {}}
            | {"kernel": KERNEL, "trigger_kind": "step", "created_at": NOW, "created_by": "ann", "state": "succeeded"}
            | {"environment": "sandbox", "nothing_to_do": False, "origin": {}, "findings": []}
            | {"parent_id": SWEPT, "parent_key": "sweep-point/1", "parent_step": "sweep-point"},
        ),
    ],
    "0012": [
        (
            "runs",
            {"id": TICKED, "project": "default", "job_id": RATES, "version_digest": MANIFEST.digest, "parameters": {}}
            | {"trigger_kind": "schedule", "created_at": NOW, "created_by": "ann", "state": "succeeded"}
            | {"environment": "sandbox", "nothing_to_do": False, "origin": {}, "findings": [], "finished_at": NOW}
            | {"tick_id": TICK, "nominal_at": NOW, "kernel": KERNEL, "fingerprint": MANIFEST.digest},
        ),
    ],
    "0009": [
        (
            "outbox",
            {"id": TOLD, "kind": "failure", "subject_kind": "schedule", "subject_id": TICK, "payload": {"owner": "ann"}}
            | {"created_at": NOW, "not_before": NOW, "attempts": 1, "delivered_at": NOW},
        ),
    ],
    "0013": [
        (
            "deliveries",
            {"id": TOLD, "message_id": TOLD, "kind": "failure", "subject_kind": "schedule", "subject_id": TICK}
            | {"channel": "slack", "recipient": "ops", "lane": "slack:ops", "state": "waiting", "attempts": 0}
            | {"created_at": NOW, "not_before": NOW},
        ),
    ],
    "0014": [
        (
            "schedules",
            {"id": HOURLY, "project": "default", "name": "hourly", "job_id": RATES, "version_digest": MANIFEST.digest}
            | {"environment": "sandbox", "settings": HOURLY_SETTINGS, "rule_kind": "cron", "owner": "ann"}
            | {
                "created_at": NOW,
                "created_by": "ann",
                **CHANGED,
                "decided_until": NOW,
                "paused_at": NOW,
                "paused_by": "ann",
            },
        ),
        (
            "ticks",
            {"id": TICK, "schedule_id": HOURLY, "nominal": NOW, "preset": "", "cause": "", "kind": "time"}
            | {"state": "ran", "run_id": TICKED, "payload": {}, "decided_at": NOW},
        ),
    ],
}


def upgraded(connection: Connection, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrate.__file__).with_name("migrations")))
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


def filled(connection: Connection, revision: str) -> None:
    """Fill a database with what a program of that revision left."""
    for earlier in EARLIER[: EARLIER.index(revision) + 1]:
        upgraded(connection, earlier)
        for table, row in ROWS.get(earlier, []):
            as_text = {
                name: json.dumps(value) if isinstance(value, (dict, list)) else value for name, value in row.items()
            }
            places = ", ".join(f":{name}" for name in row)
            names = ", ".join(f'"{name}"' for name in row)
            connection.execute(text(f"INSERT INTO {table} ({names}) VALUES ({places})"), as_text)
    connection.commit()


def everything_is_readable(url: str, revision: str) -> None:
    with closing(open_store(url)) as store:
        for earlier in EARLIER[: EARLIER.index(revision) + 1]:
            with store.read() as tx:
                IS_READABLE[earlier](tx)
        with store.read() as tx:
            job, run = tx.jobs.get(JOB), tx.runs.get(RUN)
            assert (job.name, run.created_by, run.parameters, run.key) == ("sales", person("ann"), {"n": 1}, "monday")
            assert (run.state, run.reason) == (RunState.FAILED, Reason(**REASON))
            [finding] = run.findings
            assert (finding.message, finding.hint) == ('It holds "mend": so.', "Put it there.")
            assert tx.versions.get(JOB, MANIFEST.digest).manifest == MANIFEST
            [attempt] = tx.attempts.list_for_run(RUN)
            assert (attempt.progress.done, attempt.reason, attempt.backend) == (2, Reason(**REASON), Backend())
            record = tx.records.find_for_run(RUN)
            assert (record.values, record.files[0].path, record.integrity_errors) == ({"auc": 0.9}, "log.txt", {})
            assert tx.records.find_report(RUN, "with_code") == "sha256:" + "4" * 64
            assert [event.kind for event in tx.events.list_after(0, subject=run_subject(RUN))] == [
                "run.queued",
                "run.failed",
            ]
            assert tx.leases.get("engine").token == 7
            assert run.settings == RunSettings()
            assert (run.image, run.resources, run.bypassed_promotion, run.kept_at) == (None, Resources(), False, None)
            assert job.settings == GivenSettings()
            assert {environment.name for environment in tx.environments.all()} >= {"sandbox", "production"}
            assert tx.projects.get("default").concurrency is None
            for search in (RunFilter(text="amount"), RunFilter(text="sales"), RunFilter(states=(RunState.FAILED,))):
                assert [summary.id for summary in tx.runs.page(search, limit=5).items] == [RUN]
            assert len(set(tx.blob_digests())) == 3
        with store.begin() as tx:
            before = tx.events.last_seq()
            assert tx.runs.delete([RUN], at=run.created_at, by=person("ann")) == [RUN]
            assert tx.events.last_seq() == before + 1
            assert tx.events.list_after(before)[0].actor == person("ann")


def what_0001_brought(_: SqlTransaction) -> None:
    """Check nothing: each later revision has these rows too, and `everything_is_readable` looks at them."""


def what_0002_brought(tx: SqlTransaction) -> None:
    assert [environment.name for environment in tx.environments.all()] == ["sandbox", "production", "gpu"]
    gpu, resources = tx.environments.get("gpu"), Resources(2.0, 4 * 2**30, 100, 1)
    assert gpu == Environment(
        "gpu",
        2,
        ExecutorKind.DOCKER,
        "With a card",
        DockerSettings("ssh://gpu", "1001:1001", 2),
        RunLimits(resources, 3600.0, 4),
        ("lean",),
        "lean",
        network=False,
        mounts=(Mount("/srv/data", "/data"),),
        locked=("resources",),
        guarded=True,
    )
    assert (gpu.revision, gpu.changed_at, gpu.changed_by) == (5, AT, person("ann"))
    run = tx.runs.get(ON_IMAGE)
    assert (run.environment, run.image, run.resources) == ("gpu", RunImage(**RUN_IMAGE), resources)
    assert run.bypassed_promotion
    assert [attempt.backend for attempt in tx.attempts.list_for_run(ON_IMAGE)] == [
        Backend(ExecutorKind.DOCKER, "ssh://gpu")
    ]


def what_0003_brought(tx: SqlTransaction) -> None:
    job, run = tx.jobs.get(RATES), tx.runs.get(QUEUED)
    assert (job.settings, job.concurrency, job.revision) == (GivenSettings(**SETTINGS), 1, 4)
    assert run.settings == RunSettings(**SETTINGS)
    assert (run.created_boot, run.created_tick) == ("b", 5.0)
    assert [(place.id, place.turn, place.priority) for place in tx.queue.list_queued() if place.id == QUEUED] == [
        (QUEUED, 7.0, 3)
    ]
    assert tx.queue.last_starts() == {"ann": AT}
    assert tx.queue.concurrency_limits(2).jobs == {RATES: 1}
    assert tx.projects.get("team").concurrency == 3


def what_0004_brought(tx: SqlTransaction) -> None:
    assert tx.variables.list_for_environment("sandbox") == [Variable("sandbox", "REGION", "eu", AT, person("ann"))]
    assert tx.secrets.list_in_scope("environment/sandbox") == [
        Secret("environment/sandbox", "GONE", 1, AT, person("ann"), None),
        Secret("environment/sandbox", "TOKEN", 2, AT, person("ann"), Sealed("key-1", b"\x00\xff", b"sealed")),
    ]


def what_0005_brought(tx: SqlTransaction) -> None:
    lean, pinned = tx.images.get("lean"), PinnedImage(**PINNED)
    assert (lean.reference, lean.pinned, lean.added_at, lean.added_by) == ("lean:1", pinned, AT, person("ann"))
    assert (lean.description, lean.tags, lean.is_default, lean.root_allowed) == ("Little", ("small",), True, False)
    assert lean.deprecated == Deprecation(dt.date(2026, 12, 31), "full", "Old")
    assert lean.earlier == (EarlierPin(pinned, "lean:0", AT - dt.timedelta(days=1), person("bob")),)
    assert (lean.probe.probed_at, lean.probe.packages, lean.probe.tools) == (AT, {"pip": "24.0"}, {"pip": "/bin/pip"})
    assert [kernel.argv for kernel in lean.probe.kernels] == [("python",)]
    assert lean.revision == 3
    [task] = tx.images.list_tasks(limit=5)
    assert (task.id, task.state, task.error, task.process.boot) == (TASK, ImageTaskState.FAILED, {"code": "x"}, "b")
    assert tx.images.read_log(TASK) == "so far"
    trial = tx.images.get_trial(TRIAL)
    assert (trial.image, trial.runs) == (RunImage(**RUN_IMAGE), ((RUN, ON_IMAGE),))
    assert trial.refused == ((QUEUED, "It has no record."),)


def what_0006_brought(tx: SqlTransaction) -> None:
    deep, run = tx.jobs.get(DEEP), tx.runs.get(RERUN)
    assert (deep.source, deep.path, tx.jobs.get(JOB).path) == ("/n/of/deep.ipynb", "deep.ipynb", "sales.ipynb")
    assert (run.trigger, run.kept_by, run.revision) == (Trigger(TriggerKind.RERUN, ON_IMAGE), person("eve"), 1)
    assert tx.runs.cancel_requests([RERUN])[RERUN].by.id == "dora"
    kept, deleted = tx.events.list_after(2)
    assert (kept.subject, kept.actor, kept.revision) == (run_subject(RERUN), person("eve"), None)
    assert (deleted.subject, deleted.actor) == (run_subject(TASK), RETENTION)
    assert tx.retention.rules() == [RetentionRule(state=RunState.FAILED, days=30)]
    assert tx.retention.task_done_at("retention") == AT


def what_0007_brought(tx: SqlTransaction) -> None:
    job, run = tx.jobs.get(CHAINED), tx.runs.get(PART)
    assert (job.source, run.revision, run.settings.timeout_s) == ("/lab/chained.ipynb", 3, 60.0)
    assert (run.variables, run.with_failures, run.parent_id) == ({}, False, None)
    assert PART in [queued.id for queued in tx.queue.list_queued()]
    assert PART in [summary.id for summary in tx.runs.page(RunFilter(environment="sandbox"), limit=9).items]


def what_0008_brought(tx: SqlTransaction) -> None:
    progress = tx.pipelines.get_progress(WHOLE)
    assert progress.statuses["train"].items == (Item("North", "North"),)
    assert progress.sweep is None
    assert tx.pipelines.list_unfinished() == [WHOLE]
    assert [summary.id for summary in tx.runs.page(RunFilter(job_id=CHAINED), limit=9).items] == [WHOLE, PART]


def what_0011_brought(tx: SqlTransaction) -> None:
    swept = tx.pipelines.get_progress(SWEPT).sweep
    assert swept is not None
    assert (swept.values, swept.concurrency) == ({"n": (1, 2)}, 1)
    run = tx.runs.get(SWEPT)
    assert (run.tick_id, run.nominal_at) == (None, None)
    assert (tx.schedules.count_active(), tx.calendars.all(), tx.outbox.next_at()) == (0, [], None)


def what_0010_brought(tx: SqlTransaction) -> None:
    assert not tx.pipelines.get_progress(SWEPT).reuse
    # Nobody knows with which variables it ran, so it is never used again.
    assert tx.runs.get(POINT).fingerprint is None
    assert tx.pipelines.list_cells([SWEPT])[SWEPT]["sweep-point"].started_at is not None


def what_0012_brought(tx: SqlTransaction) -> None:
    run = tx.runs.get(TICKED)
    assert (run.tick_id, run.nominal_at, run.fingerprint) == (TICK, AT, MANIFEST.digest)
    # Runs of before publish nothing, and have published nothing.
    assert (run.publish, tx.publications.list_pending()) == (False, [])
    assert tx.publications.list_for_run(RUN) == []


def what_0009_brought(tx: SqlTransaction) -> None:
    [message] = tx.outbox.list_newest(limit=5)
    assert (message.id, message.kind, message.payload) == (TOLD, MessageKind.FAILURE, {"owner": "ann"})
    assert message.delivered_at == AT


def what_0013_brought(tx: SqlTransaction) -> None:
    [delivery] = tx.deliveries.page(DeliveryFilter(message_id=TOLD), limit=5).items
    assert (delivery.recipient.to, delivery.state) == ("ops", DeliveryState.WAITING)
    assert (tx.subscriptions.list_of("ann"), tx.people.get_many(["ann"]), tx.held.next_at()) == ([], {}, None)


def what_0014_brought(tx: SqlTransaction) -> None:
    hourly = tx.schedules.get("hourly")
    assert (hourly.id, hourly.hook_id, hourly.owner) == (HOURLY, None, person("ann"))
    assert hourly.pause == Pause(AT, person("ann"))
    assert (tx.ticks.get(TICK).run_id, tx.schedules.find_by_hook("")) == (TICKED, None)


def what_0016_brought(tx: SqlTransaction) -> None:
    [start] = tx.audit.iterate(AuditFilter())
    assert (start.seq, start.verb, list(Checker().check([start]))) == (1, "start", [])
    assert tx.audit.is_guarded()


IS_READABLE = {
    "0001": what_0001_brought,
    "0002": what_0002_brought,
    "0003": what_0003_brought,
    "0004": what_0004_brought,
    "0005": what_0005_brought,
    "0006": what_0006_brought,
    "0007": what_0007_brought,
    "0008": what_0008_brought,
    "0011": what_0011_brought,
    "0010": what_0010_brought,
    "0012": what_0012_brought,
    "0009": what_0009_brought,
    "0013": what_0013_brought,
    "0014": what_0014_brought,
    "0016": what_0016_brought,
}
"""The checks by revision. A new revision adds one here, and its rows to `ROWS`."""

_SCRIPTS = ScriptDirectory(str(Path(migrate.__file__).with_name("migrations")))
EARLIER = [script.revision for script in _SCRIPTS.walk_revisions()][:0:-1]


def test_jobs_of_one_folder_have_one_workspace_and_those_of_another_another(empty, connection):
    filled(connection, "0006")
    connection.close()
    with closing(open_store(empty)) as store, store.read() as tx:
        sales, churn, deep = (tx.jobs.get(job_id).workspace_id for job_id in (JOB, CHURN, DEEP))
        assert sales == churn != deep
        assert find_job(tx, Location("/n/of", "deep.ipynb")).job.id == DEEP
        assert find_job(tx, Location("/n", "of/deep.ipynb", "host/repository")).job.id == DEEP
        new = find_job(tx, Location("/n", "deep.ipynb"))
        assert (new.job, new.workspace.id) == (None, sales)


def test_jobs_of_one_work_tree_have_one_workspace(empty, connection, tmp_path):
    (tmp_path / "repository" / ".git").mkdir(parents=True)
    (tmp_path / "repository" / ".git" / "HEAD").write_text("ref: refs/heads/main\n")
    filled(connection, "0006")
    connection.execute(
        text("UPDATE jobs SET source = :folder || substr(source, 4)"), {"folder": f"{tmp_path}/repository/"}
    )
    connection.commit()
    connection.close()
    with closing(open_store(empty)) as store, store.read() as tx:
        sales, deep = tx.jobs.get(JOB), tx.jobs.get(DEEP)
        assert sales.workspace_id == deep.workspace_id
        assert (deep.path, deep.source) == ("of/deep.ipynb", f"{tmp_path}/repository/of/deep.ipynb")


def test_everybody_who_is_named_in_a_database_is_a_person_of_that_name(empty, connection):
    filled(connection, "0006")
    open_store(empty).close()
    actors = connection.execute(text("SELECT id, name, kind FROM actors ORDER BY id")).all()
    assert actors == [(name, name, "person") for name in ("ann", "cid", "dora", "eve")]


def test_a_copy_of_the_database_is_kept_before_it_is_upgraded(tmp_path):
    url = f"sqlite:///{tmp_path}/x.sqlite"
    engine = create_engine(url)
    with engine.connect() as connection:
        filled(connection, "0006")
    engine.dispose()
    open_store(url).close()
    open_store(url).close()
    assert sorted(path.name for path in tmp_path.glob("*.sqlite*")) == ["x.sqlite", "x.sqlite.revision-0006"]
    with closing(sqlite3.connect(tmp_path / "x.sqlite.revision-0006")) as kept:
        assert kept.execute("SELECT version_num FROM alembic_version").fetchone() == ("0006",)
        assert kept.execute("SELECT source FROM jobs WHERE id = ?", [DEEP]).fetchone() == ("/n/of/deep.ipynb",)


def test_of_a_new_database_no_copy_is_kept(tmp_path):
    open_store(f"sqlite:///{tmp_path}/x.sqlite").close()
    assert [path.name for path in tmp_path.iterdir()] == ["x.sqlite"]


@pytest.mark.parametrize("revision", EARLIER)
def test_everything_of_an_earlier_revision_is_readable(empty, connection, revision):
    filled(connection, revision)
    connection.close()
    everything_is_readable(empty, revision)


def test_the_upgraded_tables_are_those_of_a_new_database(empty, connection):
    filled(connection, "0001")
    open_store(empty).close()
    assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    if connection.dialect.name == "sqlite":
        # The number of a trimmed event must not be given again.
        assert "AUTOINCREMENT" in connection.scalar(text("SELECT sql FROM sqlite_master WHERE name = 'events'"))


KILLED = """
import os, signal, sys
from alembic.runtime.migration import HeadMaintainer
from dataops_lab.store import open_store
from dataops_lab.store.revision import NEWEST
go_on = HeadMaintainer.update_to_step
def killed(heads, step):
    go_on(heads, step)
    if NEWEST in heads.heads:
        os.kill(os.getpid(), signal.SIGKILL)
HeadMaintainer.update_to_step = killed
open_store(sys.argv[1])
"""


@pytest.mark.parametrize("revision", EARLIER[:1] + EARLIER[-1:])
def test_a_program_killed_in_the_midst_of_a_migration_leaves_what_was_there(empty, connection, revision):
    filled(connection, revision)
    rows = connection.scalar(text("SELECT count(*) FROM runs"))
    connection.close()
    killed = subprocess.run([sys.executable, "-c", KILLED, empty], check=False, timeout=120)
    assert killed.returncode == -signal.SIGKILL
    engine = create_engine(empty)
    with engine.connect() as again:
        assert again.scalar(text("SELECT version_num FROM alembic_version")) == revision
        assert again.scalar(text("SELECT count(*) FROM runs")) == rows
    engine.dispose()
    everything_is_readable(empty, revision)


def test_a_migration_killed_half_way_leaves_nothing_and_is_done_the_next_time(empty, connection, monkeypatch):
    def killed(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(op, "create_index", killed)
    with pytest.raises(KeyboardInterrupt):
        open_store(empty)
    monkeypatch.undo()
    assert inspect(connection).get_table_names() == []
    connection.rollback()
    with closing(open_store(empty)) as store, store.read() as tx:
        assert tx.runs.count_by_state() == {}
