"""A client of the state folder of this machine, without any server."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from ..api_models import (
    AuditEntryModel,
    AuditVerificationModel,
    AuditVerifyRequest,
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
from ..domain.actors import Actor
from ..domain.environments import Resources
from ..domain.outputs import Output
from ..domain.retention import RetentionRule
from ..domain.runs import ParameterRow, RunState, RunSummary, Submission
from ..domain.sweeps import Sweep
from ..ports import AuditFilter, RunFilter
from ..services import (
    Services,
    audit,
    comparisons,
    installation,
    integrity,
    jobs,
    moves,
    portable_records,
    projects,
    publications,
    records,
    reproductions,
    retention,
    runs,
)
from ..services.permissions import may_administer
from ..services.placement import PlacementOverride
from ..services.reproductions import Wanted
from ..services.runs import RunView
from .base import AuditWhere, Client, JobSettings, Settings, Update
from .files import open_replacement

if TYPE_CHECKING:
    from .environments import Environments
    from .images import Images
    from .notifications import Notifications
    from .pipelines import Pipelines
    from .schedules import Schedules
    from .subscriptions import Subscriptions

JOURNAL_POLL_INTERVAL_S = 0.03
KEEPALIVE_INTERVAL_S = 1.0
_CHUNK = 256 * 1024


class LocalClient(Client):
    """A client of the state folder of this machine. `user` is the person who submits and cancels.

    Paths are those of this machine. `root` is the workspace; None: find it.
    """

    def __init__(self, services: Services, *, user: Actor, root: str | None = None) -> None:
        self._ctx, self._user, self._root = services, user, root

    # The imports for images and environments take longer than to read a page of runs.
    @cached_property
    def images(self) -> Images:
        from .images import LocalImages

        return LocalImages(self._ctx, user=self._user)

    @cached_property
    def environments(self) -> Environments:
        from .environments import LocalEnvironments

        return LocalEnvironments(self._ctx, user=self._user)

    @cached_property
    def pipelines(self) -> Pipelines:
        from .pipelines import LocalPipelines

        return LocalPipelines(self._ctx, user=self._user, root=self._root)

    @cached_property
    def subscriptions(self) -> Subscriptions:
        from .subscriptions import LocalSubscriptions

        return LocalSubscriptions(self._ctx, user=self._user)

    @cached_property
    def schedules(self) -> Schedules:
        from .schedules import LocalSchedules

        return LocalSchedules(self._ctx, user=self._user, root=self._root)

    @cached_property
    def notifications(self) -> Notifications:
        from .notifications import LocalNotifications

        return LocalNotifications(self._ctx, user=self._user)

    def status(self) -> Status:
        overview = installation.overview(self._ctx)
        return Status.from_domain(
            overview,
            user=self._user,
            home=str(self._ctx.home),
            may_administer=may_administer(self._ctx, self._user),
            culled=installation.is_culled(os.environ),
        )

    def inspect(
        self,
        path: str,
        *,
        kernel: str | None = None,
        environment: str = "sandbox",
        image: str | None = None,
        pinned: Sequence[str] | None = None,
    ) -> InspectionModel:
        inspection = jobs.inspect(
            self._ctx,
            path,
            root=self._root,
            by=self._user,
            kernel=kernel,
            environment=environment,
            image=image,
            pinned=pinned,
        )
        return InspectionModel.from_domain(inspection)

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
        submission_options = {
            "name": name,
            "environment": environment,
            "kernel": kernel,
            "image": image,
            "key": key,
            "sweep": sweep,
            "outputs": None if outputs is None else tuple(outputs),
            "publish": publish,
            "reuse": reuse,
            **settings,
        }
        submission = self._submission(path, parameters, texts, resources, pinned, submission_options)
        return RunModel.from_domain(runs.submit(self._ctx, submission, by=self._user).view)

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
        given = {
            "name": name,
            "environment": environment,
            "kernel": kernel,
            "image": image,
            "key": key,
            "outputs": None if outputs is None else tuple(outputs),
            "publish": publish,
            **settings,
        }
        submission = self._submission(path, parameters, texts, resources, pinned, given)
        submission_result = runs.submit_many(self._ctx, submission, rows, by=self._user)
        return [RunSummaryModel.from_domain(run) for run, _ in submission_result]

    def _submission(
        self,
        path: str,
        parameters: Mapping[str, Any] | None,
        texts: Sequence[tuple[str, str]],
        resources: Resources | None,
        pinned: Sequence[str] | None,
        given: dict[str, Any],
    ) -> Submission:
        return Submission(
            path=path,
            root=self._root,
            parameters=dict(parameters or {}),
            texts=tuple(texts),
            resources=resources or Resources(),
            pinned=None if pinned is None else tuple(pinned),
            **given,
        )

    def run(self, run_id: str) -> RunModel:
        return RunModel.from_domain(runs.get(self._ctx, run_id))

    def inputs(self, run_id: str) -> InputsModel:
        return InputsModel.from_domain(records.files(self._ctx, run_id))

    def comparison(self, run_id: str) -> ComparisonModel:
        return ComparisonModel.from_domain(comparisons.of_run(self._ctx, run_id))

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
        where = RunFilter(
            states=tuple(states),
            job_id=job,
            environment=environment,
            created_by=user,
            text=text,
            parent_id=parent,
            step=step,
        )
        page = runs.page(self._ctx, where, limit=limit, cursor=cursor)
        return PageModel[RunSummaryModel](
            items=[RunSummaryModel.from_domain(run) for run in page.items], next=page.next
        )

    def cancel(self, run_id: str) -> RunModel:
        return RunModel.from_domain(runs.cancel(self._ctx, run_id, by=self._user))

    def delete(self, run_id: str) -> None:
        retention.delete(self._ctx, run_id, by=self._user)

    def keep(self, run_id: str) -> RunModel:
        return RunModel.from_domain(retention.keep(self._ctx, run_id, by=self._user))

    def unkeep(self, run_id: str) -> RunModel:
        return RunModel.from_domain(retention.unkeep(self._ctx, run_id, by=self._user))

    def verify(self, run_id: str) -> VerificationModel:
        run = runs.get(self._ctx, run_id).run
        return VerificationModel(run=run.id, integrity_errors=dict(integrity.verify(self._ctx, run.id, by=self._user)))

    def audit(
        self, *, limit: int = 50, cursor: str | None = None, **where: Unpack[AuditWhere]
    ) -> PageModel[AuditEntryModel]:
        found = audit.page(self._ctx, AuditFilter(**where), limit=limit, cursor=cursor, by=self._user)
        return PageModel[AuditEntryModel](
            items=[AuditEntryModel.from_domain(entry) for entry in found.items], next=found.next
        )

    def verify_audit(self, against: Sequence[str] = ()) -> AuditVerificationModel:
        heads = AuditVerifyRequest(against=list(against)).to_domain()
        named = [(head, f"The given head {head.seq}") for head in heads]
        return AuditVerificationModel.from_domain(audit.verify(self._ctx, against=named, by=self._user))

    def retention(self) -> list[RetentionRule]:
        return list(retention.rules(self._ctx))

    def set_retention(self, rules: Sequence[RetentionRule]) -> list[RetentionRule]:
        return list(retention.set_rules(self._ctx, rules, by=self._user))

    def preview_retention(self, rules: Sequence[RetentionRule] | None = None) -> PreviewModel:
        return PreviewModel.from_domain(retention.preview(self._ctx, rules))

    def apply_retention(self) -> RemovedModel:
        return RemovedModel(**vars(retention.apply_now(self._ctx, by=self._user)))

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
        given = None if parameters is None else dict(parameters)
        placement_override = PlacementOverride(environment, image, resources or Resources())
        submitted = runs.rerun(
            self._ctx,
            run_id,
            parameters=given,
            by=self._user,
            override=placement_override,
            key=key,
            publish=publish or None,
        )
        return RunModel.from_domain(submitted.view)

    def follow(self, run_id: str, *, journal: bool = False) -> Iterator[Update]:
        ctx = self._ctx
        tail = _JournalTail(ctx) if journal else None
        bell = ctx.store.change_signal()
        change_counter: int | None = None
        last_run: RunSummary | None = None
        last_update_at = 0.0
        view = runs.get(ctx, run_id)
        try:
            while True:
                # The reason why a run waits can change without a commit, for example when an engine is killed.
                is_keepalive_due = time.monotonic() - last_update_at >= KEEPALIVE_INTERVAL_S
                bell.clear()
                counter_before, change_counter = change_counter, ctx.store.change_counter()
                if is_keepalive_due or last_run is None or change_counter != counter_before:
                    if tail:
                        view = runs.get(ctx, view.run.id)
                    run = runs.summary_of(view) if tail else runs.summary(ctx, view.run.id)
                events = tail.read(view) if tail else []
                if events or is_keepalive_due or run != last_run:
                    last_run, last_update_at = run, time.monotonic()
                    yield Update(RunSummaryModel.from_domain(run), events)
                if not events:
                    if run.state.is_terminal:
                        return
                    # A journal grows without a commit.
                    bell.wait(JOURNAL_POLL_INTERVAL_S if journal else KEEPALIVE_INTERVAL_S)
        finally:
            bell.close()
            if tail:
                tail.close()

    def journal(self, run_id: str, *, after: int = 0, limit: int = 1000) -> JournalPage:
        return JournalPage(**vars(records.journal(self._ctx, run_id, after=after, limit=limit)))

    def notebook(self, run_id: str) -> bytes:
        return records.notebook(self._ctx, run_id)

    def executed_notebook(self, run_id: str) -> bytes:
        return records.executed_notebook(self._ctx, run_id)

    def log(self, run_id: str, *, after: int = 0) -> Iterator[bytes]:
        with records.log(self._ctx, run_id) as log:
            log.seek(after)
            while chunk := log.read(_CHUNK):
                yield chunk

    def report(self, run_id: str, *, code: bool = False) -> bytes:
        with records.report(self._ctx, run_id, code=code) as page:
            return page.read()

    def artifact(self, run_id: str, name: str, path: Path) -> None:
        _, stored = records.artifact(self._ctx, run_id, name)
        with stored, open_replacement(path) as target:
            while chunk := stored.read(_CHUNK):
                target.write(chunk)

    def outputs(self, run_id: str) -> OutputsModel:
        return OutputsModel.from_domain(publications.list_outputs(self._ctx, run_id))

    def output(self, run_id: str, name: str, path: Path) -> None:
        _, stored = publications.open_output(self._ctx, run_id, name)
        with stored, open_replacement(path) as target:
            while chunk := stored.read(_CHUNK):
                target.write(chunk)

    def publish(self, run_id: str, *, overwrite: bool = False) -> OutputsModel:
        publications.publish(self._ctx, run_id, overwrite=overwrite, by=self._user)
        return self.outputs(run_id)

    def reproduce(
        self, run_id: str, *, step: str | None = None, item: str | None = None, folder: str | None = None
    ) -> ReproductionModel:
        reproduction = reproductions.reproduce(
            self._ctx,
            Wanted(run_id, step, item),
            below=Path.cwd(),
            folder=None if folder is None else Path(folder).absolute(),
            by=self._user,
        )
        return ReproductionModel.from_domain(reproduction, str(reproduction.folder))

    def record(self, run_id: str, path: Path) -> None:
        with open_replacement(path) as target:
            portable_records.export(self._ctx, run_id, target)

    def jobs(self, *, text: str | None = None, limit: int = 50, cursor: str | None = None) -> PageModel[JobModel]:
        page = jobs.page(self._ctx, limit=limit, cursor=cursor, text=text)
        return PageModel[JobModel](items=[JobModel.from_domain(view) for view in page.items], next=page.next)

    def job(self, job_id: str) -> JobModel:
        return JobModel.from_domain(jobs.get(self._ctx, job_id))

    def change_job(self, job_id: str, *, revision: int | None = None, **changes: Unpack[JobSettings]) -> JobModel:
        return JobModel.from_domain(jobs.change(self._ctx, job_id, changes, revision=revision, by=self._user))

    def project(self, name: str = "default") -> ProjectModel:
        return ProjectModel.model_validate(projects.get(self._ctx, name))

    def limit_project(self, name: str, concurrency: int | None) -> ProjectModel:
        return ProjectModel.model_validate(projects.limit(self._ctx, name, concurrency, by=self._user))

    def relink_job(self, job_id: str, *, job: str | None = None, path: str | None = None) -> JobModel:
        moves.relink(self._ctx, job_id, other=job, path=path, by=self._user)
        return self.job(job_id)

    def versions(self, job_id: str) -> list[VersionModel]:
        return [VersionModel.from_domain(version) for version in jobs.versions(self._ctx, job_id)]


class _JournalTail:
    """The journal of a run's latest attempt while it grows."""

    def __init__(self, ctx: Services) -> None:
        self._ctx = ctx
        self._attempt = 0
        self._journal: records.Journal | None = None

    def read(self, view: RunView) -> list[dict[str, Any]]:
        """Read the new events; empty when there are none for now."""
        latest_number = view.attempts[-1].number if view.attempts else 0
        if latest_number != self._attempt:
            self.close()
            self._attempt, self._journal = latest_number, None
        self._journal = self._journal or records.open_journal(self._ctx, view)
        return [journal_line.event for journal_line in self._journal.read()] if self._journal else []

    def close(self) -> None:
        if self._journal:
            self._journal.close()
