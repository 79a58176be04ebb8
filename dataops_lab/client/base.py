"""The calls of every client, wherever the installation is."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypedDict, Unpack

from ..domain.audit import Outcome
from ..domain.environments import Resources
from ..domain.outputs import Output
from ..domain.retention import RetentionRule
from ..domain.runs import ParameterRow, RunState
from ..domain.sweeps import Sweep
from ..errors import Unavailable

if TYPE_CHECKING:
    from ..api_models import (
        AuditEntryModel,
        AuditVerificationModel,
        ComparisonModel,
        InputsModel,
        InspectionModel,
        JobModel,
        JournalPage,
        OutputsModel,
        PageModel,
        PreviewModel,
        ProjectModel,
        RemovedModel,
        ReproductionModel,
        RunModel,
        RunSummaryModel,
        Status,
        VerificationModel,
        VersionModel,
    )
    from .environments import Environments
    from .images import Images
    from .notifications import Notifications
    from .pipelines import Pipelines
    from .schedules import Schedules
    from .subscriptions import Subscriptions


class Settings(TypedDict, total=False):
    """Settings for the treatment of runs, see `api_models.GivenSettingsModel`."""

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


class AuditWhere(TypedDict, total=False):
    """Conditions for entries of the audit trail. `since` counts, `until` does not."""

    actor: str | None
    verb: str | None
    object_kind: str | None
    object_id: str | None
    project: str | None
    environment: str | None
    outcome: Outcome | None
    since: dt.datetime | None
    until: dt.datetime | None


@dataclass(frozen=True)
class Update:
    """News of a run: `run` is its summary as it is now.

    `events` are the events of its journal since the update before (see rundir/protocol.py).
    """

    run: RunSummaryModel
    events: list[dict[str, Any]] = field(default_factory=list)


class Client(Protocol):
    """A client of an installation. A run is named by its id or a unique prefix of it.

    Every call may raise the exceptions of `dataops_lab.errors`.
    """

    @property
    def images(self) -> Images: ...
    @property
    def environments(self) -> Environments: ...
    @property
    def pipelines(self) -> Pipelines: ...
    @property
    def schedules(self) -> Schedules: ...
    @property
    def notifications(self) -> Notifications: ...
    @property
    def subscriptions(self) -> Subscriptions: ...

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
        """Tell what a run of the notebook would take along, and what it could be given there. It stores nothing."""
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
        sweep: Sweep | None = None,
        outputs: Sequence[Output] | None = None,
        publish: bool | None = None,
        reuse: bool = False,
        **settings: Unpack[Settings],
    ) -> RunModel:
        """Take a snapshot of the notebook and queue a run of it. The same request and `key` again give the same run.

        `texts` are parameters as people type them, read by their declared types; they override `parameters`.
        `pinned` becomes the job's patterns of pinned files; None leaves those that it has. With `sweep`, the run has a
        point for each combination of its values. With `reuse`, steps of a pipeline that have not changed take over the
        results of earlier runs.
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
        outputs: Sequence[Output] | None = None,
        publish: bool | None = None,
        **settings: Unpack[Settings],
    ) -> list[RunSummaryModel]:
        """Take one snapshot of the notebook, and queue a run for each row, in their order: all of them or none.

        The values of a row override those that are given for all rows. The same rows with the same `key` give the same
        runs. InvalidRows names every row that is wrong.
        """
        ...

    def run(self, run_id: str) -> RunModel: ...
    def inputs(self, run_id: str) -> InputsModel:
        """List the files that the run finds beside its notebook."""
        ...

    def comparison(self, run_id: str) -> ComparisonModel:
        """Compare a run that has ended with the last success of its job in its environment before it."""
        ...

    def runs(
        self,
        *,
        states: Sequence[RunState] = (),
        job: str | None = None,
        environment: str | None = None,
        user: str | None = None,
        text: str | None = None,
        parent: str | None = None,
        step: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> PageModel[RunSummaryModel]:
        """List one page of the runs that meet all given conditions, newest first.

        `job` is an id; `limit` is at most 500. The runs of a pipeline's steps are in the list with its `parent` only,
        the id of a pipeline run; `step` leaves those of one step.
        """
        ...

    def iter_runs(self, *, limit: int = 200, **filters: Any) -> Iterator[RunSummaryModel]:
        """Yield the runs of all pages of `runs(**where)`; `limit` is the size of a page."""
        cursor: str | None = None
        while True:
            page = self.runs(limit=limit, cursor=cursor, **filters)
            yield from page.items
            if (cursor := page.next) is None:
                return

    def cancel(self, run_id: str) -> RunModel:
        """Ask for the end of the run. It is cancelled once it is proven dead.

        Safe to repeat. Conflict when it has ended in another way.
        """
        ...

    def delete(self, run_id: str) -> None:
        """Delete the run and its record for good. Conflict before it has ended, and while it is kept."""
        ...

    def keep(self, run_id: str) -> RunModel:
        """Keep the run: from now on nothing deletes it. Safe to repeat."""
        ...

    def unkeep(self, run_id: str) -> RunModel: ...
    def verify(self, run_id: str) -> VerificationModel:
        """Read every byte of the record and inputs of the run, and tell which files are not as they were stored."""
        ...

    def retention(self) -> list[RetentionRule]: ...
    def set_retention(self, rules: Sequence[RetentionRule]) -> list[RetentionRule]:
        """Replace all rules; the engine applies the new ones within the hour."""
        ...

    def preview_retention(self, rules: Sequence[RetentionRule] | None = None) -> PreviewModel:
        """Tell which runs the rules would delete; None stands for the rules that are set."""
        ...

    def apply_retention(self) -> RemovedModel:
        """Apply the rules now, and remove stored bytes that nothing refers to."""
        ...

    def audit(
        self, *, limit: int = 50, cursor: str | None = None, **where: Unpack[AuditWhere]
    ) -> PageModel[AuditEntryModel]:
        """List one page of the entries of the audit trail that meet all given conditions, newest first.

        `limit` is at most 500. Forbidden for others than administrators.
        """
        ...

    def verify_audit(self, against: Sequence[str] = ()) -> AuditVerificationModel:
        """Check the audit trail, also against heads that were kept, each as `NUMBER:DIGEST`."""
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
        publish: bool = False,
    ) -> RunModel:
        """Run the same version again, as a new run; `parameters`, when given, replaces all of the earlier ones.

        It runs in the same environment, and in the same image by its digest, unless another one is given.
        """
        ...

    def follow(self, run_id: str, *, journal: bool = False) -> Iterator[Update]:
        """Yield updates until the run has ended: one at once, one at every change, and some without a change.

        The last update has the run's terminal state. With `journal` the updates hold the events of its journal, from
        the first one on. No event is missing, and none comes twice.
        """
        ...

    def journal(self, run_id: str, *, after: int = 0, limit: int = 1000) -> JournalPage: ...

    def notebook(self, run_id: str) -> bytes:
        """Read the executed notebook; before the record is stored, the notebook with its parameters and no outputs."""
        ...

    def executed_notebook(self, run_id: str) -> bytes:
        """Read the executed notebook. Conflict before the record is stored."""
        ...

    def log(self, run_id: str, *, after: int = 0) -> Iterator[bytes]:
        """Yield the log so far in pieces, without its first `after` bytes."""
        ...

    def follow_log(self, run_id: str) -> Iterator[bytes]:
        """Yield the logs of all attempts until the run has ended."""
        attempt, byte_count = 1, 0
        log_error: Unavailable | None = None
        for update in self.follow(run_id, journal=True):
            if update.run.attempt > attempt:
                attempt, byte_count = update.run.attempt, 0
            try:
                log_error = None
                for chunk in self.log(run_id, after=byte_count):
                    byte_count += len(chunk)
                    yield chunk
            except Unavailable as error:
                # The next update brings the rest, if there is one.
                log_error = error
        if log_error is not None:
            raise log_error

    def report(self, run_id: str, *, code: bool = False) -> bytes:
        """Read the report, one HTML page; `code` shows the sources of cells."""
        ...

    def artifact(self, run_id: str, name: str, path: Path) -> None:
        """Download an artifact to `path`, which appears whole or not at all."""
        ...

    def outputs(self, run_id: str) -> OutputsModel:
        """List the outputs that the run declares, with what became of each."""
        ...

    def output(self, run_id: str, name: str, path: Path) -> None:
        """Download the output that is published at `name` to `path`, which appears whole or not at all."""
        ...

    def publish(self, run_id: str, *, overwrite: bool = False) -> OutputsModel:
        """Publish the outputs of a run that succeeded, also once more those that were refused. Safe to repeat."""
        ...

    def reproduce(
        self, run_id: str, *, step: str | None = None, item: str | None = None, folder: str | None = None
    ) -> ReproductionModel:
        """Fill a folder with the files, parameters and variables of the run, without secrets. Nothing is executed.

        It is `folder`, or one in `dataops-reproduce` of the present folder, for a server of its root. The second call
        returns the same folder as long as nobody has changed it.
        """
        ...

    def record(self, run_id: str, path: Path) -> None:
        """Download everything of the run as a ZIP file to `path`, which appears whole or not at all."""
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
        """Change a job. None takes a setting back; settings that are not given stay.

        Conflict when its revision is not `revision`.
        """
        ...

    def relink_job(self, job_id: str, *, job: str | None = None, path: str | None = None) -> JobModel:
        """Join another job into this one: the job with the id `job`, or that of the notebook at `path`, not both.

        This job gets the runs, the versions and the place of the other one. Conflict where that is not clear.
        """
        ...

    def project(self, name: str = "default") -> ProjectModel: ...
    def limit_project(self, name: str, concurrency: int | None) -> ProjectModel:
        """Limit how many runs of the project may be active at once; None: as many as there are slots."""
        ...

    def versions(self, job_id: str) -> list[VersionModel]:
        """List the versions of a job, newest first."""
        ...
