"""Lists that are read from the database of this machine with `sqlite3` alone, for commands that must be short."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from ..domain.runs import RunSummary
from ..ports import Page, RunFilter
from . import summaries
from .revision import NEWEST

BUSY_TIMEOUT_S = 10


def page_of_runs(database: Path, where: RunFilter, *, limit: int, cursor: str | None) -> Page[RunSummary] | None:
    """Read a page as `Runs.page` does. None when the database is missing, not up to date or not readable.

    The caller then opens the store itself, which repairs or explains that.
    """
    try:
        address = f"{database.absolute().as_uri()}?mode=rw"
        with closing(sqlite3.connect(address, uri=True, timeout=BUSY_TIMEOUT_S, isolation_level=None)) as connection:
            connection.execute("PRAGMA query_only = 1")
            connection.execute("BEGIN")
            if connection.execute("SELECT version_num FROM alembic_version").fetchone() != (NEWEST,):
                return None
            return summaries.page(connection.execute, where, limit=limit, cursor=cursor)
    except sqlite3.Error:
        return None
