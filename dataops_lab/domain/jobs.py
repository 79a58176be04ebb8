"""A job: a notebook that can be run, known by its workspace and path. A project: what jobs belong to."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from enum import StrEnum

from .actors import Actor
from .settings import GivenSettings

DEFAULT_PROJECT = "default"


class JobKind(StrEnum):
    NOTEBOOK = "notebook"
    SCRIPT = "script"
    COMMAND = "command"
    PIPELINE = "pipeline"


@dataclass(frozen=True)
class Project:
    """`concurrency`: how many runs of it may be active at once; None: as many as there are slots, 0: none."""

    name: str
    concurrency: int | None = None
    revision: int = field(default=1, compare=False)
    """Counts the changes."""


@dataclass(frozen=True)
class Job:
    """`source` is the notebook's real absolute path, so that every way to reach it is one job.

    It is `path` below a root of the workspace, which the store fills in.

    `settings` are those of its runs for which a submission gives none, `concurrency` as in Project.
    """

    id: str
    project: str
    name: str
    source: str
    created_at: dt.datetime
    created_by: Actor
    concurrency: int | None = None
    settings: GivenSettings = GivenSettings()
    kind: JobKind = JobKind.NOTEBOOK
    workspace_id: str = ""
    path: str = ""
    cell_ids: tuple[str, ...] | None = None
    pinned: tuple[str, ...] = ()
    revision: int = field(default=1, compare=False)
    """Counts the changes."""
