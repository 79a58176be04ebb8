"""A job: a notebook that can be run, known by its workspace and path. A project: a group of jobs."""

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
    """`concurrency` is the number of its runs that may be active at once; None: as many as there are slots, 0: none."""

    name: str
    concurrency: int | None = None
    revision: int = field(default=1, compare=False)
    """A number that counts the changes."""


@dataclass(frozen=True)
class Job:
    """A job is known by its workspace and the POSIX `path` below a root of that.

    `source` is the absolute path below the root that this machine saw last. The store fills it in, and keeps none.
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
    pinned: tuple[str, ...] = ()
    revision: int = field(default=1, compare=False)
    """A number that counts the changes."""
