"""Submitting, following and ending runs."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from ulid import ULID

from ..domain.inputs import Pins
from ..domain.jobs import DEFAULT_PROJECT, Job
from ..domain.moments import Moment
from ..domain.parameters import ParameterSchema
from ..domain.records import Record
from ..domain.runs import Attempt, Reason, Run, RunState, Submission, Trigger, TriggerKind
from ..domain.settings import bounded, settled
from ..domain.snapshots import Snapshot
from ..domain.versions import Version, canonical_json, digest_of
from ..errors import Conflict, InvalidRequest, KeyReused
from ..ports import Page, RunFilter, Transaction
from .context import Services
from .permissions import require_owner
from .placement import THERE, Elsewhere, check_there, image_of, kernel_again, place, place_again, started_by
from .queue import Waiting

MAX_KEY_LENGTH = 200


@dataclass(frozen=True)
class RunView:
    """A run with all that a screen shows beside it. `waits_because` is set while it is queued."""

    run: Run
    job: Job
    version: Version
    attempts: Sequence[Attempt]
    record: Record | None
    waits_because: Reason | None


@dataclass(frozen=True)
class Submitted:
    """`created` is False when the same submission with the same key came before."""

    view: RunView
    created: bool


def submit(ctx: Services, submission: Submission, *, by: str) -> Submitted:
    """Snapshot the notebook and queue a run of it. What can be refused is refused before anything is written."""
    _check(submission)
    request = _request_digest(submission)
    if submission.key is not None and (earlier := _earlier(ctx, submission.key, request)):
        return Submitted(earlier, created=False)

    if submission.image is None:
        authored = image_of(ctx, submission.path, submission.environment, root=submission.root)
        submission = replace(submission, image=authored)
    with ctx.store.read() as tx:
        placed = place(ctx, tx, submission, by=by)
    check_there(ctx, placed)
    snapshot = ctx.notebooks.snapshot(
        submission.path,
        root=submission.root,
        kernel=submission.kernel,
        limits=ctx.limits,
        where=placed.where,
        pins=pins_of(ctx, submission.path, submission.pinned),
    )
    schema = snapshot.manifest.parameters
    values = schema.checked({**submission.parameters, **schema.parsed(submission.texts)})
    # The notebook is filled in only when the run starts; that it can be is known now.
    fill_in(ctx, snapshot.manifest.notebook_digest, snapshot.manifest.language, schema, values)

    moment = ctx.moment()
    now = moment.at
    with ctx.store.begin() as tx:
        # Asked again: fifty submits with one key may have come this far.
        if submission.key is not None and (same := tx.runs.by_key(DEFAULT_PROJECT, submission.key)):
            return Submitted(_view(ctx, tx, _same_request(same, request)), created=False)
        if place(ctx, tx, submission, by=by) != placed:
            raise Conflict(
                f"{placed.environment.name} was changed while the notebook was read. Submit it again.",
                code="changed_meanwhile",
            )
        job = _job_of(tx, snapshot, submission, by=by, now=now)
        version = tx.versions.find(job.id, snapshot.manifest.digest) or tx.versions.add(
            job.id, snapshot.manifest, at=now, by=by, origin=snapshot.origin
        )
        run = Run(
            id=str(ULID.from_datetime(now)),
            project=DEFAULT_PROJECT,
            job_id=job.id,
            version_digest=version.digest,
            environment=placed.environment.name,
            state=RunState.QUEUED,
            parameters=values,
            kernel=started_by(ctx, placed, snapshot.kernel),
            created_at=now,
            created_by=by,
            created_boot=moment.boot,
            created_tick=moment.tick,
            settings=settled(submission, job.settings, placed.environment.limits),
            key=submission.key,
            request_digest=request,
            origin=snapshot.origin,
            findings=(*snapshot.findings, *placed.findings),
            image=placed.image,
            resources=placed.resources,
            unpromoted=placed.unpromoted,
            inputs_digest=tx.inputs.put(snapshot.inputs),
        )
        tx.runs.add(run)
    return Submitted(_just_queued(ctx, run, job, version), created=True)


def pins_of(ctx: Services, path: str, given: Sequence[str] | None) -> Pins:
    """The ones that are `given`, else those of the job of the notebook at `path`. InvalidRequest."""
    if given is not None:
        return Pins.checked(given)
    with ctx.store.read() as tx:
        job = tx.jobs.by_source(DEFAULT_PROJECT, os.path.realpath(path)) if "\0" not in path else None
    return Pins(job.pinned) if job else Pins()


def rerun(
    ctx: Services,
    run_id: str,
    *,
    parameters: dict[str, Any] | None,
    by: str,
    elsewhere: Elsewhere = THERE,
    key: str | None = None,
) -> Submitted:
    """The same version again with the same inputs, as a new run that names the old one.

    `parameters` replaces all of the earlier ones.

    Where it ran, unless it is asked for `elsewhere`: then it is checked as a first run there.
    """
    _check_key(key)
    asked = {"rerun": run_id, "parameters": parameters, **({} if elsewhere == THERE else asdict(elsewhere))}
    request = digest_of(canonical_json(asked))
    if key is not None and (earlier := _earlier(ctx, key, request)):
        return Submitted(earlier, created=False)
    with ctx.store.read() as tx:
        old = tx.runs.get(run_id)
        version = tx.versions.get(old.job_id, old.version_digest)
        placed = place_again(ctx, tx, old, elsewhere, by=by)
    if elsewhere.moves(old):
        check_there(ctx, placed)
    schema = version.manifest.parameters
    values = schema.checked(old.parameters if parameters is None else parameters)
    fill_in(ctx, version.manifest.notebook_digest, version.manifest.language, schema, values)
    run = again(
        old,
        at=ctx.moment(),
        by=by,
        trigger=Trigger(TriggerKind.RERUN, old.id),
        settings=bounded(old.settings, placed.environment.limits),
        parameters=values,
        environment=placed.environment.name,
        image=placed.image,
        kernel=kernel_again(ctx, placed, old.kernel),
        key=key,
        request_digest=request,
        findings=placed.findings,
        resources=placed.resources,
        unpromoted=placed.unpromoted,
    )
    with ctx.store.begin() as tx:
        if key is not None and (same := tx.runs.by_key(DEFAULT_PROJECT, key)):
            return Submitted(_view(ctx, tx, _same_request(same, request)), created=False)
        tx.runs.get(old.id)  # It may have been deleted meanwhile, and its version with it.
        tx.runs.add(run)
    return Submitted(get(ctx, run.id), created=True)


def again(old: Run, *, at: Moment, by: str, trigger: Trigger, **changes: Any) -> Run:
    """A queued run of the same version as the `old` one."""
    return replace(
        old,
        **{
            "id": str(ULID.from_datetime(at.at)),
            "state": RunState.QUEUED,
            "created_at": at.at,
            "created_boot": at.boot,
            "created_tick": at.tick,
            "created_by": by,
            "trigger": trigger,
            "key": None,
            "request_digest": None,
            "started_at": None,
            "finished_at": None,
            "cancel_requested_at": None,
            "cancel_requested_by": None,
            "reason": None,
            "nothing_to_do": False,
            "kept_at": None,
            "kept_by": None,
            "revision": 1,
            **changes,
        },
    )


def cancel(ctx: Services, run_id: str, *, by: str) -> RunView:
    """Ask for the end of a run. What is only queued ends here; the engine ends the rest. Safe to repeat."""
    now = ctx.clock.now()
    with ctx.store.begin() as tx:
        run = tx.runs.get(run_id)
        require_owner(ctx, f"Run {run.id}", run.created_by, "cancel", by=by)
        if run.state.is_terminal:
            if run.state is not RunState.CANCELLED:
                raise Conflict(f"Run {run.id} has already ended: {run.state}.", code="already_ended", state=run.state)
            return _view(ctx, tx, run)
        tx.runs.request_cancel(run.id, at=now, by=by)
        if run.state in (RunState.QUEUED, RunState.RETRY_WAIT):
            reason = Reason("cancelled", f"Cancelled by {by} before it started.")
            tx.runs.move(run, run.moved_to(RunState.CANCELLED, finished_at=now, reason=reason))
        return _view(ctx, tx, tx.runs.get(run.id))


def get(ctx: Services, run_id: str) -> RunView:
    with ctx.store.read() as tx:
        return _view(ctx, tx, tx.runs.get(run_id))


def of(ctx: Services, run_ids: Collection[str]) -> dict[str, RunView]:
    """By id; those that there are."""
    with ctx.store.read() as tx:
        return {view.run.id: view for view in _views(ctx, tx, list(tx.runs.of(run_ids).values()))}


def page(ctx: Services, where: RunFilter, *, limit: int = 50, cursor: str | None = None) -> Page[RunView]:
    with ctx.store.read() as tx:
        found = tx.runs.page(where, limit=limit, cursor=cursor)
        return Page(_views(ctx, tx, found.items), found.next)


def last_of_jobs(ctx: Services, job_ids: Sequence[str]) -> dict[str, RunView]:
    with ctx.store.read() as tx:
        return {view.job.id: view for view in _views(ctx, tx, tx.runs.newest_of(job_ids))}


def fill_in(
    ctx: Services, notebook_digest: str, language: str, schema: ParameterSchema, values: dict[str, Any]
) -> bytes:
    """The notebook as the runner gets it, with `values` in a cell of its own."""
    types = {p.name: p.spelled for p in schema.parameters}
    return ctx.notebooks.filled_in(ctx.blobs.read(notebook_digest), language, values, types)


def _check(submission: Submission) -> None:
    _check_key(submission.key)
    submission.check()


def _check_key(key: str | None) -> None:
    if key is not None and not (0 < len(key) <= MAX_KEY_LENGTH and key.isascii() and key.isprintable()):
        raise InvalidRequest(f"An idempotency key is 1 to {MAX_KEY_LENGTH} printable ASCII characters.")


def _request_digest(submission: Submission) -> str:
    asked = asdict(submission) | {"path": str(Path(submission.path).resolve()), "key": None, "root": None}
    if submission.pinned is None:
        del asked["pinned"]  # Keys that were given before there were pins stand for the same requests.
    return digest_of(canonical_json(asked))


def _earlier(ctx: Services, key: str, request: str) -> RunView | None:
    with ctx.store.read() as tx:
        run = tx.runs.by_key(DEFAULT_PROJECT, key)
        return _view(ctx, tx, _same_request(run, request)) if run else None


def _same_request(run: Run, request: str) -> Run:
    if run.request_digest != request:
        raise KeyReused(f"The key {run.key!r} belongs to run {run.id}, which asked for something else.", run=run.id)
    return run


def _job_of(tx: Transaction, snapshot: Snapshot, submission: Submission, *, by: str, now: Any) -> Job:
    job = tx.jobs.by_source(DEFAULT_PROJECT, snapshot.source)
    name = submission.name or (job.name if job else snapshot.name)
    pinned = Pins.checked(submission.pinned).patterns if submission.pinned is not None else None
    if job is None:
        job_id = str(ULID.from_datetime(now))
        job = Job(job_id, DEFAULT_PROJECT, name, snapshot.source, now, by, pinned=pinned or ())
        tx.jobs.add(job)
    elif pinned is not None and pinned != job.pinned:
        job = tx.jobs.change(replace(job, name=name, pinned=pinned))
    elif job.name != name:
        tx.jobs.rename(job.id, name)
        job = replace(job, name=name)
    return job


def _just_queued(ctx: Services, run: Run, job: Job, version: Version) -> RunView:
    # Outside of the transaction that writes: thousands may wait, and why they do takes a while to say.
    with ctx.store.read() as tx:
        return RunView(run, job, version, attempts=(), record=None, waits_because=Waiting(ctx, tx).reason(run))


def _view(ctx: Services, tx: Transaction, run: Run) -> RunView:
    return _views(ctx, tx, [run])[0]


def _views(ctx: Services, tx: Transaction, runs: Sequence[Run]) -> list[RunView]:
    """A constant number of queries, however many runs."""
    ids = [run.id for run in runs]
    jobs = tx.jobs.of([run.job_id for run in runs])
    versions = tx.versions.of({(run.job_id, run.version_digest) for run in runs})
    attempts, records = tx.attempts.of_runs(ids), tx.records.of_runs(ids)
    waiting = Waiting(ctx, tx) if any(run.state is RunState.QUEUED for run in runs) else None
    return [
        RunView(
            run=run,
            job=jobs[run.job_id],
            version=versions[run.job_id, run.version_digest],
            attempts=attempts[run.id],
            record=records.get(run.id),
            waits_because=waiting.reason(run) if waiting and run.state is RunState.QUEUED else None,
        )
        for run in runs
    ]
