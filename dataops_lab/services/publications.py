"""Publishing outputs: written down with the end of a run, and done by the engine."""

from __future__ import annotations

import datetime as dt
import io
import json
import posixpath
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import groupby
from typing import BinaryIO

from ..domain.actors import Actor
from ..domain.jobs import Job, JobKind
from ..domain.outputs import MADE, REPORT, REPORT_WITHOUT_CODE, RunOutput, artifact_path
from ..domain.policy import ObjectKind, Verb
from ..domain.publications import MANIFEST, Publication, PublicationState, PublishedFile, is_newer, retry_after_s
from ..domain.records import Record, RecordFileKind
from ..domain.runs import Reason, Run, RunState
from ..errors import Conflict, Damaged, DataOpsError, InvalidOutputs, NotFound, Refused, StaleWrite, StoreBusy
from ..ports import OutputFolder, Transaction
from . import records
from .context import Services
from .declared_outputs import decides_to_publish, is_left, of_run, outputs_of_steps
from .permissions import require
from .pipeline_progress import pipeline_of

# --- at the end of a run --------------------------------------------------------------------------


def react(ctx: Services, tx: Transaction, ended: Sequence[Run], at: dt.datetime) -> None:
    """Write down what the runs that succeeded publish. The engine goes on with it, whatever happens to this one."""
    for run in ended:
        wants = run.publish and run.state is RunState.SUCCEEDED and not run.nothing_to_do
        if wants and (planned := plan(ctx, tx, run)):
            tx.publications.add(planned, at=at)


def plan(ctx: Services, tx: Transaction, run: Run, *, overwrite: bool = False) -> list[Publication]:
    """Return a publication for each output that the run left."""
    manifest = tx.versions.get(run.job_id, run.version_digest).manifest
    left: list[tuple[RunOutput, Record | None]]
    if run.kind is JobKind.PIPELINE:
        pipeline = pipeline_of(ctx, manifest)
        left = list(outputs_of_steps(tx, run, pipeline)) if pipeline is not None and pipeline.outputs else []
    elif manifest.outputs and run.kind is not JobKind.SWEEP:
        record = tx.records.find_for_run(run.id)
        left = [(output, record) for output in of_run(manifest, run)]
    else:
        left = []
    if not left:
        return []
    job = tx.jobs.get(run.job_id)
    target = _target(tx, run, job)
    planned = []
    for output, record in left:
        if record is None or not is_left(record, output, manifest.folder):
            continue
        found = _content(record, output, manifest.folder)
        path = posixpath.normpath(posixpath.join(posixpath.dirname(job.path), output.path))
        planned.append(
            Publication(
                run_id=run.id,
                job_id=run.job_id,
                path=path,
                folder=target.folder,
                source=output.source,
                content_run=record.run_id,
                digest=found[0] if found else None,
                size=found[1] if found else None,
                overwrite=output.overwrite or overwrite,
                state=PublicationState.PENDING if target.folder else PublicationState.OFFERED,
                reason=target.reason,
            )
        )
    return planned


def _content(record: Record, output: RunOutput, folder: str) -> tuple[str, int] | None:
    if output.source in (REPORT, REPORT_WITHOUT_CODE):
        return None
    if output.source in MADE:
        file = record.find_file(RecordFileKind.NOTEBOOK)
    else:
        path = artifact_path(output, folder)
        file = next((file for file in record.artifacts if file.path == path), None)
    return (file.digest, file.size) if file else None


@dataclass(frozen=True)
class _Target:
    """The folder to which a run publishes; without one `reason` says why its outputs are only offered."""

    folder: str | None
    reason: Reason | None = None


def _target(tx: Transaction, run: Run, job: Job) -> _Target:
    # `get` would lock the environment, which comes before rows.
    environment = next((each for each in tx.environments.all() if each.name == run.environment), None)
    if environment is not None and environment.output_folder is not None:
        return _Target(environment.output_folder)
    if environment is None or environment.guarded:
        message = f"{run.environment} has no folder for outputs. An administrator can name one."
        return _Target(None, Reason("no_output_folder", message))
    here = tx.workspaces.list_local_roots([job.workspace_id])
    if not here:
        return _Target(None, Reason("workspace_elsewhere", "The workspace is not on the machine of the engine."))
    return _Target(here[0].root)


