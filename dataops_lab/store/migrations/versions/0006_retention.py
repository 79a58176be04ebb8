"""Retention rules, kept runs, deleted runs, damage that was found; indexes for a million runs."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.create_table(
        "retention_rules",
        sa.Column("environment", sa.String(length=100), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("days", sa.Integer(), nullable=True),
        sa.Column("last", sa.Integer(), nullable=True),
        sa.Column("changed_at", sa.DateTime(), nullable=False),
        sa.Column("changed_by", sa.String(length=200), nullable=False),
        sa.PrimaryKeyConstraint("environment", "state", name="pk_retention_rules"),
    )
    op.create_table(
        "chores",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("done_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_chores"),
    )
    op.add_column("records", sa.Column("damage", sa.JSON(none_as_null=True), nullable=True))
    op.add_column("runs", sa.Column("kept_at", sa.DateTime(), nullable=True))
    op.add_column("runs", sa.Column("kept_by", sa.String(length=200), nullable=True))
    op.add_column("runs", sa.Column("said", sa.String(length=500), nullable=True))
    message = {
        "sqlite": "substr(json_extract(reason, '$.message'), 1, 500)",
        "postgresql": "left(reason ->> 'message', 500)",
    }[op.get_bind().dialect.name]
    op.execute(f"UPDATE runs SET said = {message} WHERE reason IS NOT NULL")  # noqa: S608
    said = sa.text("said IS NOT NULL")
    op.create_index("ix_runs_id_runs_said", "runs", ["id", "said"], sqlite_where=said, postgresql_where=said)
    op.create_index("ix_runs_job_id_runs_state_runs_id", "runs", ["job_id", "state", "id"])
    op.create_index("ix_runs_job_id_runs_version_digest", "runs", ["job_id", "version_digest"])
    # SQLite copies the table for this change. With autoincrement, the numbers of events go on where they were.
    with op.batch_alter_table("events", table_kwargs={"sqlite_autoincrement": True}) as events:
        events.drop_constraint("fk_events_run_id_runs", type_="foreignkey")
