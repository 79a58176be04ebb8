"""Schedules, their calendars and ticks; the outbox; the tick of a run and its nominal time."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0011"


def upgrade() -> None:
    _change_runs()
    _add_calendars()
    _add_schedules()
    _add_schedule_steps()
    _add_ticks()
    _add_outbox()


def _change_runs() -> None:
    op.add_column("runs", sa.Column("tick_id", sa.String(length=26), nullable=True))
    op.add_column("runs", sa.Column("nominal_at", sa.DateTime(), nullable=True))
    _create("ix_runs_tick_id_runs_state", "runs", ["tick_id", "state"], "tick_id IS NOT NULL")


def _add_calendars() -> None:
    op.create_table(
        "calendars",
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("definition", sa.JSON(), nullable=False),
        sa.Column("changed_at", sa.DateTime(), nullable=False),
        sa.Column("changed_by", sa.String(length=200), nullable=False),
        sa.Column("revision", sa.Integer(), server_default="1", nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_calendars"),
    )


def _add_schedules() -> None:
    op.create_table(
        "schedules",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("project", sa.String(length=100), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("job_id", sa.String(length=26), nullable=False),
        sa.Column("version_digest", sa.String(length=71), nullable=False),
        sa.Column("environment", sa.String(length=100), nullable=False),
        sa.Column("settings", sa.JSON().with_variant(sa.Text(), "postgresql"), nullable=False),
        sa.Column("rule_kind", sa.String(length=20), nullable=False),
        sa.Column("after_job_id", sa.String(length=26), nullable=True),
        sa.Column("calendar", sa.String(length=100), nullable=True),
        sa.Column("owner", sa.String(length=200), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("created_by", sa.String(length=200), nullable=False),
        sa.Column("changed_at", sa.DateTime(), nullable=False),
        sa.Column("changed_by", sa.String(length=200), nullable=False),
        sa.Column("decided_until", sa.DateTime(), nullable=False),
        sa.Column("next_at", sa.DateTime(), nullable=True),
        sa.Column("wake_at", sa.DateTime(), nullable=True),
        sa.Column("paused_at", sa.DateTime(), nullable=True),
        sa.Column("paused_by", sa.String(length=200), nullable=True),
        sa.Column("paused_why", sa.Text(), server_default="", nullable=False),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False),
        sa.Column("refusal", sa.Text(), nullable=True),
        sa.Column("seen_files", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("inherited", sa.JSON(), server_default="{}", nullable=False),
        sa.Column("revision", sa.Integer(), server_default="1", nullable=False),
        sa.ForeignKeyConstraint(
            ["job_id", "version_digest"],
            ["versions.job_id", "versions.digest"],
            name="fk_schedules_job_id_version_digest_versions",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_schedules"),
        sa.UniqueConstraint("project", "name", name="uq_schedules_project_name"),
    )
    _create("ix_schedules_after_job_id", "schedules", ["after_job_id"], "after_job_id IS NOT NULL")
    op.create_index("ix_schedules_job_id_schedules_version_digest", "schedules", ["job_id", "version_digest"])
    _create("ix_schedules_wake_at", "schedules", ["wake_at"], "wake_at IS NOT NULL")


def _add_schedule_steps() -> None:
    op.create_table(
        "schedule_steps",
        sa.Column("schedule_id", sa.String(length=26), nullable=False),
        sa.Column("step_id", sa.String(length=60), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("job_id", sa.String(length=26), nullable=False),
        sa.Column("version_digest", sa.String(length=71), nullable=False),
        sa.Column("inputs_digest", sa.String(length=71), nullable=True),
        sa.Column("plan", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["job_id", "version_digest"],
            ["versions.job_id", "versions.digest"],
            name="fk_schedule_steps_job_id_version_digest_versions",
        ),
        sa.ForeignKeyConstraint(["schedule_id"], ["schedules.id"], name="fk_schedule_steps_schedule_id_schedules"),
        sa.PrimaryKeyConstraint("schedule_id", "step_id", name="pk_schedule_steps"),
    )
    op.create_index("ix_schedule_steps_inputs_digest", "schedule_steps", ["inputs_digest"])
    op.create_index(
        "ix_schedule_steps_job_id_schedule_steps_version_digest", "schedule_steps", ["job_id", "version_digest"]
    )


def _add_ticks() -> None:
    op.create_table(
        "ticks",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("schedule_id", sa.String(length=26), nullable=False),
        sa.Column("nominal", sa.DateTime(), nullable=False),
        sa.Column("preset", sa.String(length=100), nullable=False),
        sa.Column("cause", sa.String(length=200), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("reason", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("run_id", sa.String(length=26), nullable=True),
        sa.Column("other_run_id", sa.String(length=26), nullable=True),
        sa.Column("until", sa.DateTime(), nullable=True),
        sa.Column("count", sa.Integer(), server_default="1", nullable=False),
        sa.Column("payload", sa.JSON().with_variant(sa.Text(), "postgresql"), nullable=False),
        sa.Column("decided_at", sa.DateTime(), nullable=False),
        sa.Column("due_at", sa.DateTime(), nullable=True),
        sa.Column("told_at", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(["schedule_id"], ["schedules.id"], name="fk_ticks_schedule_id_schedules"),
        sa.PrimaryKeyConstraint("id", name="pk_ticks"),
        sa.UniqueConstraint(
            "schedule_id", "nominal", "preset", "cause", name="uq_ticks_schedule_id_nominal_preset_cause"
        ),
    )
    op.create_index("ix_ticks_decided_at", "ticks", ["decided_at"])
    _create("ix_ticks_due", "ticks", ["due_at"], "due_at IS NOT NULL AND told_at IS NULL")
    _create("ix_ticks_open", "ticks", ["state", "schedule_id", "id"], "state = 'waiting' OR state = 'ready'")
    _create("ix_ticks_run_id", "ticks", ["run_id"], "run_id IS NOT NULL")


def _add_outbox() -> None:
    op.create_table(
        "outbox",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("subject_kind", sa.String(length=20), nullable=False),
        sa.Column("subject_id", sa.String(length=500), nullable=False),
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("not_before", sa.DateTime(), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("delivered_at", sa.DateTime(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_outbox"),
    )
    op.create_index("ix_outbox_created_at", "outbox", ["created_at"])
    _create("ix_outbox_not_before", "outbox", ["not_before"], "delivered_at IS NULL")


def _create(name: str, table: str, columns: list[str], only: str) -> None:
    op.create_index(name, table, columns, sqlite_where=sa.text(only), postgresql_where=sa.text(only))
