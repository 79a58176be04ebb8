NEWEST = "0007"
"""Head of migrations/versions; written here so that opening an up-to-date database imports no alembic,
and reading a list from one no SQLAlchemy."""
