"""Lists in pages, newest first. The cursor is the last id seen: ids are ULIDs and sort by time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Connection, Row, Select

from ..errors import InvalidRequest
from ..ports import Page

T = TypeVar("T")

MAX_LIMIT = 500


def page_of(
    connection: Connection,
    query: Select[Any],
    id_column: ColumnElement[str],
    build: Callable[[Row[Any]], T],
    *,
    limit: int,
    cursor: str | None,
) -> Page[T]:
    check_page(limit, cursor)
    if cursor is not None:
        query = query.where(id_column < cursor)
    # One row more than asked for tells whether there is a next page.
    rows = connection.execute(query.order_by(id_column.desc()).limit(limit + 1)).all()
    items = [build(row) for row in rows[:limit]]
    return Page(items, rows[limit - 1].id if len(rows) > limit else None)


def check_page(limit: int, cursor: str | None) -> None:
    if not 1 <= limit <= MAX_LIMIT:
        raise InvalidRequest(f"`limit` must lie between 1 and {MAX_LIMIT}.")
    if cursor is not None and not (cursor.isalnum() and len(cursor) == 26):
        raise InvalidRequest("`cursor` is not one that a list gave; start again without it.")


def contains(column: ColumnElement[Any], text: str) -> ColumnElement[bool]:
    return column.icontains(text, autoescape=True)
