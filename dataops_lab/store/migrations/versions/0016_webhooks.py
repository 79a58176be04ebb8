"""The addresses of webhooks, and an index to find the ticks of a delivery."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0014"


def upgrade() -> None:
    op.add_column("schedules", sa.Column("hook_id", sa.String(length=64), nullable=True))
    _create("ix_schedules_hook_id", "schedules", ["hook_id"], "hook_id IS NOT NULL", unique=True)
    _create("ix_ticks_cause", "ticks", ["schedule_id", "cause"], "cause <> ''")


def _create(name: str, table: str, columns: list[str], only: str, *, unique: bool = False) -> None:
    where = sa.text(only)
    op.create_index(name, table, columns, unique=unique, sqlite_where=where, postgresql_where=where)
