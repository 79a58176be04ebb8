"""Runs that publish their outputs, what became of each output, and the newest run of each published path."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0012"


def upgrade() -> None:
    op.add_column("runs", sa.Column("publish", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_table(
        "publications",
        sa.Column("run_id", sa.String(length=26), nullable=False),
        sa.Column("path_key", sa.String(length=71), nullable=False),
        sa.Column("job_id", sa.String(length=26), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("folder", sa.Text(), nullable=True),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("content_run", sa.String(length=26), nullable=False),
        sa.Column("digest", sa.String(length=71), nullable=True),
        sa.Column("size", sa.BigInteger(), nullable=True),
        sa.Column("overwrite", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("reason", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("next_try_at", sa.DateTime(), nullable=True),
        sa.Column("published_at", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name="fk_publications_run_id_runs"),
        sa.PrimaryKeyConstraint("run_id", "path_key", name="pk_publications"),
    )
    pending = sa.text("state = 'pending'")
    op.create_index(
        "ix_publications_pending", "publications", ["run_id"], sqlite_where=pending, postgresql_where=pending
    )
    op.create_table(
        "published_files",
        sa.Column("place", sa.String(length=71), nullable=False),
        sa.Column("folder", sa.Text(), nullable=False),
        sa.Column("folder_key", sa.String(length=71), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("run_id", sa.String(length=26), nullable=False),
        sa.Column("job_id", sa.String(length=26), nullable=False),
        sa.Column("version", sa.String(length=71), nullable=False),
        sa.Column("digest", sa.String(length=71), nullable=True),
        sa.Column("size", sa.BigInteger(), nullable=True),
        sa.Column("published_at", sa.DateTime(), nullable=True),
        sa.PrimaryKeyConstraint("place", name="pk_published_files"),
    )
    op.create_index("ix_published_files_folder_key", "published_files", ["folder_key"])
