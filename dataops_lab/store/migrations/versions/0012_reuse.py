"""Reuse of results: fingerprints of the runs of steps; an index of the durations of steps."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0010"


def upgrade() -> None:
    # Runs from before have no fingerprint, and so are never reused: nobody knows which variables they had.
    op.add_column("runs", sa.Column("fingerprint", sa.String(length=71), nullable=True))
    op.add_column("pipeline_runs", sa.Column("reuse", sa.Boolean(), nullable=False, server_default=sa.false()))
    _create("ix_runs_fingerprint", "runs", ["fingerprint", "state", "trigger_kind", "id"], "fingerprint IS NOT NULL")
    succeeded = "state = 'succeeded' AND started_at IS NOT NULL"
    _create("ix_pipeline_steps_succeeded", "pipeline_steps", ["job_id", "step_id", "run_id"], succeeded)


def _create(name: str, table: str, columns: list[str], only: str) -> None:
    op.create_index(name, table, columns, sqlite_where=sa.text(only), postgresql_where=sa.text(only))