# --- publishing -----------------------------------------------------------------------------------


def publish(ctx: Services, run_id: str, *, overwrite: bool = False, by: Actor) -> Sequence[Publication]:
    """Publish the outputs of a run that succeeded, also when it does not by itself, or once more what was refused.

    Files that are published or under way stay so. Safe to repeat.
    """
    with ctx.store.begin() as tx:
        run = tx.runs.get(run_id)
        require(ctx, by, Verb.PUBLISH, ObjectKind.RUN, owner=run.created_by, what=f"Run {run.id}")
        environment = next((each for each in tx.environments.all() if each.name == run.environment), None)
        if environment is not None:
            decides_to_publish(ctx, run.trigger.kind, True, environment, by=by)
        if run.state is not RunState.SUCCEEDED:
            raise Conflict(f"Run {run.id} is {run.state}. Only runs that succeeded publish.", code="not_succeeded")
        known = {each.path: each for each in tx.publications.list_for_run(run.id)}
        wanted = plan(ctx, tx, run, overwrite=overwrite)
        if not wanted:
            raise Conflict(f"Run {run.id} has no outputs. Declare them, and run it again.", code="no_outputs")
        again = [
            each
            for each in wanted
            if each.path not in known
            or known[each.path].state is PublicationState.REFUSED
            or (known[each.path].state is PublicationState.OFFERED and each.folder is not None)
        ]
        tx.publications.add(again, at=ctx.clock.now(), by=by)
        return tx.publications.list_for_run(run.id)


@dataclass(frozen=True)
class OutputView:
    """A declared output of a run. `publication` is None as long as the run has not left it.

    `is_planned`: it is to be published, or was. A run that publishes nothing has its files all the same.
    """

    path: str
    source: str
    optional: bool
    publication: Publication | None = None
    is_planned: bool = False


@dataclass(frozen=True)
class OutputsView:
    run: Run
    outputs: Sequence[OutputView]

    @property
    def may_publish(self) -> bool:
        return self.run.state is RunState.SUCCEEDED and any(
            output.publication is not None
            and (not output.is_planned or output.publication.state is PublicationState.REFUSED)
            for output in self.outputs
        )


def list_outputs(ctx: Services, run_id: str) -> OutputsView:
    """Return the outputs that the run declares, with what became of each."""
    with ctx.store.read() as tx:
        run = tx.runs.get(run_id)
        planned = {each.path: each for each in tx.publications.list_for_run(run.id)}
        left = {each.path: each for each in plan(ctx, tx, run)} if run.state is RunState.SUCCEEDED else {}
        declared = _declared(ctx, tx, run)
    paths = sorted({*planned, *left, *(declared if run.state is not RunState.SUCCEEDED else ())})
    found = []
    for path in paths:
        publication = planned.get(path) or left.get(path)
        source, optional = declared.get(path, (publication.source if publication else "", False))
        found.append(OutputView(path, source, optional, publication, path in planned))
    return OutputsView(run, found)


def _declared(ctx: Services, tx: Transaction, run: Run) -> dict[str, tuple[str, bool]]:
    """Return source and flag of each declared output by its path in the target folder, as far as it is known."""
    manifest = tx.versions.get(run.job_id, run.version_digest).manifest
    outputs: Iterable[RunOutput] = ()
    if run.kind is JobKind.PIPELINE:
        pipeline = pipeline_of(ctx, manifest)
        outputs = [output for output, _ in outputs_of_steps(tx, run, pipeline)] if pipeline is not None else ()
    elif run.kind is not JobKind.SWEEP:
        with suppress(InvalidOutputs):
            outputs = of_run(manifest, run)
    folder = posixpath.dirname(tx.jobs.get(run.job_id).path)
    return {
        posixpath.normpath(posixpath.join(folder, output.path)): (output.source, output.optional) for output in outputs
    }


def open_output(ctx: Services, run_id: str, path: str) -> tuple[Publication, BinaryIO]:
    """Open the bytes of an output, as the run left it, wherever it is published. NotFound when there is none."""
    with ctx.store.read() as tx:
        run = tx.runs.get(run_id)
        known = tx.publications.list_for_run(run.id) or (plan(ctx, tx, run) if run.state is RunState.SUCCEEDED else [])
    for each in known:
        if each.path == path:
            if each.digest is not None:
                return each, ctx.blobs.open_verified(each.digest)
            return each, _report(ctx, each)
    raise NotFound(f"Run {run.id} has no output {path!r}.", code="output_not_found")


