"""The settings of jobs and runs, each in a column of its own."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, TypeVar

from ..domain.settings import GivenSettings, RunSettings

S = TypeVar("S", RunSettings, GivenSettings)


def taken_from(row: dict[str, Any], kind: type[S]) -> S:
    """Take the settings out of `row`, where the other columns stay."""
    return kind(**{it.name: row.pop(it.name) for it in fields(kind)})
