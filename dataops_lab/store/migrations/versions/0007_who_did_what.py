"""Actors, workspaces, triggers and parents of runs, subjects of events, a revision on every row.

Each conversion of stored rows is a function of its own. It runs after the columns that it fills are added, and before
the columns that it empties are dropped.
"""

import os.path
import posixpath

import sqlalchemy as sa
from alembic import op
from ulid import ULID

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    _add_tables()
    _add_columns()
    _fill_actors()
    _fill_workspaces()
    _fill_triggers()
    _rename_in_findings()
    _change_events()
    _close_jobs()
    _close_runs()
    _rename_columns()


def _add_tables() -> None:
    op.create_table(
        "actors",
        sa.Column("id", sa.String(length=200), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("first_seen_at", sa.DateTime(), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_actors"),
    )
    op.create_table(
        "workspaces",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("project", sa.String(length=100), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("remote", sa.String(length=1000), nullable=True),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("created_by", sa.String(length=200), nullable=False),
        _revision(),
        sa.PrimaryKeyConstraint("id", name="pk_workspaces"),
    )
    op.create_index("ix_workspaces_remote", "workspaces", ["remote"])
    op.create_table(
        "workspace_roots",
        sa.Column("host", sa.String(length=64), nullable=False),
        sa.Column("root", sa.String(length=4096), nullable=False),
        sa.Column("workspace_id", sa.String(length=26), nullable=False),
        sa.Column("seen_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name="fk_workspace_roots_workspace_id_workspaces"),
        sa.PrimaryKeyConstraint("host", "root", name="pk_workspace_roots"),
    )
    op.create_index("ix_workspace_roots_workspace_id", "workspace_roots", ["workspace_id"])
    op.create_table(
        "inputs",
        sa.Column("digest", sa.String(length=71), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_inputs"),
    )


def _add_columns() -> None:
    for table in ("projects", "variables", "secrets", "retention_rules", "runs"):
        op.add_column(table, _revision())
    op.add_column("leases", sa.Column("host", sa.String(length=200), nullable=False, server_default=""))
    op.add_column("leases", sa.Column("expires_at", sa.DateTime(), nullable=True))
    for table in ("jobs", "runs"):
        op.add_column(table, sa.Column("kind", sa.String(length=20), nullable=False, server_default="notebook"))
    op.add_column("jobs", sa.Column("workspace_id", sa.String(length=26), nullable=True))
    op.add_column("jobs", sa.Column("path", sa.String(length=4096), nullable=True))
    op.add_column("jobs", sa.Column("pinned", sa.JSON(), nullable=False, server_default="[]"))
    op.add_column("runs", sa.Column("trigger_ref", sa.String(length=200), nullable=True))
    op.add_column("runs", sa.Column("parent_id", sa.String(length=26), nullable=True))
    op.add_column("runs", sa.Column("parent_key", sa.String(length=500), nullable=True))
    op.add_column("runs", sa.Column("inputs_digest", sa.String(length=71), nullable=True))
    op.create_index("ix_runs_inputs_digest", "runs", ["inputs_digest"])


def _revision() -> sa.Column[int]:
    return sa.Column("revision", sa.Integer(), nullable=False, server_default="1")


_NAMED = {
    "jobs": [("created_by", "created_at")],
    "versions": [("created_by", "created_at")],
    "runs": [("created_by", "created_at"), ("cancel_requested_by", "cancel_requested_at"), ("kept_by", "kept_at")],
    "last_starts": [("person", "started_at")],
    "environments": [("changed_by", "changed_at")],
    "variables": [("changed_by", "changed_at")],
    "secrets": [("changed_by", "changed_at")],
    "images": [("changed_by", "changed_at")],
    "image_tasks": [("created_by", "created_at")],
    "image_trials": [("created_by", "created_at")],
    "retention_rules": [("changed_by", "changed_at")],
}
"""The columns that name a person, each with the column that holds the moment of what they did."""


def _fill_actors() -> None:
    """Make an actor of every name in `_NAMED`. Only names were known, so the name is the id too."""
    op.execute("UPDATE environments SET changed_by = 'system:dataops_lab' WHERE changed_by = 'dataops_lab'")
    seen = " UNION ALL ".join(
        f"SELECT {name} AS id, min({at}) AS first, max({at}) AS last FROM {table} "  # noqa: S608
        f"WHERE {name} IS NOT NULL GROUP BY {name}"
        for table, columns in _NAMED.items()
        for name, at in columns
    )
    op.execute(
        "INSERT INTO actors (id, name, kind, first_seen_at, last_seen_at) "  # noqa: S608
        f"SELECT id, id, 'person', min(first), max(last) FROM ({seen}) AS seen "
        "WHERE id NOT LIKE 'system:%' GROUP BY id"
    )


_jobs = sa.table(
    "jobs", *map(sa.column, ("id", "project", "source", "created_at", "created_by", "workspace_id", "path"))
)
_workspaces = sa.table("workspaces", *map(sa.column, ("id", "project", "name", "created_at", "created_by")))
_roots = sa.table("workspace_roots", *map(sa.column, ("host", "root", "workspace_id", "seen_at")))


def _fill_workspaces() -> None:
    """Make a workspace of the git work tree of each job, else of its folder, so that no two jobs become one.

    The work tree may be gone, or on another machine: then the folder is the workspace.
    """
    connection = op.get_bind()
    known: dict[str, str] = {}
    for job in connection.execute(sa.select(_jobs).order_by(_jobs.c.id)).all():
        folder = _work_tree(posixpath.dirname(job.source)) or posixpath.dirname(job.source)
        path = posixpath.relpath(job.source, folder)
        if folder not in known:
            known[folder] = str(ULID())
            connection.execute(
                _workspaces.insert(),
                {
                    "id": known[folder],
                    "project": job.project,
                    "name": (posixpath.basename(folder) or folder)[:200],
                    "created_at": job.created_at,
                    "created_by": job.created_by,
                },
            )
            connection.execute(
                _roots.insert(),
                {"host": "", "root": folder, "workspace_id": known[folder], "seen_at": job.created_at},
            )
        connection.execute(_jobs.update().where(_jobs.c.id == job.id), {"workspace_id": known[folder], "path": path})


def _work_tree(folder: str) -> str | None:
    while True:
        marker = posixpath.join(folder, ".git")
        if os.path.isfile(marker) or os.path.isfile(f"{marker}/HEAD"):  # noqa: PTH113 — names too long
            return folder
        if folder == (folder := posixpath.dirname(folder)):
            return None


def _fill_triggers() -> None:
    op.execute("UPDATE runs SET trigger_ref = rerun_of WHERE rerun_of IS NOT NULL")


def _rename_in_findings() -> None:
    """Rename the advice of stored findings. A quotation mark inside a text has a backslash, and stays."""
    kind = {"sqlite": "TEXT", "postgresql": "JSON"}[op.get_bind().dialect.name]
    op.execute(
        f"UPDATE runs SET findings = CAST(replace(CAST(findings AS TEXT), '\"mend\":', '\"hint\":') AS {kind}) "  # noqa: S608
        "WHERE CAST(findings AS TEXT) LIKE '%\"mend\":%'"
    )


def _change_events() -> None:
    """Give every event a subject, and an actor to each event that names one."""
    op.drop_index("ix_events_run_id_events_seq", "events")
    by = {"sqlite": "json_extract(data, '$.by')", "postgresql": "data ->> 'by'"}[op.get_bind().dialect.name]
    # SQLite copies the table for this change. With autoincrement, the numbers of events go on where they were.
    with op.batch_alter_table("events", table_kwargs={"sqlite_autoincrement": True}) as events:
        events.alter_column(
            "run_id", new_column_name="subject_id", existing_type=sa.String(length=26), type_=sa.String(length=500)
        )
        events.add_column(sa.Column("subject_kind", sa.String(length=20), nullable=False, server_default="run"))
        events.add_column(sa.Column("actor", sa.String(length=200), nullable=True))
        events.add_column(sa.Column("revision", sa.Integer(), nullable=True))
    with op.batch_alter_table("events", table_kwargs={"sqlite_autoincrement": True}) as events:
        events.alter_column("subject_kind", existing_type=sa.String(length=20), server_default=None)
    op.execute(
        f"UPDATE events SET actor = CASE {by} WHEN 'retention' THEN 'system:retention' ELSE {by} END "  # noqa: S608
        f"WHERE {by} IS NOT NULL AND length({by}) <= 200"
    )
    op.create_index("ix_events_subject", "events", ["subject_kind", "subject_id", "seq"])


def _close_jobs() -> None:
    with op.batch_alter_table("jobs") as jobs:
        jobs.drop_constraint("uq_jobs_project_source", type_="unique")
        jobs.drop_column("source")
        jobs.alter_column("workspace_id", existing_type=sa.String(length=26), nullable=False)
        jobs.alter_column("path", existing_type=sa.String(length=4096), nullable=False)
        jobs.create_unique_constraint("uq_jobs_project_workspace_id_path", ["project", "workspace_id", "path"])
        jobs.create_foreign_key("fk_jobs_workspace_id_workspaces", "workspaces", ["workspace_id"], ["id"])


def _close_runs() -> None:
    with op.batch_alter_table("runs") as runs:
        runs.alter_column("kernel", existing_type=sa.JSON(), nullable=True)
        runs.alter_column("trigger", new_column_name="trigger_kind", existing_type=sa.String(length=20))
        runs.drop_column("rerun_of")
    op.create_index("ix_runs_parent_id_runs_parent_key", "runs", ["parent_id", "parent_key"], unique=True)


def _rename_columns() -> None:
    """Give two columns the names of the API. Both databases rename a column in place, without a copy of the table."""
    op.execute("ALTER TABLE runs RENAME COLUMN unpromoted TO bypassed_promotion")
    op.execute("ALTER TABLE records RENAME COLUMN damage TO integrity_errors")