def _report(ctx: Services, publication: Publication) -> BinaryIO:
    return records.report(ctx, publication.content_run, code=publication.source == REPORT)


def list_due(ctx: Services, *, now: dt.datetime) -> tuple[set[str], float]:
    """Return the folders to which something is to be published now, and the seconds until there is more."""
    due: set[str] = set()
    next_s = float("inf")
    with ctx.store.read() as tx:
        for each in tx.publications.list_pending():
            left_s = (each.next_try_at - now).total_seconds() if each.next_try_at else 0.0
            if left_s <= 0 and each.folder is not None:
                due.add(each.folder)
            else:
                next_s = min(next_s, left_s)
    return due, next_s


def publish_due(ctx: Services, folder: str, *, fence: int, stopped: Callable[[], bool] = lambda: False) -> None:
    """Publish to the folder what is due, older runs first. StaleWrite once another engine leads.

    A process that dies in here leaves nothing half done: the next one repeats it.
    """
    now = ctx.clock.now()
    with ctx.store.read() as tx:
        pending = [each for each in tx.publications.list_pending() if each.folder == folder]
    for _, group in groupby(pending, key=lambda each: each.run_id):
        due = [each for each in group if each.next_try_at is None or each.next_try_at <= now]
        if stopped():
            return
        if due:
            _publish_run(ctx, folder, due, fence)


def _publish_run(ctx: Services, folder: str, due: Sequence[Publication], fence: int) -> None:
    try:
        _Publishing(ctx, folder, fence).publish(due)
    except (StaleWrite, StoreBusy):
        raise
    except (DataOpsError, OSError) as error:
        message = error.message if isinstance(error, DataOpsError) else f"{folder}: {error.strerror or error}."
        _put_off(ctx, due, Reason("not_published_yet", f"{message} It is tried again."), fence)


def _put_off(ctx: Services, due: Sequence[Publication], reason: Reason, fence: int) -> None:
    now = ctx.clock.now()
    later = [
        replace(
            each,
            reason=reason,
            tries=each.tries + 1,
            next_try_at=now + dt.timedelta(seconds=retry_after_s(each.tries)),
        )
        for each in due
    ]
    with ctx.store.begin(fence=fence) as tx:
        still = {each.path for each in tx.publications.list_for_run(due[0].run_id) if each.state is _PENDING}
        tx.publications.change([each for each in later if each.path in still], at=now)


_PENDING = PublicationState.PENDING


