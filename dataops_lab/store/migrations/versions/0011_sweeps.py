"""Sweeps; indexes for the lists of a job's runs, which leave out the points of its sweeps."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0008"

_NO_POINT = "(parent_step IS NULL OR parent_step <> 'sweep-point')"


def upgrade() -> None:
    values = sa.JSON().with_variant(sa.Text(), "postgresql")
    op.add_column("pipeline_runs", sa.Column("sweep", values, nullable=False, server_default="null"))
    op.add_column("pipeline_runs", sa.Column("points", sa.Integer(), nullable=True))
    op.drop_index("ix_runs_job_id_runs_id", "runs")
    op.drop_index("ix_runs_job_id_runs_state_runs_id", "runs")
    _create("ix_runs_job", ["job_id", "id"])
    _create("ix_runs_job_state", ["job_id", "state", "id"])


def _create(name: str, columns: list[str]) -> None:
    only = sa.text(_NO_POINT)
    op.create_index(name, "runs", columns, sqlite_where=only, postgresql_where=only)
