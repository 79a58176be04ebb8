"""An event: a row that tells of one change. The transaction of the change writes it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple

from .actors import Actor


class SubjectKind(StrEnum):
    RUN = "run"
    JOB = "job"
    PROJECT = "project"
    WORKSPACE = "workspace"
    ENVIRONMENT = "environment"
    VARIABLE = "variable"
    SECRET = "secret"  # noqa: S105
    IMAGE = "image"
    RETENTION = "retention"
    SCHEDULE = "schedule"
    CALENDAR = "calendar"
    INSTALLATION = "installation"
    PERSON = "person"
    TARGET = "target"


class Subject(NamedTuple):
    """The object that an event is about.

    `id` is its key: of a variable `environment/name`, of a secret `scope/name`.
    """

    kind: SubjectKind
    id: str


def run_subject(run_id: str) -> Subject:
    return Subject(SubjectKind.RUN, run_id)


@dataclass(frozen=True)
class Event:
    """`seq` orders all events of an installation; it is the `Last-Event-ID` of the event stream.

    `actor` is the person or program that made the change, None where nobody is known. `revision` is the one that the
    subject has since then. It is None from the time before revisions were counted, and for a subject that is gone.
    """

    seq: int
    subject: Subject
    at: dt.datetime
    kind: str
    """The kind of the subject, a dot and what happened: `environment.changed`, `secret.set`, `job.moved`.

    For runs: `run.<state>`, `attempt.<state>`, `run.progress`, `run.cancel_requested`, `run.kept`, `run.unkept`,
    `run.decided` (a person approved or rejected a step), `run.reproduced` (a kernel got its secrets),
    `run.reaction_failed`; and `run.deleted`, the only one that is left of a run that is gone.
    """
    actor: Actor | None = None
    revision: int | None = None
    data: dict[str, Any] = field(default_factory=dict)
