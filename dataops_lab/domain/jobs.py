"""A job: a notebook, script or command that can be run, known by workspace and path. A project: a group of jobs."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import PurePosixPath

from .actors import Actor
from .settings import GivenSettings

DEFAULT_PROJECT = "default"


class JobKind(StrEnum):
    """The kind of a job and of its runs."""

    NOTEBOOK = "notebook"
    SCRIPT = "script"
    COMMAND = "command"
    PIPELINE = "pipeline"
    SWEEP = "sweep"
    """A run of a notebook or script for each of many points. No job has this kind."""

    @property
    def has_steps(self) -> bool:
        """True for runs that have no attempt and take no slot, because their steps are runs."""
        return self in (JobKind.PIPELINE, JobKind.SWEEP)


STEP_MARK = "#"
"""The mark in the path of a command between the pipeline's file and the id of its step."""

SCRIPT_SUFFIXES = frozenset({".py", ".sh", ".bash", ".r"})
PIPELINE_SUFFIX = ".pipeline.yaml"
"""The end of the names of new pipelines."""

PIPELINE_SUFFIXES = (PIPELINE_SUFFIX, ".pipeline.yml")


def without_pipeline_suffix(name: str) -> str:
    """Return the name of a pipeline's file without its end; any other name as it is."""
    for suffix in PIPELINE_SUFFIXES:
        if name.endswith(suffix):
            return name.removesuffix(suffix)
    return name


def kind_of_path(path: str) -> JobKind:
    """Return the kind of job that the file at this path is; a notebook, if neither script nor pipeline."""
    if path.endswith(PIPELINE_SUFFIXES):
        return JobKind.PIPELINE
    return JobKind.SCRIPT if PurePosixPath(path).suffix.lower() in SCRIPT_SUFFIXES else JobKind.NOTEBOOK


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
