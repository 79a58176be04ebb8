"""Pipeline runs and their steps; variables of a run; indexes for lists that leave out the runs of steps."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.add_column("runs", sa.Column("parent_step", sa.String(length=60), nullable=True))
    op.add_column("runs", sa.Column("variables", sa.JSON(), nullable=False, server_default="{}"))
    op.add_column("runs", sa.Column("with_failures", sa.Boolean(), nullable=False, server_default=sa.false()))
    _add_tables()
    _change_indexes()


def _add_tables() -> None:
    op.create_table(
        "pipeline_runs",
        sa.Column("run_id", sa.String(length=26), nullable=False),
        sa.Column("inherited", sa.JSON(), nullable=False),
        sa.Column("timed_out_at", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name="fk_pipeline_runs_run_id_runs"),
        sa.PrimaryKeyConstraint("run_id", name="pk_pipeline_runs"),
    )
    op.create_table(
        "pipeline_steps",
        sa.Column("run_id", sa.String(length=26), nullable=False),
        sa.Column("step_id", sa.String(length=60), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("job_id", sa.String(length=26), nullable=True),
        sa.Column("version_digest", sa.String(length=71), nullable=True),
        sa.Column("inputs_digest", sa.String(length=71), nullable=True),
        sa.Column("plan", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("reason", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("items", sa.JSON().with_variant(sa.Text(), "postgresql"), nullable=False),
        sa.Column("with_failures", sa.Boolean(), nullable=False),
        sa.Column("nothing_to_do", sa.Boolean(), nullable=False),
        sa.Column("started_at", sa.DateTime(), nullable=True),
        sa.Column("finished_at", sa.DateTime(), nullable=True),
        sa.Column("due_at", sa.DateTime(), nullable=True),
        sa.Column("decided_at", sa.DateTime(), nullable=True),
        sa.Column("decided_by", sa.String(length=200), nullable=True),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("taken_from", sa.String(length=26), nullable=True),
        sa.ForeignKeyConstraint(["run_id"], ["pipeline_runs.run_id"], name="fk_pipeline_steps_run_id_pipeline_runs"),
        sa.ForeignKeyConstraint(
            ["job_id", "version_digest"],
            ["versions.job_id", "versions.digest"],
            name="fk_pipeline_steps_job_id_version_digest_versions",
        ),
        sa.PrimaryKeyConstraint("run_id", "step_id", name="pk_pipeline_steps"),
    )
    op.create_index(
        "ix_pipeline_steps_job_id_pipeline_steps_version_digest", "pipeline_steps", ["job_id", "version_digest"]
    )
    op.create_index("ix_pipeline_steps_inputs_digest", "pipeline_steps", ["inputs_digest"])


def _change_indexes() -> None:
    op.drop_index("ix_runs_queue", "runs")
    place = ["state", "created_by", "turn", "id", "project", "job_id", "environment", "priority", "kind"]
    _create("ix_runs_queue", place, "state = 'queued' AND kind <> 'pipeline'")
    op.drop_index("ix_runs_environment_runs_id", "runs")
    op.drop_index("ix_runs_created_by_runs_id", "runs")
    op.drop_index("ix_runs_id_runs_said", "runs")
    _create("ix_runs_top", ["id"], "parent_id IS NULL")
    _create("ix_runs_top_state", ["state", "id"], "parent_id IS NULL")
    _create("ix_runs_top_environment", ["environment", "id"], "parent_id IS NULL")
    _create("ix_runs_top_created_by", ["created_by", "id"], "parent_id IS NULL")
    _create("ix_runs_top_said", ["id", "said", "parent_id"], "parent_id IS NULL AND said IS NOT NULL")
    op.drop_index("ix_runs_parent_id_runs_parent_key", "runs")
    # Without this condition SQLite takes it for the lists of runs that have no parent, and sorts all of them.
    _create("ix_runs_parent_id_runs_parent_key", ["parent_id", "parent_key"], "parent_id IS NOT NULL", unique=True)
    _create("ix_runs_parts", ["parent_id", "parent_step", "state", "id", "nothing_to_do"], "parent_id IS NOT NULL")


def _create(name: str, columns: list[str], only: str, *, unique: bool = False) -> None:
    op.create_index(name, "runs", columns, unique=unique, sqlite_where=sa.text(only), postgresql_where=sa.text(only))
