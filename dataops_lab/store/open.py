"""The choice of the database that a URL names."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from ..errors import InvalidRequest, Unavailable
from .sql import SqlStore
from .sqlite import open_sqlite

_URL_FORMS = "sqlite:////absolute/path or postgresql+psycopg://user@host/database"


def open_store(url: str) -> SqlStore:
    """Open the database at `url`; make it or bring it up to date where needed.

    Raise InvalidRequest for a URL that cannot be used, Unavailable when psycopg is missing, and the errors of
    `open_sqlite` and `open_postgres`.
    """
    try:
        parsed_url = make_url(url)
    except ArgumentError:
        # The message leaves the URL out, because it may hold a password.
        raise InvalidRequest(f"That is not the URL of a database. It has the form {_URL_FORMS}.") from None
    match parsed_url.drivername:
        case "sqlite" if parsed_url.database not in (None, "", ":memory:"):
            return open_sqlite(Path(parsed_url.database))
        case "postgresql+psycopg":
            try:
                from .postgres import open_postgres
            except ImportError:
                raise Unavailable("PostgreSQL needs psycopg: pip install 'dataops-lab[postgres]'.") from None
            return open_postgres(parsed_url)
    raise InvalidRequest(
        f"{parsed_url.drivername!r} is not a database that can be used. The URL has the form {_URL_FORMS}."
    )
