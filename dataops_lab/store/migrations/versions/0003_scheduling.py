"""Priorities, limits and budgets of jobs and runs."""

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    pass
