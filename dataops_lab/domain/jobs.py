"""A job: a notebook that can be run, known by where it lies. A project: what jobs belong to."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field

from .settings import GivenSettings

DEFAULT_PROJECT = "default"


@dataclass(frozen=True)
class Project:
    """`concurrency`: how many runs of it may be active at once; None: as many as there are slots, 0: none."""

    name: str
    concurrency: int | None = None


@dataclass(frozen=True)
class Job:
    """`source` is the notebook's real absolute path, so that every way to reach it is one job.

    `settings` are those of its runs for which a submission gives none, `concurrency` as in Project.
    """

    id: str
    project: str
    name: str
    source: str
    created_at: dt.datetime
    created_by: str
    concurrency: int | None = None
    settings: GivenSettings = GivenSettings()
    revision: int = field(default=1, compare=False)
    """Counts the changes."""
