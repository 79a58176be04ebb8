"""Submitting, following and ending runs."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from ulid import ULID

from ..domain.actors import Actor
from ..domain.jobs import DEFAULT_PROJECT, Job, JobKind
from ..domain.pipelines import StepState
from ..domain.policy import ObjectKind, Verb
from ..domain.records import Record
from ..domain.runs import (
    MANUAL,
    MAX_SUMMARY_MESSAGE,
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
from ..domain.settings import RunSettings, clamp, resolve_settings
from ..domain.snapshots import Finding, KernelChoice
from ..domain.time import Timestamp
from ..domain.versions import Manifest, Origin, Version, canonical_json, digest_of
from ..errors import Conflict, InvalidRequest, InvalidRows, KeyReused, NotFound, Refused
from ..ports import Page, PipelineProgress, RunFilter, Transaction
from . import pipelines, sweeps
from .context import Services
from .declared_outputs import check_paths, decides_to_publish
from .parameters import check_parameters
from .permissions import require
from .pipeline_progress import pipeline_of
from .placement import (
    NO_OVERRIDE,
    Placement,
    PlacementOverride,
    check_image_exists,
    kernel_for_rerun,
    place_rerun,
    with_submitter_variables,
)
from .queue import WaitingReasons
from .reactions import move_runs
from .versions import TakenSnapshot, make_version, take_snapshot
from .workspaces import moved_finding

MAX_KEY_LENGTH = 200
MAX_ROWS = 1000
"""The largest number of rows in one call, which writes them in one transaction."""
ROWS_IN_MESSAGE = 10


@dataclass(frozen=True)
class RunView:
    """A run with all that a screen shows beside it. `waiting_reason` is set while it is queued.

    `progress` is that of a pipeline or sweep; None for all other runs.
    """

    run: Run
    job: Job
    version: Version
    attempts: Sequence[Attempt]
    record: Record | None
    waiting_reason: Reason | None
    progress: PipelineProgress | None = None
    has_outputs: bool = False
    """The run declares outputs."""
    points_ended: int = 0
    """How many points of a sweep have ended."""
    repairs: Sequence[str] = ()
    """The ids of the runs that repair it, oldest first."""


@dataclass(frozen=True)
class Submitted:
    """`created` is False when the same submission with the same key came before."""

    view: RunView
    created: bool


class PreparedRun(Protocol):
    """A run that nothing can refuse any more."""

    def add(
        self, tx: Transaction, *, key: str | None, request: str, by: Actor, at: Timestamp
    ) -> tuple[Run, Job, Version]:
        """Add the run, and return it with its job and version. The `key` is free."""
        ...


def submit(ctx: Services, submission: Submission, *, by: Actor) -> Submitted:
    """Take a snapshot of the notebook and queue a run of it. All refusals come before anything is written."""
    _check_submission(submission)
    prepare: Callable[..., PreparedRun] = pipelines.prepare if submission.kind is JobKind.PIPELINE else _prepare
    if submission.sweep is not None:
        prepare = sweeps.prepare
    request = _request_digest(submission)
    return add_once(ctx, submission.key, request, lambda: prepare(ctx, submission, by=by), by=by)


def add_once(
    ctx: Services, key: str | None, request: str, prepare: Callable[[], PreparedRun], *, by: Actor
) -> Submitted:
    """Prepare a run and add it, unless the same request with the same key came before."""
    if key is not None and (earlier := _find_earlier(ctx, key, request)):
        return Submitted(earlier, created=False)
    prepared = prepare()
    with ctx.store.begin() as tx:
        # Ask again: fifty submits with one key may have come this far.
        if key is not None and (same := tx.runs.find_by_key(DEFAULT_PROJECT, key)):
            return Submitted(_view(ctx, tx, _require_same_request(same, request)), created=False)
        run, job, version = prepared.add(tx, key=key, request=request, by=by, at=ctx.moment())
    return Submitted(_view_of_new_run(ctx, run, job, version), created=True)


@dataclass(frozen=True)
class _FirstRun:
    """A run of a snapshot that was just taken."""

    ctx: Services
    taken: TakenSnapshot
    values: dict[str, Any]
    publish: bool

    def add(
        self, tx: Transaction, *, key: str | None, request: str, by: Actor, at: Timestamp
    ) -> tuple[Run, Job, Version]:
        job, version = make_version(self.ctx, tx, self.taken, by=by, at=at.wall_time)
        order = _first_order(self.ctx, tx, self.taken, job, version)
        order = replace(order, parameters=self.values, publish=self.publish, key=key, request_digest=request)
        return queue_run(tx, order, by=by, at=at), job, version


def _prepare(ctx: Services, submission: Submission, *, by: Actor) -> _FirstRun:
    taken = take_snapshot(ctx, submission, by=by)
    manifest = taken.snapshot.manifest
    values = check_parameters(ctx, manifest, submission.parameters, submission.texts)
    publish = decides_to_publish(ctx, TriggerKind.MANUAL, submission.publish, taken.placed.environment, by=by)
    check_paths(manifest, [("", values)], at=ctx.clock.now())
    return _FirstRun(ctx, taken, values, publish)


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
    submissions = [_submission_for_row(submission, row, number) for number, row in enumerate(rows, 1)]
    _check_submission(submissions[-1])  # It has the longest key.
    requests = [_request_digest(row_submission) for row_submission in submissions]
    if submission.kind is JobKind.PIPELINE:
        raise InvalidRequest(
            "Rows are for one notebook or script. Submit the pipeline once for each row, or let a step of it run for "
            "each item of a list.",
            code="rows_of_pipeline",
        )
    if submission.sweep is not None:
        raise InvalidRequest(
            "Give either rows or the values of a sweep: rows are runs of their own, a sweep is one run with points.",
            code="invalid_sweep",
        )

    taken = take_snapshot(ctx, submission, by=by)
    manifest = taken.snapshot.manifest
    values = _check_rows(ctx, manifest, submissions)
    moment = ctx.moment()
    publish = decides_to_publish(ctx, TriggerKind.MANUAL, submission.publish, taken.placed.environment, by=by)
    named = [(f"row {number}", given) for number, given in enumerate(values, 1)]
    for some in [named] if publish else [[each] for each in named]:
        check_paths(manifest, some, at=moment.wall_time)
    with ctx.store.begin() as tx:
        existing = [
            _require_same_request(run, request)
            if row_submission.key and (run := tx.runs.find_by_key(DEFAULT_PROJECT, row_submission.key))
            else None
            for row_submission, request in zip(submissions, requests, strict=True)
        ]
        new: list[Run] = []
        if not all(existing):
            job, version = make_version(ctx, tx, taken, by=by, at=moment.wall_time)
            order = replace(_first_order(ctx, tx, taken, job, version), publish=publish)
            orders = [
                replace(order, parameters=given, key=row_submission.key, request_digest=request)
                for row_submission, given, request, run in zip(submissions, values, requests, existing, strict=True)
                if run is None
            ]
            new = queue_runs(tx, orders, by=by, at=moment)
    queued = iter(new)
    ids = [run.id if run else next(queued).id for run in existing]
    found = summaries(ctx, ids)
    return [(found[run_id], run is None) for run_id, run in zip(ids, existing, strict=True)]


def _submission_for_row(submission: Submission, row: ParameterRow, number: int) -> Submission:
    return replace(
        submission,
        parameters={**submission.parameters, **row.parameters},
        texts=(*(pair for pair in submission.texts if pair[0] not in row.parameters), *row.texts),
        key=None if submission.key is None else f"{submission.key}#{number}",
    )


def _check_rows(ctx: Services, manifest: Manifest, submissions: Sequence[Submission]) -> list[dict[str, Any]]:
    values: list[dict[str, Any]] = []
    problems: list[dict[str, Any]] = []
    for number, submission in enumerate(submissions, 1):
        try:
            values.append(check_parameters(ctx, manifest, submission.parameters, submission.texts))
        except Refused as error:
            problems.append({"row": number, "message": error.message, "problems": error.detail.get("problems", [])})
    if problems:
        raise invalid_rows(problems)
    return values


def invalid_rows(problems: Sequence[dict[str, Any]]) -> InvalidRows:
    messages = " ".join(f"Row {row['row']}: {row['message']}" for row in problems[:ROWS_IN_MESSAGE])
    more = f" {len(problems) - ROWS_IN_MESSAGE} more rows are wrong." if len(problems) > ROWS_IN_MESSAGE else ""
    return InvalidRows(f"{messages}{more} Nothing was started.", rows=list(problems))


def rerun(
    ctx: Services,
    run_id: str,
    *,
    parameters: dict[str, Any] | None,
    by: Actor,
    override: PlacementOverride = NO_OVERRIDE,
    key: str | None = None,
    publish: bool | None = None,
) -> Submitted:
    """Run the same version again with the same inputs, as a new run that names the old one.

    `parameters` replaces all of the earlier ones.

    It goes to the same place, unless `override` names another one: then it is checked like a first run there.
    It publishes its outputs only when `publish` says so.
    """
    check_key(key)
    request_fields = {
        "rerun": run_id,
        "parameters": parameters,
        **({} if override == NO_OVERRIDE else asdict(override)),
        **({} if publish is None else {"publish": publish}),
    }
    request = digest_of(canonical_json(request_fields))
    return add_once(ctx, key, request, lambda: _prepare_rerun(ctx, run_id, override, parameters, publish, by=by), by=by)


@dataclass(frozen=True)
class _RepeatedRun:
    """Another run of the same version."""

    old: Run
    order: Order

    def add(
        self, tx: Transaction, *, key: str | None, request: str, by: Actor, at: Timestamp
    ) -> tuple[Run, Job, Version]:
        tx.runs.get(self.old.id)  # Somebody may have deleted it meanwhile, and its version with it.
        order = replace(self.order, key=key, request_digest=request)
        return queue_run(tx, order, by=by, at=at), tx.jobs.get(self.old.job_id), order.version


def _prepare_rerun(
    ctx: Services,
    run_id: str,
    override: PlacementOverride,
    parameters: dict[str, Any] | None,
    publish: bool | None,
    *,
    by: Actor,
) -> PreparedRun:
    with ctx.store.read() as tx:
        old = tx.runs.get(run_id)
    if old.kind.has_steps:
        return pipelines.prepare_rerun(ctx, old, override, parameters=parameters, publish=publish, by=by)
    with ctx.store.read() as tx:
        version = tx.versions.get(old.job_id, old.version_digest)
        placed = place_rerun(ctx, tx, old, override, by=by)
    if override.changes_place(old):
        check_image_exists(ctx, placed)
    values = check_parameters(ctx, version.manifest, old.parameters if parameters is None else parameters)
    order = order_rerun(old, version, placed, kernel_for_rerun(ctx, placed, old), TriggerKind.RERUN)
    check_paths(version.manifest, [("", values)], at=ctx.clock.now())
    publishes = decides_to_publish(ctx, TriggerKind.RERUN, publish, placed.environment, by=by)
    return _RepeatedRun(old, replace(order, parameters=values, publish=publishes))


@dataclass(frozen=True)
class Order:
    """An order for a run, with all that was decided: nothing can refuse it any more.

    `parent` is the id of the run of which it is a part, and its key there.
    """

    version: Version
    placed: Placement
    kernel: KernelChoice | None
    parameters: dict[str, Any]
    settings: RunSettings
    trigger: Trigger = MANUAL
    tick_id: str | None = None
    nominal_at: dt.datetime | None = None
    origin: Origin = Origin()
    findings: tuple[Finding, ...] = ()
    inputs_digest: str | None = None
    variables: Mapping[str, str] = field(default_factory=dict)
    parent: tuple[str, str] | None = None
    publish: bool = False
    key: str | None = None
    request_digest: str | None = None


def _first_order(ctx: Services, tx: Transaction, taken: TakenSnapshot, job: Job, version: Version) -> Order:
    """Order a run of a version that was just made, without parameters."""
    placed, snapshot = taken.placed, taken.snapshot
    return Order(
        version=version,
        placed=placed,
        kernel=with_submitter_variables(ctx, placed, snapshot.kernel) if snapshot.kernel else None,
        parameters={},
        settings=resolve_settings(taken.submission, job.settings, placed.environment.limits),
        origin=snapshot.origin,
        inputs_digest=tx.inputs.put(snapshot.inputs),
        findings=(*snapshot.findings, *placed.findings, *moved_finding(taken.moved, job.id)),
    )


def order_rerun(
    old: Run, version: Version, placed: Placement, kernel: KernelChoice | None, trigger_kind: TriggerKind
) -> Order:
    """Order the same again: with the version, parameters and inputs of the old run, in the new place."""
    return Order(
        version=version,
        placed=placed,
        kernel=kernel,
        parameters=old.parameters,
        settings=clamp(old.settings, placed.environment.limits),
        trigger=Trigger(trigger_kind, old.id),
        tick_id=old.tick_id if trigger_kind is TriggerKind.RERUN else None,
        nominal_at=old.nominal_at if trigger_kind is TriggerKind.RERUN else None,
        origin=old.origin,
        findings=placed.findings,
        inputs_digest=old.inputs_digest,
        variables=old.variables,
    )


def queue_run(tx: Transaction, order: Order, *, by: Actor, at: Timestamp) -> Run:
    """Queue a run of a version that exists. Its `key` must be free: ask `tx.runs.by_key` first.

    A part of another run is queued once: the second call returns the first run.
    """
    return queue_runs(tx, [order], by=by, at=at)[0]


def queue_runs(tx: Transaction, orders: Sequence[Order], *, by: Actor, at: Timestamp) -> list[Run]:
    """Queue several in one statement, see `queue_run`. Return them in the order of `orders`; no part may come twice."""
    existing = [tx.runs.find_part(*order.parent) if order.parent else None for order in orders]
    # Sort the ids: those of one moment have no order of their own, and the queue starts runs in the order of ids.
    ids = sorted(str(ULID.from_datetime(at.wall_time)) for _ in orders)
    parts = zip(existing, ids, orders, strict=True)
    queued = [run or _new_run(order, run_id, by=by, at=at) for run, run_id, order in parts]
    if new := [run for run, known in zip(queued, existing, strict=True) if known is None]:
        tx.runs.add(*new)
    return queued


def _new_run(order: Order, run_id: str, *, by: Actor, at: Timestamp) -> Run:
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
        kind=order.version.manifest.kind,
        created_at=at.wall_time,
        created_by=by,
        created_boot=at.boot,
        created_tick=at.tick,
        trigger=order.trigger,
        tick_id=order.tick_id,
        nominal_at=order.nominal_at,
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
        bypassed_promotion=order.placed.bypassed_promotion,
        publish=order.publish,
    )


def cancel(ctx: Services, run_id: str, *, by: Actor) -> RunView:
    """Ask for the end of a run. A run that waits ends here; the engine ends the others. Safe to repeat."""
    now = ctx.clock.now()
    with ctx.store.begin() as tx:
        tx.pipelines.lock_parents([run_id])
        run = tx.runs.get(run_id)
        require(ctx, by, Verb.CANCEL, ObjectKind.RUN, owner=run.created_by, what=f"Run {run.id}")
        if run.state.is_terminal:
            if run.state is not RunState.CANCELLED:
                raise Conflict(f"Run {run.id} has already ended: {run.state}.", code="already_ended", state=run.state)
            return _view(ctx, tx, run)
        ask_to_end(ctx, tx, run, by=by, at=now)
        return _view(ctx, tx, tx.runs.get(run.id))


def ask_to_end(ctx: Services, tx: Transaction, run: Run, *, by: Actor, at: dt.datetime) -> None:
    """Ask for the end of a run that has not ended. Call `tx.pipelines.lock_parents` before."""
    if run.kind.has_steps:
        pipelines.cancel(ctx, tx, run, by=by)
        return
    tx.runs.request_cancel(run.id, at=at, by=by)
    if run.state in (RunState.QUEUED, RunState.RETRY_WAIT):
        reason = Reason("cancelled", f"Cancelled by {by} before it started.")
        move_runs(ctx, tx, [(run, run.transition_to(RunState.CANCELLED, finished_at=at, reason=reason))], at=at)


def get(ctx: Services, run_id: str) -> RunView:
    with ctx.store.read() as tx:
        return _view(ctx, tx, tx.runs.get(run_id))


def get_many(ctx: Services, run_ids: Collection[str]) -> dict[str, RunView]:
    """Return those that there are, by id."""
    with ctx.store.read() as tx:
        return {view.run.id: view for view in _views(ctx, tx, list(tx.runs.get_many(run_ids).values()))}


def page(ctx: Services, where: RunFilter, *, limit: int = 50, cursor: str | None = None) -> Page[RunSummary]:
    with ctx.store.read() as tx:
        found = tx.runs.page(where, limit=limit, cursor=cursor)
        return Page(_with_waiting_reasons(ctx, tx, found.items), found.next)


def summary(ctx: Services, run_id: str) -> RunSummary:
    """Return the summary; the id must be whole. NotFound when there is none."""
    if found := summaries(ctx, [run_id]):
        return found[run_id]
    raise NotFound(f"There is no run {run_id!r}. `jupyter dataops runs list` shows those there are.")


def summaries(ctx: Services, run_ids: Collection[str]) -> dict[str, RunSummary]:
    """Return those that there are, by id."""
    with ctx.store.read() as tx:
        return {run.id: run for run in _with_waiting_reasons(ctx, tx, tx.runs.summaries(run_ids))}


def last_of_jobs(ctx: Services, job_ids: Sequence[str]) -> dict[str, RunSummary]:
    with ctx.store.read() as tx:
        return {run.job_id: run for run in _with_waiting_reasons(ctx, tx, tx.runs.newest_summaries(job_ids))}


def summary_of(view: RunView) -> RunSummary:
    """Return the summary of a run that was read whole."""
    run, last = view.run, view.attempts[-1] if view.attempts else None
    reason = run.reason or view.waiting_reason or (last.reason if last and run.state is RunState.ACTIVE else None)
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
        progress=_progress_of(view),
        reason=Reason(reason.code, reason.message[:MAX_SUMMARY_MESSAGE]) if reason else None,
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


def _progress_of(view: RunView) -> Progress:
    if view.progress is None:
        return view.attempts[-1].progress if view.attempts else Progress()
    if view.progress.sweep is not None:
        return Progress(view.points_ended, view.progress.sweep.size)
    statuses = view.progress.statuses.values()
    return Progress(sum(status.state.has_ended for status in statuses), len(statuses))


def _awaits_approval(progress: PipelineProgress) -> bool:
    states = {status.state for status in progress.statuses.values()}
    return StepState.AWAITING_APPROVAL in states and StepState.RUNNING not in states


def _check_submission(submission: Submission) -> None:
    check_key(submission.key)
    submission.check()
    if submission.reuse and submission.kind is not JobKind.PIPELINE:
        raise InvalidRequest("Only a pipeline reuses results: those of its steps. Run it without reuse.")


def check_key(key: str | None) -> None:
    """Raise InvalidRequest unless it can be an idempotency key."""
    if key is not None and not (0 < len(key) <= MAX_KEY_LENGTH and key.isascii() and key.isprintable()):
        raise InvalidRequest(f"An idempotency key is 1 to {MAX_KEY_LENGTH} printable ASCII characters.")


def _request_digest(submission: Submission) -> str:
    request_fields = asdict(submission) | {"path": str(Path(submission.path).resolve()), "key": None, "root": None}
    if submission.pinned is None:
        del request_fields["pinned"]  # Keys from before there were pins must stand for the same requests.
    if not submission.command:
        for name in ("command", "declared", "include"):
            del request_fields[name]  # The same holds for commands.
    if not submission.reuse:
        del request_fields["reuse"]
    if submission.sweep is None:
        del request_fields["sweep"]  # And for sweeps.
    for name in ("outputs", "publish"):
        if request_fields[name] is None:
            del request_fields[name]  # And for outputs.
    return digest_of(canonical_json(request_fields))


def _find_earlier(ctx: Services, key: str, request: str) -> RunView | None:
    with ctx.store.read() as tx:
        run = tx.runs.find_by_key(DEFAULT_PROJECT, key)
        return _view(ctx, tx, _require_same_request(run, request)) if run else None


def _require_same_request(run: Run, request: str) -> Run:
    if run.request_digest != request:
        raise KeyReused(f"The key {run.key!r} belongs to run {run.id}, which asked for something else.", run=run.id)
    return run


def _view_of_new_run(ctx: Services, run: Run, job: Job, version: Version) -> RunView:
    # Do this outside of the transaction that writes: thousands may wait, and finding the reasons takes a while.
    with ctx.store.read() as tx:
        return RunView(
            run,
            job,
            version,
            attempts=(),
            record=None,
            waiting_reason=WaitingReasons(ctx, tx, just_queued=True).reason(run) if _waits_for_slot(run) else None,
            progress=tx.pipelines.get_progress(run.id) if run.kind.has_steps else None,
            has_outputs=_has_outputs(ctx, version),
        )


def _has_outputs(ctx: Services, version: Version) -> bool:
    if version.manifest.kind is not JobKind.PIPELINE:
        return bool(version.manifest.outputs)
    pipeline = pipeline_of(ctx, version.manifest)
    return pipeline is not None and bool(pipeline.outputs)


def _waits_for_slot(run: Run | RunSummary) -> bool:
    """Tell whether the queue knows why the run waits. The row of a pipeline itself says it."""
    return run.state is RunState.QUEUED and not run.kind.has_steps


def _with_waiting_reasons(ctx: Services, tx: Transaction, found: Sequence[RunSummary]) -> list[RunSummary]:
    """Set the reasons why queued runs wait."""
    if not any(map(_waits_for_slot, found)):
        return list(found)
    waiting = WaitingReasons(ctx, tx)
    return [
        replace(run, reason=replace(waiting.reason(run), detail={})) if _waits_for_slot(run) else run for run in found
    ]


def _view(ctx: Services, tx: Transaction, run: Run) -> RunView:
    return _views(ctx, tx, [run])[0]


def _views(ctx: Services, tx: Transaction, runs: Sequence[Run]) -> list[RunView]:
    """Read all of them in a constant number of queries, for any number of runs."""
    ids = [run.id for run in runs]
    jobs = tx.jobs.get_many([run.job_id for run in runs])
    versions = tx.versions.get_many({(run.job_id, run.version_digest) for run in runs})
    attempts, records = tx.attempts.list_for_runs(ids), tx.records.find_for_runs(ids)
    waiting = WaitingReasons(ctx, tx) if any(map(_waits_for_slot, runs)) else None
    return [
        RunView(
            run=run,
            job=jobs[run.job_id],
            version=versions[run.job_id, run.version_digest],
            attempts=attempts[run.id],
            record=records.get(run.id),
            waiting_reason=waiting.reason(run) if waiting and _waits_for_slot(run) else None,
            progress=tx.pipelines.get_progress(run.id) if run.kind.has_steps else None,
            has_outputs=_has_outputs(ctx, versions[run.job_id, run.version_digest]),
            points_ended=tx.pipelines.count_ended_parts(run.id) if run.kind is JobKind.SWEEP else 0,
            repairs=tx.pipelines.list_repairs(run) if run.kind.has_steps else (),
        )
        for run in runs
    ]
