"""Environments; the backend of an attempt, and image and resources of a run."""

import datetime as dt
import json

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "environments",
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("definition", sa.JSON(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("changed_at", sa.DateTime(), nullable=False),
        sa.Column("changed_by", sa.String(length=200), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_environments"),
    )
    environments = sa.table(
        "environments",
        sa.column("name", sa.String),
        sa.column("position", sa.Integer),
        sa.column("definition", sa.JSON),
        sa.column("revision", sa.Integer),
        sa.column("changed_at", sa.DateTime),
        sa.column("changed_by", sa.String),
    )
    now = dt.datetime.now(dt.UTC).replace(tzinfo=None)
    op.bulk_insert(
        environments,
        [
            {
                "name": name,
                "position": position,
                "definition": json.loads(_DEFINITION) | {"guarded": name == "production"},
                "revision": 1,
                "changed_at": now,
                "changed_by": "dataops_lab",
            }
            for position, name in enumerate(["sandbox", "production"])
        ],
    )
    op.add_column("attempts", sa.Column("backend", sa.String(length=500), nullable=False, server_default="process"))
    op.add_column("runs", sa.Column("image", sa.JSON(), nullable=True))
    op.add_column("runs", sa.Column("resources", sa.JSON(), nullable=False, server_default="{}"))
    op.add_column("runs", sa.Column("unpromoted", sa.Boolean(), nullable=False, server_default=sa.false()))


_DEFINITION = """{
  "executor": "process", "description": "", "docker": {"host": null, "user": "1000:1000", "warm": 0},
  "limits": {"resources": {"cpus": null, "memory_bytes": null, "pids": null, "gpus": null},
             "timeout_s": null, "concurrency": null},
  "images": [], "default_image": null, "network": true, "mounts": [], "locked": [], "guarded": false
}"""
