"""Publications: which runs publish their outputs, and what becomes of each of them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from .runs import Reason, TriggerKind

MANIFEST = ".dataops-outputs.json"
"""The file in a target folder that tells which run published each path. It is written last."""

_BY_ITSELF = {
    TriggerKind.MANUAL: True,
    TriggerKind.SCHEDULE: True,
    TriggerKind.WEBHOOK: True,
    TriggerKind.FILES: True,
    TriggerKind.JOB: True,
    TriggerKind.RERUN: False,
    TriggerKind.TRIAL: False,
    TriggerKind.REPLAY: False,
    TriggerKind.BACKFILL: False,
    TriggerKind.VERIFICATION: False,
}
"""Whether a run publishes when nobody says so. Steps never do: their pipeline does. A repair does as its run did."""


def publishes(trigger: TriggerKind, asked: bool | None = None, *, sweep: bool = False) -> bool:
    """Tell whether a run publishes its outputs. `asked` is what somebody with the right said; None: nothing.

    See "Which runs publish" in docs/guide/outputs.md.
    """
    if trigger not in _BY_ITSELF:
        return False
    return (_BY_ITSELF[trigger] and not sweep) if asked is None else asked


class PublicationState(StrEnum):
    PENDING = "pending"
    PUBLISHED = "published"
    REFUSED = "refused"
    OFFERED = "offered"
    """There is no folder for it: people download it from the record."""


@dataclass(frozen=True)
class Publication:
    """The intent to publish one output of a run that succeeded, and what became of it.

    `folder` is the target folder on the engine's machine, `path` the place in it; None: it is only offered for
    download. `content_run` is the run that left the file: a step, for the output of a pipeline.
    """

    run_id: str
    job_id: str
    path: str
    folder: str | None
    source: str
    content_run: str
    digest: str | None = None
    """None until a report is made."""
    size: int | None = None
    overwrite: bool = False
    state: PublicationState = PublicationState.PENDING
    reason: Reason | None = None
    tries: int = 0
    next_try_at: dt.datetime | None = None
    published_at: dt.datetime | None = None


@dataclass(frozen=True)
class PublishedFile:
    """The newest run that published a path, known also when that run is deleted.

    `digest` is that of the bytes which stand there; None before the first were written.
    """

    folder: str
    path: str
    run_id: str
    job_id: str
    version: str
    digest: str | None = None
    size: int | None = None
    published_at: dt.datetime | None = None


def is_newer(run_id: str, other: str) -> bool:
    """Tell whether the run was made after the other one. Ids of runs are in the order of their times."""
    return run_id > other


MAX_BACKOFF_S = 600.0


def retry_after_s(tries: int) -> float:
    """Return the seconds until another try after so many that failed."""
    return min(2.0 * float(2 ** min(tries, 20)), MAX_BACKOFF_S)


def missing_reason(sources: Sequence[str]) -> Reason:
    more = f" and {len(sources) - 1} more" if len(sources) > 1 else ""
    return Reason(
        "output_missing",
        f"It did not leave its output {sources[0]!r}{more}. Let it write the file, or declare it `optional`.",
        {"missing": list(sources[:20])},
    )
