"""Locks for what is read in order to be written. SQLite has one writer at a time and needs none of them.

PostgreSQL lets writers go side by side: what a transaction looks up, another one could change before
the first has written. All are held to the end of the transaction, and taken in this order, so that
nobody waits in a circle: lease, key, image, environment, variable, secrets, source, rows, events.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Select, bindparam, func, select

READ_ONLY = "dataops_read_only"
"""Execution option of connections that only read, and lock nothing."""


def hold(connection: Connection, *what: str) -> None:
    """Until the end of this transaction no other one holds the same words, which need not name anything yet."""
    if _locks(connection):
        connection.execute(_HOLD, {"what": "\n".join(what)})


def held(connection: Connection, query: Select[Any], *, shared: bool = False) -> Select[Any]:
    """`query`, whose rows nobody else changes until the end of this transaction; `shared`: others may hold them too."""
    return _locking(query, shared) if _locks(connection) else query


@lru_cache(maxsize=64)
def _locking(query: Select[Any], shared: bool) -> Select[Any]:
    return query.with_for_update(read=shared, key_share=not shared)


_HOLD = select(func.pg_advisory_xact_lock(func.hashtextextended(bindparam("what"), 0)))


def _locks(connection: Connection) -> bool:
    return connection.dialect.name == "postgresql" and not connection.get_execution_options().get(READ_ONLY)
