"""The settings of jobs and runs, each in a column of its own."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, TypeVar

from ..domain.settings import GivenSettings, RunSettings

S = TypeVar("S", RunSettings, GivenSettings)


def pop_settings(row: dict[str, Any], kind: type[S]) -> S:
    """Take the settings out of `row`, where the other columns stay."""
    return kind(**{field.name: row.pop(field.name) for field in fields(kind)})
