"""Retention rules, kept runs, deleted runs."""

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    pass
