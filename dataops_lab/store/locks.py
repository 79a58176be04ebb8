"""Locks for rows that a transaction reads in order to write. SQLite has one writer at a time and needs no locks.

PostgreSQL has many writers side by side: another one could change what a transaction has read before it writes. A
transaction holds all its locks to its end. It takes them in this order, so that no two transactions wait for each
other: lease, key, image, environment, variable, secrets, source, rows, events.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Select, bindparam, func, select

READ_ONLY = "dataops_read_only"
"""The execution option of connections that only read, and lock nothing."""


def advisory_lock(connection: Connection, *key: str) -> None:
    """Hold a lock on these words until the end of the transaction. They need not name anything that is stored yet."""
    if _needs_locks(connection):
        connection.execute(_ADVISORY_LOCK, {"key": "\n".join(key)})


def with_row_lock(connection: Connection, query: Select[Any], *, shared: bool = False) -> Select[Any]:
    """Return `query` with a lock: no other transaction changes its rows until the end of this one.

    `shared`: others may hold the rows too.
    """
    return _locked_query(query, shared) if _needs_locks(connection) else query


@lru_cache(maxsize=64)
def _locked_query(query: Select[Any], shared: bool) -> Select[Any]:
    return query.with_for_update(read=shared, key_share=not shared)


_ADVISORY_LOCK = select(func.pg_advisory_xact_lock(func.hashtextextended(bindparam("key"), 0)))


def _needs_locks(connection: Connection) -> bool:
    return connection.dialect.name == "postgresql" and not connection.get_execution_options().get(READ_ONLY)
