"""The database: SQLite for one person, and the same tables on PostgreSQL for teams."""

from .open import open_store
from .sql import SqlStore
from .sqlite import open_sqlite

__all__ = ["SqlStore", "open_sqlite", "open_store"]
