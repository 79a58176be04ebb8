"""The one description of the tables. The migrations lead to it, and a test compares both."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    DateTime,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

from ..domain.actors import Actor
from ..domain.queue import QueuedRun
from ..domain.workspaces import MAX_REMOTE_LENGTH
from .filters import NO_POINT


class Instant(TypeDecorator[dt.datetime]):
    """Aware UTC in Python, naive UTC in the database: SQLite keeps no zone."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: dt.datetime | None, _dialect: Dialect) -> dt.datetime | None:
        return value.astimezone(dt.UTC).replace(tzinfo=None) if value else None

    def process_result_value(self, value: Any, _dialect: Dialect) -> dt.datetime | None:
        return value.replace(tzinfo=dt.UTC) if value else None


class ActorId(TypeDecorator[Any]):
    """The id of an actor. It takes an actor or an id, and gives the id."""

    impl = String(200)
    cache_ok = True

    def process_bind_param(self, value: Any, _dialect: Dialect) -> str | None:
        return value.id if isinstance(value, Actor) else value


class _JsonText(TypeDecorator[Any]):
    """JSON that is stored as text."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, _dialect: Dialect) -> str:
        return json.dumps(value)

    def process_result_value(self, value: Any, _dialect: Dialect) -> Any:
        return json.loads(value)


# Values may hold NaN and infinities: people give them as parameters, and PostgreSQL's own JSON refuses them.
_Values = JSON().with_variant(_JsonText(), "postgresql")

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_N_label)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# SQLite counts up only an INTEGER primary key; PostgreSQL's INTEGER would run out.
_Sequence = BigInteger().with_variant(Integer, "sqlite")


def _settings(**defaults: str | ColumnElement[Any]) -> list[Column[Any]]:
    """Make the columns of RunSettings or GivenSettings. A column without a default here may be empty."""
    kinds = {"priority": Integer, "max_retries": Integer, "retry_on_timeout": Boolean}
    clocks = dict.fromkeys(("queue_timeout_s", "start_timeout_s", "timeout_s", "total_timeout_s"), Float)
    return [
        Column(name, kind, nullable=name not in defaults, server_default=defaults.get(name))
        for name, kind in {**kinds, **clocks}.items()
    ]


def _revision() -> Column[int]:
    """Make the column that counts the changes of a row, from 1."""
    return Column("revision", Integer, nullable=False, server_default="1")


actors = Table(
    "actors",
    metadata,
    # Every `*_by` column holds one of these ids. It is not a foreign key: when an actor is forgotten, their acts stay.
    Column("id", String(200), primary_key=True),
    Column("name", String(200), nullable=False),
    Column("kind", String(20), nullable=False),
    Column("first_seen_at", Instant, nullable=False),
    Column("last_seen_at", Instant, nullable=False),
)

projects = Table(
    "projects",
    metadata,
    Column("name", String(100), primary_key=True),
    Column("concurrency", Integer),
    _revision(),
)

workspaces = Table(
    "workspaces",
    metadata,
    Column("id", String(26), primary_key=True),
    Column("project", String(100), nullable=False),
    Column("name", String(200), nullable=False),
    # The address that git fetches from, in one spelling and without credentials.
    Column("remote", String(MAX_REMOTE_LENGTH), index=True),
    Column("created_at", Instant, nullable=False),
    Column("created_by", ActorId, nullable=False),
    _revision(),
)

workspace_roots = Table(
    "workspace_roots",
    metadata,
    # Empty, which means all machines, where an earlier version wrote it that did not tell machines apart.
    Column("host", String(64), primary_key=True),
    Column("root", String(4096), primary_key=True),
    Column("workspace_id", ForeignKey("workspaces.id"), nullable=False, index=True),
    Column("seen_at", Instant, nullable=False),
)

jobs = Table(
    "jobs",
    metadata,
    Column("id", String(26), primary_key=True),
    Column("project", String(100), nullable=False),
    Column("name", String(200), nullable=False),
    Column("kind", String(20), nullable=False, server_default="notebook"),
    Column("workspace_id", ForeignKey("workspaces.id"), nullable=False),
    # The path from the root of the workspace, with slashes.
    Column("path", String(4096), nullable=False),
    # The patterns of data files that stay as they were when the version was made.
    Column("pinned", JSON, nullable=False, server_default="[]"),
    Column("created_at", Instant, nullable=False),
    Column("created_by", ActorId, nullable=False),
    *_settings(),
    Column("concurrency", Integer),
    _revision(),
    UniqueConstraint("project", "workspace_id", "path"),
)

versions = Table(
    "versions",
    metadata,
    Column("job_id", ForeignKey("jobs.id"), primary_key=True),
    Column("digest", String(71), primary_key=True),
    Column("number", Integer, nullable=False),
    Column("manifest", JSON, nullable=False),
    Column("origin", JSON, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("created_by", ActorId, nullable=False),
    UniqueConstraint("job_id", "number"),
)

PARENT_KEY_LENGTH = 500
STEP_LENGTH = 60

# The data files that runs took fresh. Runs that took the same files share a row: a list of thousands of files may have
# many megabytes.
inputs = Table(
    "inputs",
    metadata,
    Column("digest", String(71), primary_key=True),
    Column("content", JSON, nullable=False),
)

REASON_EXCERPT_LENGTH = 500
"""The most characters of `said`, because an index of PostgreSQL holds at most 2,700 bytes of a row."""

runs = Table(
    "runs",
    metadata,
    # Ids are ULIDs: the order by id is the order by time, so every list is one index walk.
    Column("id", String(26), primary_key=True),
    Column("project", String(100), nullable=False),
    Column("job_id", ForeignKey("jobs.id"), nullable=False),
    Column("version_digest", String(71), nullable=False),
    Column("environment", String(100), nullable=False),
    Column("kind", String(20), nullable=False, server_default="notebook"),
    Column("state", String(20), nullable=False),
    Column("parameters", _Values, nullable=False),
    # Empty for a run that starts no kernel of its own, such as a pipeline.
    Column("kernel", JSON(none_as_null=True)),
    Column("trigger_kind", String(20), nullable=False),
    Column("trigger_ref", String(200)),
    # The tick that asked for it. Its retries and reruns keep it, and the nominal time.
    Column("tick_id", String(26)),
    Column("nominal_at", Instant),
    Column("parent_id", String(26)),
    Column("parent_key", String(PARENT_KEY_LENGTH)),
    # The step that `parent_key` begins with.
    Column("parent_step", String(STEP_LENGTH)),
    Column("inputs_digest", String(71), index=True),
    *_settings(
        priority="0",
        max_retries="0",
        retry_on_timeout=false(),
        queue_timeout_s="86400",
        start_timeout_s="600",
        total_timeout_s="259200",
    ),
    # The value of `compute_turn`.
    Column("turn", Float, nullable=False, server_default="0"),
    Column("key", String(200)),
    Column("request_digest", String(71)),
    Column("created_at", Instant, nullable=False),
    Column("created_boot", String(40)),
    Column("created_tick", Float),
    Column("created_by", ActorId, nullable=False),
    Column("started_at", Instant),
    Column("finished_at", Instant),
    Column("cancel_requested_at", Instant),
    Column("cancel_requested_by", ActorId),
    Column("reason", JSON(none_as_null=True)),
    Column("nothing_to_do", Boolean, nullable=False),
    Column("with_failures", Boolean, nullable=False, server_default=false()),
    Column("origin", JSON, nullable=False),
    Column("findings", JSON, nullable=False),
    Column("image", JSON(none_as_null=True)),
    Column("resources", JSON, nullable=False, server_default="{}"),
    Column("variables", JSON, nullable=False, server_default="{}"),
    Column("bypassed_promotion", Boolean, nullable=False, server_default=false()),
    Column("publish", Boolean, nullable=False, server_default=false()),
    Column("fingerprint", String(71)),
    Column("kept_at", Instant),
    Column("kept_by", ActorId),
    # The beginning of the reason's message, for the text search: an index of this alone is quick to walk.
    Column("said", String(REASON_EXCERPT_LENGTH)),
    _revision(),
    ForeignKeyConstraint(["job_id", "version_digest"], ["versions.job_id", "versions.digest"]),
    UniqueConstraint("project", "key"),
    Index(None, "state", "id"),
    Index(None, "job_id", "version_digest"),
    Index(None, "parent_id", "parent_key", unique=True, info={"only": "parent_id IS NOT NULL"}),
    Index(None, "tick_id", "state", info={"only": "tick_id IS NOT NULL"}),
)
# `only`: the rows that the index holds, as the migration says. SQLAlchemy's own words would import both dialects.
# The index has all columns that the queue reads, in its order, because the queue is read again with every start. The
# state is among them, or SQLite takes another index.
_queue_columns = (runs.c[name] for name in ("state", *QueuedRun._fields, "kind"))
Index("ix_runs_queue", *_queue_columns, info={"only": "state = 'queued' AND kind <> 'pipeline'"})
# Lists leave out the runs of steps. A pipeline may have a thousand of them, so the walks must not pass them.
# The lists of a job have the runs of its steps, but not the points of its sweeps.
Index("ix_runs_job", runs.c.job_id, runs.c.id, info={"only": NO_POINT})
Index("ix_runs_job_state", runs.c.job_id, runs.c.state, runs.c.id, info={"only": NO_POINT})
_TOP = "parent_id IS NULL"
Index("ix_runs_top", runs.c.id, info={"only": _TOP})
Index("ix_runs_top_state", runs.c.state, runs.c.id, info={"only": _TOP})
Index("ix_runs_top_environment", runs.c.environment, runs.c.id, info={"only": _TOP})
Index("ix_runs_top_created_by", runs.c.created_by, runs.c.id, info={"only": _TOP})
Index("ix_runs_top_said", runs.c.id, runs.c.said, runs.c.parent_id, info={"only": f"{_TOP} AND said IS NOT NULL"})
# It has all columns that count the runs of the steps, and lists them.
_parts = (runs.c[name] for name in ("parent_id", "parent_step", "state", "id", "nothing_to_do"))
Index("ix_runs_parts", *_parts, info={"only": "parent_id IS NOT NULL"})

_fingerprint = (runs.c[name] for name in ("fingerprint", "state", "trigger_kind", "id"))
Index("ix_runs_fingerprint", *_fingerprint, info={"only": "fingerprint IS NOT NULL"})

pipeline_runs = Table(
    "pipeline_runs",
    metadata,
    Column("run_id", ForeignKey("runs.id"), primary_key=True),
    # The submitter's variables, which all steps on this machine get.
    Column("inherited", JSON, nullable=False),
    Column("timed_out_at", Instant),
    # A person asked that unchanged steps take over the results of earlier runs.
    Column("reuse", Boolean, nullable=False, server_default=false()),
    # The values of a sweep, and the number of its points.
    Column("sweep", _Values, nullable=False, server_default="null"),
    Column("points", Integer),
)

pipeline_steps = Table(
    "pipeline_steps",
    metadata,
    Column("run_id", ForeignKey("pipeline_runs.run_id"), primary_key=True),
    Column("step_id", String(STEP_LENGTH), primary_key=True),
    # The place in the pipeline's file.
    Column("position", Integer, nullable=False),
    # The version and the data of its runs. Retention keeps them, also while there is no run yet. Empty for approvals.
    Column("job_id", String(26)),
    Column("version_digest", String(71)),
    Column("inputs_digest", String(71), index=True),
    Column("plan", JSON(none_as_null=True)),
    Column("state", String(20), nullable=False),
    Column("reason", JSON(none_as_null=True)),
    # Pairs of key and value.
    Column("items", _Values, nullable=False),
    Column("with_failures", Boolean, nullable=False),
    Column("nothing_to_do", Boolean, nullable=False),
    Column("started_at", Instant),
    Column("finished_at", Instant),
    Column("due_at", Instant),
    Column("decided_at", Instant),
    Column("decided_by", ActorId),
    Column("comment", Text, nullable=False),
    Column("taken_from", String(26)),
    ForeignKeyConstraint(["job_id", "version_digest"], ["versions.job_id", "versions.digest"]),
    Index(None, "job_id", "version_digest"),
)

# It finds the newest successes of a step, whose durations tell how long the next one will take.
_successes = (pipeline_steps.c[name] for name in ("job_id", "step_id", "run_id"))
Index(
    "ix_pipeline_steps_succeeded",
    *_successes,
    info={"only": "state = 'succeeded' AND started_at IS NOT NULL"},
)

attempts = Table(
    "attempts",
    metadata,
    Column("run_id", ForeignKey("runs.id"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("state", String(20), nullable=False, index=True),
    Column("token", Integer, nullable=False),
    Column("backend", String(500), nullable=False, server_default="process"),
    Column("created_at", Instant, nullable=False),
    Column("started_at", Instant),
    Column("started_boot", String(40)),
    Column("started_tick", Float),
    Column("finished_at", Instant),
    Column("reason", JSON(none_as_null=True)),
    Column("cells_done", Integer, nullable=False),
    Column("cells_total", Integer, nullable=False),
    Column("cell_current", Integer),
    Column("peak_memory_bytes", BigInteger),
    Column("cpu_seconds", Float),
)

last_starts = Table(
    "last_starts",
    metadata,
    Column("person", String(200), primary_key=True),
    Column("started_at", Instant, nullable=False),
)

records = Table(
    "records",
    metadata,
    Column("run_id", String(26), primary_key=True),
    Column("attempt", Integer, primary_key=True),
    Column("digest", String(71), nullable=False),
    Column("files", JSON, nullable=False),
    Column("values", JSON, nullable=False),
    Column("stored_at", Instant, nullable=False),
    Column("integrity_errors", JSON(none_as_null=True)),
    ForeignKeyConstraint(["run_id", "attempt"], ["attempts.run_id", "attempts.number"]),
)

reports = Table(
    "reports",
    metadata,
    Column("run_id", ForeignKey("runs.id"), primary_key=True),
    Column("variant", String(20), primary_key=True),
    Column("digest", String(71), nullable=False),
)

PLACE_LENGTH = 71

publications = Table(
    "publications",
    metadata,
    Column("run_id", ForeignKey("runs.id"), primary_key=True),
    # The path in the target folder, by the digest of its text: an index cannot hold every path.
    Column("path_key", String(PLACE_LENGTH), primary_key=True),
    Column("job_id", String(26), nullable=False),
    Column("path", Text, nullable=False),
    # Empty where it is only offered for download.
    Column("folder", Text),
    Column("source", Text, nullable=False),
    # The run that left the file: a step, for the output of a pipeline.
    Column("content_run", String(26), nullable=False),
    # Empty until a report is made.
    Column("digest", String(71)),
    Column("size", BigInteger),
    Column("overwrite", Boolean, nullable=False),
    Column("state", String(20), nullable=False),
    Column("reason", JSON(none_as_null=True)),
    Column("tries", Integer, nullable=False),
    Column("next_try_at", Instant),
    Column("published_at", Instant),
    Index("ix_publications_pending", "run_id", info={"only": "state = 'pending'"}),
)

published_files = Table(
    "published_files",
    metadata,
    # The digest of folder and path.
    Column("place", String(PLACE_LENGTH), primary_key=True),
    Column("folder", Text, nullable=False),
    # The digest of the folder.
    Column("folder_key", String(PLACE_LENGTH), nullable=False, index=True),
    Column("path", Text, nullable=False),
    # These are not foreign keys: the newest run of a path is known also when it is deleted.
    Column("run_id", String(26), nullable=False),
    Column("job_id", String(26), nullable=False),
    Column("version", String(71), nullable=False),
    Column("digest", String(71)),
    Column("size", BigInteger),
    Column("published_at", Instant),
)

SUBJECT_LENGTH = 500
"""The longest id of a subject, which is that of a secret: its scope and its name."""

events = Table(
    "events",
    metadata,
    Column("seq", _Sequence, primary_key=True, autoincrement=True),
    # It is not a foreign key: a deletion is an event too.
    Column("subject_kind", String(20), nullable=False),
    Column("subject_id", String(SUBJECT_LENGTH), nullable=False),
    Column("at", Instant, nullable=False),
    Column("kind", String(40), nullable=False),
    # Empty for events from before actors and revisions were stored.
    Column("actor", ActorId),
    Column("revision", Integer),
    Column("data", JSON, nullable=False),
    Index("ix_events_subject", "subject_kind", "subject_id", "seq"),
    sqlite_autoincrement=True,
)

# The database refuses to change and to delete its rows, by triggers of migration 0017. A migration that copies this
# table must make them again.
audit = Table(
    "audit",
    metadata,
    # Without a gap, so it is counted by the program and not by the database.
    Column("seq", _Sequence, primary_key=True, autoincrement=False),
    Column("at", Instant, nullable=False),
    Column("actor", String(200), nullable=False),
    Column("actor_name", String(200), nullable=False),
    # Empty where the person was replaced since.
    Column("salt", String(32)),
    Column("who", String(71), nullable=False),
    Column("verb", String(40), nullable=False),
    Column("object_kind", String(20), nullable=False),
    Column("object_id", String(SUBJECT_LENGTH), nullable=False),
    Column("project", String(100)),
    Column("environment", String(100)),
    Column("outcome", String(10), nullable=False),
    # Canonical JSON, as its digest was made of it.
    Column("data", Text, nullable=False),
    Column("digest", String(71), nullable=False),
    Column("chain", String(71), nullable=False),
    Index(None, "at"),
    Index("ix_audit_actor", "actor", "seq"),
    Index("ix_audit_object", "object_kind", "object_id", "seq"),
)

environments = Table(
    "environments",
    metadata,
    Column("name", String(100), primary_key=True),
    Column("position", Integer, nullable=False),
    Column("definition", JSON, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("changed_at", Instant, nullable=False),
    Column("changed_by", ActorId, nullable=False),
)

variables = Table(
    "variables",
    metadata,
    Column("environment", ForeignKey("environments.name"), primary_key=True),
    Column("name", String(100), primary_key=True),
    Column("value", Text, nullable=False),
    Column("changed_at", Instant, nullable=False),
    Column("changed_by", ActorId, nullable=False),
    _revision(),
)

secrets = Table(
    "secrets",
    metadata,
    Column("scope", String(200), primary_key=True),
    Column("name", String(200), primary_key=True),
    Column("version", Integer, nullable=False),
    Column("key_id", String(40)),
    Column("wrapped", LargeBinary),
    Column("data", LargeBinary),
    Column("changed_at", Instant, nullable=False),
    Column("changed_by", ActorId, nullable=False),
    _revision(),
)

images = Table(
    "images",
    metadata,
    Column("name", String(100), primary_key=True),
    Column("definition", JSON, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("changed_at", Instant, nullable=False),
    Column("changed_by", ActorId, nullable=False),
)

image_tasks = Table(
    "image_tasks",
    metadata,
    Column("id", String(26), primary_key=True),
    Column("kind", String(20), nullable=False),
    Column("image", String(100), nullable=False),
    Column("state", String(20), nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("created_by", ActorId, nullable=False),
    Column("process", JSON, nullable=False),
    Column("finished_at", Instant),
    Column("error", JSON(none_as_null=True)),
    Column("log", Text, nullable=False),
)

image_trials = Table(
    "image_trials",
    metadata,
    Column("id", String(26), primary_key=True),
    Column("image", JSON, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("created_by", ActorId, nullable=False),
    Column("runs", JSON, nullable=False),
    Column("refused", JSON, nullable=False),
)

leases = Table(
    "leases",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("holder", String(40)),
    Column("token", Integer, nullable=False),
    Column("since", Instant, nullable=False),
    Column("expires", Float, nullable=False),
    Column("process", JSON, nullable=False),
    Column("slots", Integer, nullable=False),
    # The machine on whose clock `expires` is; `expires_at` is on the clock of the database.
    Column("host", String(200), nullable=False, server_default=""),
    Column("expires_at", Instant),
)

retention_rules = Table(
    "retention_rules",
    metadata,
    # Empty: the rule for environments, or states, that have no rule of their own.
    Column("environment", String(100), primary_key=True),
    Column("state", String(20), primary_key=True),
    Column("days", Integer),
    Column("last", Integer),
    Column("changed_at", Instant, nullable=False),
    Column("changed_by", ActorId, nullable=False),
    _revision(),
)

chores = Table(
    "chores",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("done_at", Instant, nullable=False),
)

calendars = Table(
    "calendars",
    metadata,
    Column("name", String(100), primary_key=True),
    # The days off as pairs of date and name, the weekend, and the source.
    Column("definition", JSON, nullable=False),
    Column("changed_at", Instant, nullable=False),
    Column("changed_by", ActorId, nullable=False),
    _revision(),
)

PRESET_LENGTH = 100

schedules = Table(
    "schedules",
    metadata,
    Column("id", String(26), primary_key=True),
    Column("project", String(100), nullable=False),
    Column("name", String(200), nullable=False),
    Column("job_id", String(26), nullable=False),
    Column("version_digest", String(71), nullable=False),
    Column("environment", String(100), nullable=False),
    # The settings as `settings_to_json` writes them. Parameters among them may be NaN.
    Column("settings", _Values, nullable=False),
    # The kind of the rule, and the job or the calendar that it names: what is looked up.
    Column("rule_kind", String(20), nullable=False),
    Column("after_job_id", String(26)),
    Column("calendar", String(100)),
    Column("owner", ActorId, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("created_by", ActorId, nullable=False),
    Column("changed_at", Instant, nullable=False),
    Column("changed_by", ActorId, nullable=False),
    Column("decided_until", Instant, nullable=False),
    Column("next_at", Instant),
    Column("wake_at", Instant),
    Column("paused_at", Instant),
    Column("paused_by", ActorId),
    Column("paused_why", Text, nullable=False, server_default=""),
    Column("failures", Integer, nullable=False, server_default="0"),
    Column("refusal", Text),
    # The files that a watched folder had at the last burst: by path size and time of change.
    Column("seen_files", JSON(none_as_null=True)),
    # The last part of the address of a webhook.
    Column("hook_id", String(64)),
    # The variables of the person who set it, which its runs on this machine get.
    Column("inherited", JSON, nullable=False, server_default="{}"),
    _revision(),
    ForeignKeyConstraint(["job_id", "version_digest"], ["versions.job_id", "versions.digest"]),
    UniqueConstraint("project", "name"),
    Index(None, "job_id", "version_digest"),
    Index(None, "wake_at", info={"only": "wake_at IS NOT NULL"}),
    Index(None, "after_job_id", info={"only": "after_job_id IS NOT NULL"}),
    Index("ix_schedules_hook_id", "hook_id", unique=True, info={"only": "hook_id IS NOT NULL"}),
)

# Its runs need these rows: the plan of a pipeline's steps; for any other job one row, whose step is empty.
schedule_steps = Table(
    "schedule_steps",
    metadata,
    Column("schedule_id", ForeignKey("schedules.id"), primary_key=True),
    Column("step_id", String(STEP_LENGTH), primary_key=True),
    Column("position", Integer, nullable=False),
    Column("job_id", String(26), nullable=False),
    Column("version_digest", String(71), nullable=False),
    Column("inputs_digest", String(71), index=True),
    Column("plan", JSON, nullable=False),
    ForeignKeyConstraint(["job_id", "version_digest"], ["versions.job_id", "versions.digest"]),
    Index(None, "job_id", "version_digest"),
)

ticks = Table(
    "ticks",
    metadata,
    Column("id", String(26), primary_key=True),
    Column("schedule_id", ForeignKey("schedules.id"), nullable=False),
    Column("nominal", Instant, nullable=False),
    Column("preset", String(PRESET_LENGTH), nullable=False),
    # The run, delivery or backfill that made it; empty for a tick of the clock.
    Column("cause", String(200), nullable=False),
    Column("kind", String(20), nullable=False),
    Column("state", String(20), nullable=False),
    Column("reason", JSON(none_as_null=True)),
    Column("run_id", String(26)),
    Column("other_run_id", String(26)),
    # The last of the ticks that were missed together, and their number.
    Column("until", Instant),
    Column("count", Integer, nullable=False, server_default="1"),
    Column("payload", _Values, nullable=False),
    Column("decided_at", Instant, nullable=False),
    Column("due_at", Instant),
    Column("told_at", Instant),
    UniqueConstraint("schedule_id", "nominal", "preset", "cause"),
    Index(None, "run_id", info={"only": "run_id IS NOT NULL"}),
    Index(None, "decided_at"),
    Index("ix_ticks_open", "state", "schedule_id", "id", info={"only": "state = 'waiting' OR state = 'ready'"}),
    Index("ix_ticks_cause", "schedule_id", "cause", info={"only": "cause <> ''"}),
    Index("ix_ticks_due", "due_at", info={"only": "due_at IS NOT NULL AND told_at IS NULL"}),
)

outbox = Table(
    "outbox",
    metadata,
    Column("id", String(26), primary_key=True),
    Column("kind", String(40), nullable=False),
    Column("subject_kind", String(20), nullable=False),
    Column("subject_id", String(SUBJECT_LENGTH), nullable=False),
    Column("payload", JSON, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("not_before", Instant, nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("delivered_at", Instant),
    Column("error", Text),
    Column("group_key", String(200)),
    Index(None, "not_before", info={"only": "delivered_at IS NULL"}),
    Index(None, "created_at"),
    Index("ix_outbox_group", "group_key", info={"only": "group_key IS NOT NULL"}),
)

RECIPIENT_LENGTH = 320

subscriptions = Table(
    "subscriptions",
    metadata,
    Column("person", ActorId, primary_key=True),
    Column("object_kind", String(20), primary_key=True),
    # The id of a schedule or job, or the name of an environment.
    Column("object_id", String(100), primary_key=True),
    Column("choice", JSON, nullable=False),
    Column("changed_at", Instant, nullable=False),
    _revision(),
    Index(None, "object_kind", "object_id"),
)

people = Table(
    "people",
    metadata,
    Column("person", ActorId, primary_key=True),
    # Only a confirmed address.
    Column("address", String(RECIPIENT_LENGTH)),
    Column("confirmed_at", Instant),
    Column("times", JSON, nullable=False),
    # The address that waits for its code, with the hash of the code.
    Column("pending", JSON(none_as_null=True)),
    Column("codes_sent", JSON, nullable=False),
    Column("changed_at", Instant, nullable=False),
    _revision(),
)

held_messages = Table(
    "held_messages",
    metadata,
    Column("id", String(26), primary_key=True),
    Column("message_id", String(26), nullable=False),
    Column("channel", String(20), nullable=False),
    Column("recipient", String(RECIPIENT_LENGTH), nullable=False),
    Column("person", ActorId),
    Column("until", Instant, nullable=False),
    Column("reason", String(20), nullable=False),
    Index(None, "until"),
    Index(None, "person", info={"only": "person IS NOT NULL"}),
)

message_counts = Table(
    "message_counts",
    metadata,
    Column("channel", String(20), primary_key=True),
    Column("recipient", String(RECIPIENT_LENGTH), primary_key=True),
    Column("job_id", String(26), primary_key=True),
    Column("since", Instant, nullable=False),
    Column("number", Integer, nullable=False),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", String(26), primary_key=True),
    # The message goes after a month; the log of what was delivered stays as long.
    Column("message_id", String(26), nullable=False),
    Column("kind", String(40), nullable=False),
    Column("subject_kind", String(20), nullable=False),
    Column("subject_id", String(SUBJECT_LENGTH), nullable=False),
    Column("channel", String(20), nullable=False),
    Column("recipient", String(320), nullable=False),
    Column("person", ActorId),
    Column("lane", String(400), nullable=False),
    Column("state", String(20), nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("created_at", Instant, nullable=False),
    Column("not_before", Instant, nullable=False),
    Column("ended_at", Instant),
    Column("error", Text),
    UniqueConstraint("message_id", "channel", "recipient"),
    Index("ix_deliveries_due", "not_before", info={"only": "state = 'waiting'"}),
    Index(None, "channel", "recipient", "id"),
    Index(None, "created_at"),
)

# The places to which messages go besides people's own addresses. What is secret about them lies in `secrets`.
targets = Table(
    "targets",
    metadata,
    Column("name", String(100), primary_key=True),
    Column("definition", JSON, nullable=False),
    Column("changed_at", Instant, nullable=False),
    Column("changed_by", ActorId, nullable=False),
    _revision(),
)
