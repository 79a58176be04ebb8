"""Stored paths: each is short enough for an index, and can be found by the folder that holds it."""

from __future__ import annotations

from sqlalchemy import ColumnElement, func, or_

from ..errors import InvalidRequest

MAX_PATH_BYTES = 2500
"""The most bytes of a path that an index of PostgreSQL can hold."""


def check_path(path: str) -> None:
    if len(path.encode(errors="replace")) > MAX_PATH_BYTES:
        raise InvalidRequest(f"The path is longer than {MAX_PATH_BYTES} bytes.")


def is_below(column: ColumnElement[str], folder: str) -> ColumnElement[bool]:
    """Tell whether a path is `folder` or lies below it."""
    prefix = folder.rstrip("/") + "/"
    # Not LIKE: on SQLite it takes "A" for "a".
    return or_(column == folder, func.substr(column, 1, len(prefix)) == prefix)
