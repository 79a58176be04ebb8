"""Subscriptions, what people said about messages to them, messages that wait; and groups of messages."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.add_column("outbox", sa.Column("group_key", sa.String(length=200), nullable=True))
    _create("ix_outbox_group", "outbox", ["group_key"], "group_key IS NOT NULL")
    op.create_table(
        "subscriptions",
        sa.Column("person", sa.String(length=200), nullable=False),
        sa.Column("object_kind", sa.String(length=20), nullable=False),
        sa.Column("object_id", sa.String(length=100), nullable=False),
        sa.Column("choice", sa.JSON(), nullable=False),
        sa.Column("changed_at", sa.DateTime(), nullable=False),
        sa.Column("revision", sa.Integer(), server_default="1", nullable=False),
        sa.PrimaryKeyConstraint("person", "object_kind", "object_id", name="pk_subscriptions"),
    )
    op.create_index(
        "ix_subscriptions_object_kind_subscriptions_object_id", "subscriptions", ["object_kind", "object_id"]
    )
    op.create_table(
        "people",
        sa.Column("person", sa.String(length=200), nullable=False),
        sa.Column("address", sa.String(length=320), nullable=True),
        sa.Column("confirmed_at", sa.DateTime(), nullable=True),
        sa.Column("times", sa.JSON(), nullable=False),
        sa.Column("pending", sa.JSON(), nullable=True),
        sa.Column("codes_sent", sa.JSON(), nullable=False),
        sa.Column("changed_at", sa.DateTime(), nullable=False),
        sa.Column("revision", sa.Integer(), server_default="1", nullable=False),
        sa.PrimaryKeyConstraint("person", name="pk_people"),
    )
    op.create_table(
        "held_messages",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("message_id", sa.String(length=26), nullable=False),
        sa.Column("channel", sa.String(length=20), nullable=False),
        sa.Column("recipient", sa.String(length=320), nullable=False),
        sa.Column("person", sa.String(length=200), nullable=True),
        sa.Column("until", sa.DateTime(), nullable=False),
        sa.Column("reason", sa.String(length=20), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_held_messages"),
    )
    op.create_index("ix_held_messages_until", "held_messages", ["until"])
    _create("ix_held_messages_person", "held_messages", ["person"], "person IS NOT NULL")
    op.create_table(
        "message_counts",
        sa.Column("channel", sa.String(length=20), nullable=False),
        sa.Column("recipient", sa.String(length=320), nullable=False),
        sa.Column("job_id", sa.String(length=26), nullable=False),
        sa.Column("since", sa.DateTime(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("channel", "recipient", "job_id", name="pk_message_counts"),
    )


def _create(name: str, table: str, columns: list[str], only: str) -> None:
    op.create_index(name, table, columns, sqlite_where=sa.text(only), postgresql_where=sa.text(only))
