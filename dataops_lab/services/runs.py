"""Submitting, following and ending runs."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from ulid import ULID

from ..domain.actors import Actor
from ..domain.jobs import DEFAULT_PROJECT, Job, JobKind
from ..domain.moments import Moment
from ..domain.parameters import ParameterSchema
from ..domain.pipelines import StepState
from ..domain.policy import Object, Verb
from ..domain.records import Record
from ..domain.runs import (
    MANUAL,
    SUMMARY_TEXT,
    Attempt,
    ParameterRow,
    Progress,
    Reason,
    Run,
    RunState,
    RunSummary,
    Submission,
    Trigger,
    TriggerKind,
)
from ..domain.settings import RunSettings, bounded, settled
from ..domain.snapshots import Finding, KernelChoice
from ..domain.versions import Manifest, Origin, Version, canonical_json, digest_of
from ..errors import Conflict, InvalidRequest, InvalidRows, KeyReused, NotFound, Refused
from ..ports import Page, PipelineProgress, RunFilter, Transaction
from . import pipelines
from .context import Services
from .permissions import require
from .placement import THERE, Elsewhere, Placement, check_there, kernel_again, place_again, started_by
from .queue import Waiting
from .reactions import move_runs
from .versions import Taken, make_version, take
from .workspaces import moved_finding

MAX_KEY_LENGTH = 200
MAX_ROWS = 1000
"""The largest number of rows in one call, which writes them in one transaction."""
ROWS_IN_MESSAGE = 10


@dataclass(frozen=True)
class RunView:
    """A run with all that a screen shows beside it. `waits_because` is set while it is queued.

    `progress` is that of a pipeline; None for all other runs.
    """

    run: Run
    job: Job
    version: Version
    attempts: Sequence[Attempt]
    record: Record | None
    waits_because: Reason | None
    progress: PipelineProgress | None = None


@dataclass(frozen=True)
class Submitted:
    """`created` is False when the same submission with the same key came before."""

    view: RunView
    created: bool


class Prepared(Protocol):
    """A run that nothing can refuse any more."""

    def add(self, tx: Transaction, *, key: str | None, request: str, by: Actor, at: Moment) -> tuple[Run, Job, Version]:
        """Add the run, and return it with its job and version. The `key` is free."""
        ...


def submit(ctx: Services, submission: Submission, *, by: Actor) -> Submitted:
    """Take a snapshot of the notebook and queue a run of it. All refusals come before anything is written."""
    _check(submission)
    prepare = pipelines.prepare if submission.kind is JobKind.PIPELINE else _prepare
    request = _request_digest(submission)
    return _once(ctx, submission.key, request, lambda: prepare(ctx, submission, by=by), by=by)


def _once(ctx: Services, key: str | None, request: str, prepare: Callable[[], Prepared], *, by: Actor) -> Submitted:
    """Prepare a run and add it, unless the same request with the same key came before."""
    if key is not None and (earlier := _earlier(ctx, key, request)):
        return Submitted(earlier, created=False)
    prepared = prepare()
    with ctx.store.begin() as tx:
        # Ask again: fifty submits with one key may have come this far.
        if key is not None and (same := tx.runs.by_key(DEFAULT_PROJECT, key)):
            return Submitted(_view(ctx, tx, _same_request(same, request)), created=False)
        run, job, version = prepared.add(tx, key=key, request=request, by=by, at=ctx.moment())
    return Submitted(_just_queued(ctx, run, job, version), created=True)


@dataclass(frozen=True)
class _First:
    """The first run of a snapshot."""

    ctx: Services
    taken: Taken
    values: dict[str, Any]

    def add(self, tx: Transaction, *, key: str | None, request: str, by: Actor, at: Moment) -> tuple[Run, Job, Version]:
        job, version = make_version(self.ctx, tx, self.taken, by=by, at=at.at)
        order = _first_order(self.ctx, tx, self.taken, job, version)
        order = replace(order, parameters=self.values, key=key, request_digest=request)
        return queue_run(tx, order, by=by, at=at), job, version


def _prepare(ctx: Services, submission: Submission, *, by: Actor) -> _First:
    taken = take(ctx, submission, by=by)
    return _First(ctx, taken, checked(ctx, taken.snapshot.manifest, submission.parameters, submission.texts))


def submit_many(
    ctx: Services, submission: Submission, rows: Sequence[ParameterRow], *, by: Actor
) -> list[tuple[RunSummary, bool]]:
    """Take one snapshot of the notebook, and queue a run of it for each row: all of them or none.

    Return them in the order of `rows`, each with whether it is new. The key of a row is the key of the submission and
    the number of the row: the same rows with the same key give the same runs. InvalidRows names every row that is
    wrong.
    """
    if not 1 <= len(rows) <= MAX_ROWS:
        raise InvalidRequest(f"There are {len(rows)} rows. A call takes 1 to {MAX_ROWS}; make several calls of more.")
    asked = [_of_row(submission, row, number) for number, row in enumerate(rows, 1)]
    _check(asked[-1])  # It has the longest key.
    requests = [_request_digest(each) for each in asked]
    if submission.kind is JobKind.PIPELINE:
        raise InvalidRequest("A pipeline takes no rows yet. Let a step of it run for each item of a list.")

    taken = take(ctx, submission, by=by)
    values = _checked_rows(ctx, taken.snapshot.manifest, asked)
    moment = ctx.moment()
    with ctx.store.begin() as tx:
        there = [
            _same_request(run, request) if each.key and (run := tx.runs.by_key(DEFAULT_PROJECT, each.key)) else None
            for each, request in zip(asked, requests, strict=True)
        ]
        new: list[Run] = []
        if not all(there):
            job, version = make_version(ctx, tx, taken, by=by, at=moment.at)
            order = _first_order(ctx, tx, taken, job, version)
            orders = [
                replace(order, parameters=given, key=each.key, request_digest=request)
                for each, given, request, run in zip(asked, values, requests, there, strict=True)
                if run is None
            ]
            new = queue_runs(tx, orders, by=by, at=moment)
    queued = iter(new)
    ids = [run.id if run else next(queued).id for run in there]
    found = summaries(ctx, ids)
    return [(found[run_id], run is None) for run_id, run in zip(ids, there, strict=True)]


def _of_row(submission: Submission, row: ParameterRow, number: int) -> Submission:
    return replace(
        submission,
        parameters={**submission.parameters, **row.parameters},
        texts=(*(pair for pair in submission.texts if pair[0] not in row.parameters), *row.texts),
        key=None if submission.key is None else f"{submission.key}#{number}",
    )


def _checked_rows(ctx: Services, manifest: Manifest, asked: Sequence[Submission]) -> list[dict[str, Any]]:
    values: list[dict[str, Any]] = []
    wrong: list[dict[str, Any]] = []
    for number, each in enumerate(asked, 1):
        try:
            values.append(checked(ctx, manifest, each.parameters, each.texts))
        except Refused as error:
            wrong.append({"row": number, "message": error.message, "problems": error.detail.get("problems", [])})
    if wrong:
        raise invalid_rows(wrong)
    return values


def invalid_rows(wrong: Sequence[dict[str, Any]]) -> InvalidRows:
    said = " ".join(f"Row {it['row']}: {it['message']}" for it in wrong[:ROWS_IN_MESSAGE])
    more = f" {len(wrong) - ROWS_IN_MESSAGE} more rows are wrong." if len(wrong) > ROWS_IN_MESSAGE else ""
    return InvalidRows(f"{said}{more} Nothing was started.", rows=list(wrong))


def rerun(
    ctx: Services,
    run_id: str,
    *,
    parameters: dict[str, Any] | None,
    by: Actor,
    elsewhere: Elsewhere = THERE,
    key: str | None = None,
) -> Submitted:
    """Run the same version again with the same inputs, as a new run that names the old one.

    `parameters` replaces all of the earlier ones.

    It goes to the same place, unless `elsewhere` names another one: then it is checked like a first run there.
    """
    _check_key(key)
    asked = {"rerun": run_id, "parameters": parameters, **({} if elsewhere == THERE else asdict(elsewhere))}
    request = digest_of(canonical_json(asked))
    return _once(ctx, key, request, lambda: _prepare_again(ctx, run_id, elsewhere, parameters, by=by), by=by)


@dataclass(frozen=True)
class _Again:
    """Another run of the same version."""

    old: Run
    order: Order

    def add(self, tx: Transaction, *, key: str | None, request: str, by: Actor, at: Moment) -> tuple[Run, Job, Version]:
        tx.runs.get(self.old.id)  # Somebody may have deleted it meanwhile, and its version with it.
        order = replace(self.order, key=key, request_digest=request)
        return queue_run(tx, order, by=by, at=at), tx.jobs.get(self.old.job_id), order.version


def _prepare_again(
    ctx: Services, run_id: str, elsewhere: Elsewhere, parameters: dict[str, Any] | None, *, by: Actor
) -> Prepared:
    with ctx.store.read() as tx:
        old = tx.runs.get(run_id)
    if old.kind is JobKind.PIPELINE:
        return pipelines.prepare_again(ctx, old, elsewhere, parameters=parameters, by=by)
    with ctx.store.read() as tx:
        version = tx.versions.get(old.job_id, old.version_digest)
        placed = place_again(ctx, tx, old, elsewhere, by=by)
    if elsewhere.moves(old):
        check_there(ctx, placed)
    values = checked(ctx, version.manifest, old.parameters if parameters is None else parameters)
    assert old.kernel is not None
    again = repeated(old, version, placed, kernel_again(ctx, placed, old.kernel), TriggerKind.RERUN)
    return _Again(old, replace(again, parameters=values))


@dataclass(frozen=True)
class Order:
    """An order for a run, with all that was decided: nothing can refuse it any more.

    `parent` is the id of the run of which it is a part, and its key there.
    """

    version: Version
    placed: Placement
    kernel: KernelChoice
    parameters: dict[str, Any]
    settings: RunSettings
    trigger: Trigger = MANUAL
    origin: Origin = Origin()
    findings: tuple[Finding, ...] = ()
    inputs_digest: str | None = None
    variables: Mapping[str, str] = field(default_factory=dict)
    parent: tuple[str, str] | None = None
    key: str | None = None
    request_digest: str | None = None


def _first_order(ctx: Services, tx: Transaction, taken: Taken, job: Job, version: Version) -> Order:
    """Order a run of a version that was just made, without parameters."""
    placed, snapshot = taken.placed, taken.snapshot
    return Order(
        version=version,
        placed=placed,
        kernel=started_by(ctx, placed, snapshot.kernel),
        parameters={},
        settings=settled(taken.submission, job.settings, placed.environment.limits),
        origin=snapshot.origin,
        inputs_digest=tx.inputs.put(snapshot.inputs),
        findings=(*snapshot.findings, *placed.findings, *moved_finding(taken.moved, job.id)),
    )


def repeated(old: Run, version: Version, placed: Placement, kernel: KernelChoice, why: TriggerKind) -> Order:
    """Order the same again: with the version, parameters and inputs of the old run, in the new place."""
    return Order(
        version=version,
        placed=placed,
        kernel=kernel,
        parameters=old.parameters,
        settings=bounded(old.settings, placed.environment.limits),
        trigger=Trigger(why, old.id),
        origin=old.origin,
        findings=placed.findings,
        inputs_digest=old.inputs_digest,
        variables=old.variables,
    )


def queue_run(tx: Transaction, order: Order, *, by: Actor, at: Moment) -> Run:
    """Queue a run of a version that exists. Its `key` must be free: ask `tx.runs.by_key` first.

    A part of another run is queued once: the second call returns the first run.
    """
    return queue_runs(tx, [order], by=by, at=at)[0]


def queue_runs(tx: Transaction, orders: Sequence[Order], *, by: Actor, at: Moment) -> list[Run]:
    """Queue several in one statement, see `queue_run`. Return them in the order of `orders`; no part may come twice."""
    there = [tx.runs.part(*order.parent) if order.parent else None for order in orders]
    # Sort the ids: those of one moment have no order of their own, and the queue starts runs in the order of ids.
    ids = sorted(str(ULID.from_datetime(at.at)) for _ in orders)
    each = zip(there, ids, orders, strict=True)
    queued = [run or _queued(order, run_id, by=by, at=at) for run, run_id, order in each]
    if new := [run for run, known in zip(queued, there, strict=True) if known is None]:
        tx.runs.add(*new)
    return queued


def _queued(order: Order, run_id: str, *, by: Actor, at: Moment) -> Run:
    parent_id, parent_key = order.parent or (None, None)
    return Run(
        id=run_id,
        project=DEFAULT_PROJECT,
        job_id=order.version.job_id,
        version_digest=order.version.digest,
        environment=order.placed.environment.name,
        state=RunState.QUEUED,
        parameters=order.parameters,
        kernel=order.kernel,
        created_at=at.at,
        created_by=by,
        created_boot=at.boot,
        created_tick=at.tick,
        trigger=order.trigger,
        parent_id=parent_id,
        parent_key=parent_key,
        inputs_digest=order.inputs_digest,
        settings=order.settings,
        key=order.key,
        request_digest=order.request_digest,
        origin=order.origin,
        findings=order.findings,
        image=order.placed.image,
        resources=order.placed.resources,
        variables=dict(order.variables),
        unpromoted=order.placed.unpromoted,
    )


def cancel(ctx: Services, run_id: str, *, by: Actor) -> RunView:
    """Ask for the end of a run. A run that waits ends here; the engine ends the others. Safe to repeat."""
    now = ctx.clock.now()
    with ctx.store.begin() as tx:
        tx.pipelines.hold([run_id])
        run = tx.runs.get(run_id)
        require(ctx, by, Verb.CANCEL, Object.RUN, owner=run.created_by, what=f"Run {run.id}")
        if run.state.is_terminal:
            if run.state is not RunState.CANCELLED:
                raise Conflict(f"Run {run.id} has already ended: {run.state}.", code="already_ended", state=run.state)
            return _view(ctx, tx, run)
        if run.kind is JobKind.PIPELINE:
            pipelines.cancel(ctx, tx, run, by=by)
            return _view(ctx, tx, tx.runs.get(run.id))
        tx.runs.request_cancel(run.id, at=now, by=by)
        if run.state in (RunState.QUEUED, RunState.RETRY_WAIT):
            reason = Reason("cancelled", f"Cancelled by {by} before it started.")
            cancelled = run.moved_to(RunState.CANCELLED, finished_at=now, reason=reason)
            move_runs(ctx, tx, [(run, cancelled)], at=now)
        return _view(ctx, tx, tx.runs.get(run.id))


def get(ctx: Services, run_id: str) -> RunView:
    with ctx.store.read() as tx:
        return _view(ctx, tx, tx.runs.get(run_id))


def of(ctx: Services, run_ids: Collection[str]) -> dict[str, RunView]:
    """Return those that there are, by id."""
    with ctx.store.read() as tx:
        return {view.run.id: view for view in _views(ctx, tx, list(tx.runs.of(run_ids).values()))}


def page(ctx: Services, where: RunFilter, *, limit: int = 50, cursor: str | None = None) -> Page[RunSummary]:
    with ctx.store.read() as tx:
        found = tx.runs.page(where, limit=limit, cursor=cursor)
        return Page(_explained(ctx, tx, found.items), found.next)


def summary(ctx: Services, run_id: str) -> RunSummary:
    """Return the summary; the id must be whole. NotFound when there is none."""
    if found := summaries(ctx, [run_id]):
        return found[run_id]
    raise NotFound(f"There is no run {run_id!r}. `jupyter dataops runs list` shows those there are.")


def summaries(ctx: Services, run_ids: Collection[str]) -> dict[str, RunSummary]:
    """Return those that there are, by id."""
    with ctx.store.read() as tx:
        return {run.id: run for run in _explained(ctx, tx, tx.runs.summaries(run_ids))}


def last_of_jobs(ctx: Services, job_ids: Sequence[str]) -> dict[str, RunSummary]:
    with ctx.store.read() as tx:
        return {run.job_id: run for run in _explained(ctx, tx, tx.runs.last_of_jobs(job_ids))}


def summary_of(view: RunView) -> RunSummary:
    """Return the summary of a run that was read whole."""
    run, last = view.run, view.attempts[-1] if view.attempts else None
    reason = run.reason or view.waits_because or (last.reason if last and run.state is RunState.ACTIVE else None)
    return RunSummary(
        id=run.id,
        project=run.project,
        job_id=view.job.id,
        job_name=view.job.name,
        source=view.job.source,
        path=view.version.manifest.path,
        version_digest=run.version_digest,
        version_number=view.version.number,
        environment=run.environment,
        image=replace(run.image, id=None) if run.image else None,
        state=run.state,
        attempt=last.number if last else 0,
        attempt_state=last.state if last else None,
        progress=_steps_done(view.progress) if view.progress else last.progress if last else Progress(),
        reason=Reason(reason.code, reason.message[:SUMMARY_TEXT]) if reason else None,
        nothing_to_do=run.nothing_to_do,
        created_at=run.created_at,
        created_by=run.created_by,
        started_at=run.started_at,
        finished_at=run.finished_at,
        cancel_requested_at=run.cancel_requested_at,
        kept_at=run.kept_at,
        kind=run.kind,
        trigger=run.trigger,
        parent_id=run.parent_id,
        parent_key=run.parent_key,
        revision=run.revision,
        with_failures=run.with_failures,
        awaits_approval=view.progress is not None and _awaits_approval(view.progress),
    )


def _steps_done(progress: PipelineProgress) -> Progress:
    statuses = progress.statuses.values()
    return Progress(sum(status.state.has_ended for status in statuses), len(statuses))


def _awaits_approval(progress: PipelineProgress) -> bool:
    states = {status.state for status in progress.statuses.values()}
    return StepState.AWAITING_APPROVAL in states and StepState.RUNNING not in states


def checked(
    ctx: Services, manifest: Manifest, parameters: Mapping[str, Any], texts: Sequence[tuple[str, str]] = ()
) -> dict[str, Any]:
    """Return the values as the version takes them; `texts` are read by the declared types. InvalidParameters."""
    schema = manifest.parameters
    values = schema.checked({**parameters, **schema.parsed(texts)})
    # The engine fills in the notebook only when the run starts. Try it now, so that an error shows now.
    fill_in(ctx, manifest.source_digest, manifest.language, schema, values)
    return values


def fill_in(
    ctx: Services, notebook_digest: str, language: str, schema: ParameterSchema, values: dict[str, Any]
) -> bytes:
    """Return the notebook as the runner gets it, with `values` in a cell of its own."""
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
        del asked["pinned"]  # Keys from before there were pins must stand for the same requests.
    return digest_of(canonical_json(asked))


def _earlier(ctx: Services, key: str, request: str) -> RunView | None:
    with ctx.store.read() as tx:
        run = tx.runs.by_key(DEFAULT_PROJECT, key)
        return _view(ctx, tx, _same_request(run, request)) if run else None


def _same_request(run: Run, request: str) -> Run:
    if run.request_digest != request:
        raise KeyReused(f"The key {run.key!r} belongs to run {run.id}, which asked for something else.", run=run.id)
    return run


def _just_queued(ctx: Services, run: Run, job: Job, version: Version) -> RunView:
    # Do this outside of the transaction that writes: thousands may wait, and finding the reasons takes a while.
    with ctx.store.read() as tx:
        return RunView(
            run,
            job,
            version,
            attempts=(),
            record=None,
            waits_because=Waiting(ctx, tx, just_queued=True).reason(run) if _waits_for_slot(run) else None,
            progress=tx.pipelines.progress(run.id) if run.kind is JobKind.PIPELINE else None,
        )


def _waits_for_slot(run: Run | RunSummary) -> bool:
    """Tell whether the queue knows why the run waits. The row of a pipeline itself says it."""
    return run.state is RunState.QUEUED and run.kind is not JobKind.PIPELINE


def _explained(ctx: Services, tx: Transaction, found: Sequence[RunSummary]) -> list[RunSummary]:
    """Set the reasons why queued runs wait."""
    if not any(map(_waits_for_slot, found)):
        return list(found)
    waiting = Waiting(ctx, tx)
    return [
        replace(run, reason=replace(waiting.reason(run), detail={})) if _waits_for_slot(run) else run for run in found
    ]


def _view(ctx: Services, tx: Transaction, run: Run) -> RunView:
    return _views(ctx, tx, [run])[0]


def _views(ctx: Services, tx: Transaction, runs: Sequence[Run]) -> list[RunView]:
    """Read all of them in a constant number of queries, for any number of runs."""
    ids = [run.id for run in runs]
    jobs = tx.jobs.of([run.job_id for run in runs])
    versions = tx.versions.of({(run.job_id, run.version_digest) for run in runs})
    attempts, records = tx.attempts.of_runs(ids), tx.records.of_runs(ids)
    waiting = Waiting(ctx, tx) if any(map(_waits_for_slot, runs)) else None
    return [
        RunView(
            run=run,
            job=jobs[run.job_id],
            version=versions[run.job_id, run.version_digest],
            attempts=attempts[run.id],
            record=records.get(run.id),
            waits_because=waiting.reason(run) if waiting and _waits_for_slot(run) else None,
            progress=tx.pipelines.progress(run.id) if run.kind is JobKind.PIPELINE else None,
        )
        for run in runs
    ]
