"""The database: SQLite for one person, and the same tables on PostgreSQL for teams."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .open import open_store as open_store
    from .sql import SqlStore as SqlStore
    from .sqlite import open_sqlite as open_sqlite

__all__ = ["SqlStore", "open_sqlite", "open_store"]

_HOMES = {"SqlStore": "sql", "open_sqlite": "sqlite", "open_store": "open"}


def __getattr__(name: str) -> Any:
    # Imported on first use: a short command reads a list without SQLAlchemy, see `fast_path`.
    if name in _HOMES:
        from importlib import import_module

        return getattr(import_module(f".{_HOMES[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
