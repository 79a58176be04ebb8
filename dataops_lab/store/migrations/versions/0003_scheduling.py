"""Settings of jobs and runs, limits of jobs and projects, last starts, and times that no wall clock moves."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "projects",
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("concurrency", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("name", name="pk_projects"),
    )
    op.execute("INSERT INTO projects (name) VALUES ('default')")
    op.create_table(
        "last_starts",
        sa.Column("person", sa.String(length=200), nullable=False),
        sa.Column("started_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("person", name="pk_last_starts"),
    )
    for name, kind in _SETTINGS.items():
        op.add_column("jobs", sa.Column(name, kind, nullable=True))
    op.add_column("jobs", sa.Column("concurrency", sa.Integer(), nullable=True))
    op.add_column("jobs", sa.Column("revision", sa.Integer(), nullable=False, server_default="1"))
    for name, default in _DEFAULTS.items():
        op.add_column("runs", sa.Column(name, _SETTINGS[name], nullable=False, server_default=default))
    op.execute("UPDATE runs SET timeout_s = 86400 WHERE timeout_s IS NULL")
    op.add_column("runs", sa.Column("turn", sa.Float(), nullable=False, server_default="0"))
    queued = sa.text("state = 'queued'")
    columns = ["state", "created_by", "turn", "id", "project", "job_id", "environment", "priority"]
    op.create_index("ix_runs_queue", "runs", columns, sqlite_where=queued, postgresql_where=queued)
    op.add_column("runs", sa.Column("created_boot", sa.String(length=40), nullable=True))
    op.add_column("runs", sa.Column("created_tick", sa.Float(), nullable=True))
    op.add_column("attempts", sa.Column("started_boot", sa.String(length=40), nullable=True))
    op.add_column("attempts", sa.Column("started_tick", sa.Float(), nullable=True))


_SETTINGS: dict[str, Any] = {
    "priority": sa.Integer(),
    "max_retries": sa.Integer(),
    "retry_on_timeout": sa.Boolean(),
    "queue_timeout_s": sa.Float(),
    "start_timeout_s": sa.Float(),
    "timeout_s": sa.Float(),
    "total_timeout_s": sa.Float(),
}
_DEFAULTS: dict[str, Any] = {
    "priority": "0",
    "max_retries": "0",
    "retry_on_timeout": sa.false(),
    "queue_timeout_s": "86400",
    "start_timeout_s": "600",
    "total_timeout_s": "259200",
}
