"""What a client can do, wherever the installation is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypedDict, Unpack

from ..domain.environments import Resources
from ..domain.retention import RetentionRule
from ..domain.runs import ParameterRow, RunState
from ..errors import Unavailable

if TYPE_CHECKING:
    from ..api_models import (
        InputsModel,
        InspectionModel,
        JobModel,
        JournalPage,
        PageModel,
        PreviewModel,
        ProjectModel,
        RemovedModel,
        RunModel,
        RunSummaryModel,
        Status,
        VerificationModel,
        VersionModel,
    )
    from .environments import Environments
    from .images import Images


class Settings(TypedDict, total=False):
    """How runs are treated, see `api_models.GivenSettingsModel`."""

    priority: int | None
    max_retries: int | None
    retry_on_timeout: bool | None
    queue_timeout_s: float | None
    start_timeout_s: float | None
    timeout_s: float | None
    total_timeout_s: float | None


class JobSettings(Settings, total=False):
    name: str
    concurrency: int | None
    pinned: Sequence[str]


@dataclass(frozen=True)
class Update:
    """`run` as it is now, in short; `events` are those of its journal since the update before (see
    runner/protocol.py)."""

    run: RunSummaryModel
    events: list[dict[str, Any]] = field(default_factory=list)


class Client(Protocol):
    """A run is named by its id or a unique prefix of it. Every call may raise what `dataops_lab.errors` has."""

    @property
    def images(self) -> Images: ...
    @property
    def environments(self) -> Environments: ...

    def status(self) -> Status: ...

    def inspect(
        self,
        path: str,
        *,
        kernel: str | None = None,
        environment: str = "sandbox",
        image: str | None = None,
        pinned: Sequence[str] | None = None,
    ) -> InspectionModel:
        """What a run of the notebook would take along and could be given there. Stores nothing."""
        ...

    def submit(
        self,
        path: str,
        *,
        parameters: Mapping[str, Any] | None = None,
        texts: Sequence[tuple[str, str]] = (),
        name: str | None = None,
        environment: str = "sandbox",
        kernel: str | None = None,
        image: str | None = None,
        resources: Resources | None = None,
        key: str | None = None,
        pinned: Sequence[str] | None = None,
        **settings: Unpack[Settings],
    ) -> RunModel:
        """Snapshot the notebook and queue a run of it. The same request with the same `key` gives the same run.

        `texts` are parameters as people type them, read by their declared types; they override `parameters`.
        `pinned` become the job's patterns of pinned files; None: those that it has.
        """
        ...

    def submit_many(
        self,
        path: str,
        rows: Sequence[ParameterRow],
        *,
        parameters: Mapping[str, Any] | None = None,
        texts: Sequence[tuple[str, str]] = (),
        name: str | None = None,
        environment: str = "sandbox",
        kernel: str | None = None,
        image: str | None = None,
        resources: Resources | None = None,
        key: str | None = None,
        pinned: Sequence[str] | None = None,
        **settings: Unpack[Settings],
    ) -> list[RunSummaryModel]:
        """Snapshot the notebook once, and queue a run for each row, in their order: all of them or none.

        What a row gives overrides what is given for all. The same rows with the same `key` give the same runs.
        InvalidRows names every row that is wrong.
        """
        ...

    def run(self, run_id: str) -> RunModel: ...
    def inputs(self, run_id: str) -> InputsModel:
        """The files that it finds beside its notebook."""
        ...

    def runs(
        self,
        *,
        states: Sequence[RunState] = (),
        job: str | None = None,
        environment: str | None = None,
        user: str | None = None,
        text: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> PageModel[RunSummaryModel]:
        """One page, newest first; all given conditions hold. `job` is an id, `limit` at most 500."""
        ...

    def every_run(self, *, limit: int = 200, **where: Any) -> Iterator[RunSummaryModel]:
        """All pages of `runs(**where)`, one after the other; `limit` is the size of a page."""
        cursor: str | None = None
        while True:
            page = self.runs(limit=limit, cursor=cursor, **where)
            yield from page.items
            if (cursor := page.next) is None:
                return

    def cancel(self, run_id: str) -> RunModel:
        """Ask for its end, which comes when its death is proven. Safe to repeat; Conflict once it ended otherwise."""
        ...

    def delete(self, run_id: str) -> None:
        """For good, with its record. Conflict before it has ended, and when it is kept."""
        ...

    def keep(self, run_id: str) -> RunModel:
        """From now on nothing deletes it. Safe to repeat."""
        ...

    def unkeep(self, run_id: str) -> RunModel: ...
    def verify(self, run_id: str) -> VerificationModel:
        """Read every byte of its record, and say which are not as they were stored."""
        ...

    def retention(self) -> list[RetentionRule]: ...
    def set_retention(self, rules: Sequence[RetentionRule]) -> list[RetentionRule]:
        """Instead of all there were; the engine applies them within the hour."""
        ...

    def preview_retention(self, rules: Sequence[RetentionRule] | None = None) -> PreviewModel:
        """What the rules would take; None: those there are."""
        ...

    def apply_retention(self) -> RemovedModel:
        """Now, and collect what nothing refers to."""
        ...

    def rerun(
        self,
        run_id: str,
        *,
        parameters: Mapping[str, Any] | None = None,
        environment: str | None = None,
        image: str | None = None,
        resources: Resources | None = None,
        key: str | None = None,
    ) -> RunModel:
        """The same version again, as a new run; `parameters` replaces all of the earlier ones when given.

        In the same environment, and in the same image by its digest, where no other one is given.
        """
        ...

    def follow(self, run_id: str, *, journal: bool = False) -> Iterator[Update]:
        """Until the run has ended: an update at once, at every change, and now and then without one.

        The last update has the run's terminal state. With `journal` its events come along, from the
        first one on, none missing and none twice.
        """
        ...

    def journal(self, run_id: str, *, after: int = 0, limit: int = 1000) -> JournalPage: ...

    def notebook(self, run_id: str) -> bytes:
        """Executed, once the record is stored; before that filled in and without outputs."""
        ...

    def executed_notebook(self, run_id: str) -> bytes:
        """Conflict before the record is stored."""
        ...

    def log(self, run_id: str, *, after: int = 0) -> Iterator[bytes]:
        """In pieces, without its first `after` bytes; what there is so far."""
        ...

    def follow_log(self, run_id: str) -> Iterator[bytes]:
        """All of the log, that of each attempt, until the run has ended."""
        attempt, seen = 1, 0
        cut_off: Unavailable | None = None
        for update in self.follow(run_id, journal=True):
            if update.run.attempt > attempt:
                attempt, seen = update.run.attempt, 0
            try:
                cut_off = None
                for piece in self.log(run_id, after=seen):
                    seen += len(piece)
                    yield piece
            except Unavailable as error:
                # The rest comes with the next update, if there is one.
                cut_off = error
        if cut_off is not None:
            raise cut_off

    def report(self, run_id: str, *, code: bool = False) -> bytes:
        """One HTML page; `code` shows sources."""
        ...

    def artifact(self, run_id: str, name: str, path: Path) -> None:
        """Download to `path`, which appears whole or not at all."""
        ...

    def record(self, run_id: str, path: Path) -> None:
        """Download everything of it, a ZIP file, to `path`, which appears whole or not at all."""
        ...

    def jobs(self, *, text: str | None = None, limit: int = 50, cursor: str | None = None) -> PageModel[JobModel]: ...
    def job(self, job_id: str) -> JobModel: ...
    def change_job(
        self,
        job_id: str,
        *,
        revision: int | None = None,
        **changes: Unpack[JobSettings],
    ) -> JobModel:
        """None takes a setting back, what is not given stays. Conflict when its revision is another than `revision`."""
        ...

    def relink_job(self, job_id: str, *, job: str | None = None, path: str | None = None) -> JobModel:
        """Say that it is the same as the `job` of that id, or the job of the notebook at `path`; one of both is given.

        The runs and versions of the other job go to it, and so does its place. Conflict where that is not clear.
        """
        ...

    def project(self, name: str = "default") -> ProjectModel: ...
    def limit_project(self, name: str, concurrency: int | None) -> ProjectModel:
        """How many of its runs may be active at once; None: as many as there are slots."""
        ...

    def versions(self, job_id: str) -> list[VersionModel]:
        """Newest first."""
        ...