class _Publishing:
    """One run's way into one folder.

    First the store decides, place by place, that this run is the newest one. Then the files are replaced, under the
    lock of the folder and as long as the store still says so, and the manifest after them. The end is one transaction.
    """

    def __init__(self, ctx: Services, folder: str, fence: int) -> None:
        self._ctx, self._folder, self._fence = ctx, folder, fence
        self._before: dict[str, PublishedFile | None] = {}

    def publish(self, due: Sequence[Publication]) -> None:
        ready = [self._with_content(each) for each in due]
        run_id = ready[0].run_id
        with self._ctx.store.begin(fence=self._fence) as tx:
            run = tx.runs.get(run_id)
            job = tx.jobs.get(run.job_id)
            roots = {root.root for root in tx.workspaces.list_local_roots([job.workspace_id])}
            decided = [self._claim(tx, run, each) for each in ready]
        if any(each.state is _PENDING for each in decided):
            assert self._ctx.output_folders is not None
            target = self._ctx.output_folders.open(self._folder, is_workspace=self._folder in roots)
            with target.lock():
                decided = [self._put(target, each) for each in decided]
                if any(each.state is PublicationState.PUBLISHED for each in decided):
                    self._write_manifest(target, run, decided)
        self._finish(run, decided)

    def _with_content(self, publication: Publication) -> Publication:
        if publication.state is not _PENDING or publication.digest is not None:
            return publication
        try:
            with _report(self._ctx, publication) as page:
                data = page.read()
        except (Damaged, NotFound, Refused, Conflict) as error:
            return _refused(publication, error.precise_code, error.message)
        return replace(publication, digest=self._ctx.blobs.put(data), size=len(data))

    def _claim(self, tx: Transaction, run: Run, publication: Publication) -> Publication:
        """Make this run the newest one of the place, or refuse the publication."""
        if publication.state is not _PENDING:
            return publication
        known = tx.publications.lock_place(self._folder, publication.path)
        if known is not None and is_newer(known.run_id, run.id):
            return _refused(publication, "superseded", f"Run {known.run_id} is newer, and has published it already.")
        if known is not None and known.job_id != run.job_id and known.published_at and not publication.overwrite:
            return _refused(
                publication,
                "output_of_another_job",
                f"Run {known.run_id} of another job has published this path. Choose another path, or publish and "
                "overwrite it.",
            )
        self._before[publication.path] = known
        claim = known or PublishedFile(self._folder, publication.path, run.id, run.job_id, run.version_digest)
        tx.publications.put_file(replace(claim, run_id=run.id, job_id=run.job_id, version=run.version_digest))
        return publication

    def _put(self, target: OutputFolder, publication: Publication) -> Publication:
        if publication.state is not _PENDING:
            return publication
        path, digest = publication.path, publication.digest
        assert digest is not None
        try:
            existing = target.digest_of(path)
            if existing not in (None, digest) and not publication.overwrite and not self._knows(path, existing):
                return _refused(
                    publication,
                    "not_published_before",
                    f"{path} is there, and no run published it as it is. Move it away, or publish and overwrite it.",
                )
            with self._ctx.blobs.open_verified(digest) as content:
                is_ours = target.put(path, content, wanted=lambda: self._is_ours(publication))
        except (Damaged, NotFound, Refused) as error:
            return _refused(publication, error.precise_code, error.message)
        if not is_ours:
            return _refused(publication, "superseded", "A newer run publishes it.")
        return replace(publication, state=PublicationState.PUBLISHED, reason=None, published_at=self._ctx.clock.now())

    def _knows(self, path: str, digest: str | None) -> bool:
        with self._ctx.store.read() as tx:
            return digest is not None and tx.publications.knows(self._folder, path, digest)

    def _is_ours(self, publication: Publication) -> bool:
        # An engine that slept until now, while another one led, finds that out here.
        with self._ctx.store.begin(fence=self._fence) as tx:
            known = tx.publications.lock_place(self._folder, publication.path)
            return known is not None and known.run_id == publication.run_id

    def _write_manifest(self, target: OutputFolder, run: Run, decided: Sequence[Publication]) -> None:
        own = {each.path: each for each in decided if each.state is PublicationState.PUBLISHED}
        with self._ctx.store.read() as tx:
            known = tx.publications.list_files([self._folder])
            jobs = tx.jobs.get_many({file.job_id for file in known} | {run.job_id})
        files = {file.path: file for file in known} | {
            path: self._published_file(run, each) for path, each in own.items()
        }
        content = {
            "format": 1,
            "files": {
                path: {
                    "job": jobs[file.job_id].name if file.job_id in jobs else file.job_id,
                    "run": file.run_id,
                    "version": file.version,
                    "digest": file.digest,
                    "size": file.size,
                    "published_at": file.published_at.isoformat() if file.published_at else None,
                }
                for path, file in sorted(files.items())
            },
        }
        data = json.dumps(content, indent=1, ensure_ascii=False).encode() + b"\n"
        target.put(MANIFEST, io.BytesIO(data))

    def _published_file(self, run: Run, each: Publication) -> PublishedFile:
        return PublishedFile(
            self._folder, each.path, run.id, run.job_id, run.version_digest, each.digest, each.size, each.published_at
        )

    def _finish(self, run: Run, decided: Sequence[Publication]) -> None:
        with self._ctx.store.begin(fence=self._fence) as tx:
            for each in decided:
                if each.state is PublicationState.PUBLISHED:
                    tx.publications.put_file(self._published_file(run, each))
                elif (before := self._before.get(each.path)) is not None:
                    known = tx.publications.lock_place(self._folder, each.path)
                    if known is not None and known.run_id == run.id:
                        tx.publications.put_file(before)
            tx.publications.change(decided, at=self._ctx.clock.now())


def _refused(publication: Publication, code: str, message: str) -> Publication:
    return replace(publication, state=PublicationState.REFUSED, reason=Reason(code, message))
