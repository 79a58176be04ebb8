NEWEST = "0017"
"""The head of migrations/versions.

It is written here so that opening an up-to-date database imports no alembic, and reading a list from it no SQLAlchemy.
"""
