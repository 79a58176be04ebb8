"""The audit trail: its table, the triggers that keep its entries, and the entry with which it begins."""

import datetime as dt

import sqlalchemy as sa
from alembic import op

from dataops_lab.domain.audit import first_entry

revision = "0017"
down_revision = "0016"

KEPT = (
    *("seq", "at", "who", "verb", "object_kind", "object_id", "project", "environment"),
    *("outcome", "data", "digest", "chain"),
)
"""The columns that never change. The others name a person, who may be replaced once."""


def upgrade() -> None:
    table = op.create_table(
        "audit",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("actor", sa.String(length=200), nullable=False),
        sa.Column("actor_name", sa.String(length=200), nullable=False),
        sa.Column("salt", sa.String(length=32), nullable=True),
        sa.Column("who", sa.String(length=71), nullable=False),
        sa.Column("verb", sa.String(length=40), nullable=False),
        sa.Column("object_kind", sa.String(length=20), nullable=False),
        sa.Column("object_id", sa.String(length=500), nullable=False),
        sa.Column("project", sa.String(length=100), nullable=True),
        sa.Column("environment", sa.String(length=100), nullable=True),
        sa.Column("outcome", sa.String(length=10), nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sa.Column("digest", sa.String(length=71), nullable=False),
        sa.Column("chain", sa.String(length=71), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_audit"),
    )
    op.create_index("ix_audit_actor", "audit", ["actor", "seq"])
    op.create_index("ix_audit_at", "audit", ["at"])
    op.create_index("ix_audit_object", "audit", ["object_kind", "object_id", "seq"])
    entry = first_entry(dt.datetime.now(dt.UTC))
    row = {column.name: getattr(entry, column.name) for column in table.columns}
    op.bulk_insert(table, [{**row, "at": entry.at.replace(tzinfo=None)}])
    for statement in _sqlite() if op.get_bind().dialect.name == "sqlite" else _postgres():
        op.execute(statement)


def _sqlite() -> list[str]:
    # `IS` also compares what is empty. INSERT OR REPLACE deletes without asking the trigger for DELETE.
    return [
        _sqlite_trigger("audit_stays", "DELETE", "1"),
        _sqlite_trigger("audit_is_not_replaced", "INSERT", "EXISTS (SELECT 1 FROM audit WHERE seq = NEW.seq)"),
        _sqlite_trigger("audit_is_not_edited", "UPDATE", _is_edited("IS NOT")),
    ]


def _sqlite_trigger(name: str, verb: str, condition: str) -> str:
    refusal = "SELECT RAISE(ABORT, 'entries of the audit trail stay as they are')"
    return f"CREATE TRIGGER {name} BEFORE {verb} ON audit WHEN {condition} BEGIN {refusal}; END"


def _postgres() -> list[str]:
    refuse = "EXECUTE FUNCTION audit_refuse()"
    return [
        "CREATE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'entries of the audit trail stay as they are'; END $$",
        f"CREATE TRIGGER audit_stays BEFORE DELETE ON audit FOR EACH ROW {refuse}",
        f"CREATE TRIGGER audit_is_not_emptied BEFORE TRUNCATE ON audit FOR EACH STATEMENT {refuse}",
        "CREATE TRIGGER audit_is_not_edited BEFORE UPDATE ON audit FOR EACH ROW "
        f"WHEN ({_is_edited('IS DISTINCT FROM')}) {refuse}",
    ]


def _is_edited(differs: str) -> str:
    kept = " OR ".join(f"NEW.{column} {differs} OLD.{column}" for column in KEPT)
    return f"{kept} OR OLD.salt IS NULL OR NEW.salt IS NOT NULL"
