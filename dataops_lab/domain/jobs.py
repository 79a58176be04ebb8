"""A job: a notebook that can be run, known by where it lies."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

DEFAULT_PROJECT = "default"


@dataclass(frozen=True)
class Job:
    """`source` is the notebook's real absolute path, so that every way to reach it is one job."""

    id: str
    project: str
    name: str
    source: str
    created_at: dt.datetime
    created_by: str
