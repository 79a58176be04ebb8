"""Lists in pages, newest first. The cursor is the last id seen: ids are ULIDs and sort by time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Connection, Row, Select

from ..ports import Page
from .filters import check_page

T = TypeVar("T")


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
    # The query reads one row more than `limit`, which tells whether there is a next page.
    rows = connection.execute(query.order_by(id_column.desc()).limit(limit + 1)).all()
    items = [build(row) for row in rows[:limit]]
    return Page(items, rows[limit - 1].id if len(rows) > limit else None)


def contains(column: ColumnElement[Any], text: str) -> ColumnElement[bool]:
    return column.icontains(text, autoescape=True)
