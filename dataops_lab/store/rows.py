"""Rows as every database takes them."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from sqlalchemy import Connection, String, Table
from sqlalchemy.types import TypeDecorator

from ..domain.actors import Actor
from ..errors import InvalidRequest


def check_lengths(table: Table, row: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return `row` as it is. Raise InvalidRequest when a text is longer than its column.

    PostgreSQL would refuse that, and SQLite would not.
    """
    for name, value in row.items():
        column_type = table.c[name].type
        column_type = column_type.impl_instance if isinstance(column_type, TypeDecorator) else column_type
        text = value.id if isinstance(value, Actor) else value
        if (
            isinstance(column_type, String)
            and column_type.length
            and isinstance(text, str)
            and len(text) > column_type.length
        ):
            raise InvalidRequest(f"`{name}` may have at most {column_type.length} characters; {len(text)} were given.")
    return row


def insert_if_absent(connection: Connection, table: Table, row: Mapping[str, Any]) -> bool:
    """Add a row, and tell whether it was added: False when there is a row with its key.

    That row may also be one that another transaction has just committed.
    """
    # Both dialects have the same words for it. Only the dialect in use is imported.
    dialect = import_module(f"sqlalchemy.dialects.{connection.dialect.name}")
    statement = dialect.insert(table).values(row).on_conflict_do_nothing().returning(*table.primary_key)
    return connection.execute(statement).first() is not None
