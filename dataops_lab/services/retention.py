"""Retention: kept runs, deleted runs, the rules, and the blobs to which nothing refers."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import TypeVar

from ..domain.actors import RETENTION, Actor
from ..domain.jobs import Job
from ..domain.policy import ObjectKind, Verb
from ..domain.retention import (
    EVENT_RETENTION,
    MESSAGE_RETENTION,
    TICK_RETENTION,
    RetentionRule,
    resolve_scopes,
)
from ..domain.runs import Run
from ..errors import Conflict
from ..ports import Transaction
from .context import Services
from .permissions import require
from .runs import RunView, get

APPLY_EVERY = dt.timedelta(hours=1)
COLLECT_EVERY = dt.timedelta(days=1)
GRACE_PERIOD = dt.timedelta(days=1)
"""The time for which bytes stay to which nothing refers.

A snapshot, or an attempt that ends, may be about to refer to them.
"""

_RULES, _BLOBS = "retention", "blobs"
_RUN_BATCH_SIZE = 200
"""The number of runs that one transaction deletes. All other writers wait for it."""
_BLOB_BATCH_SIZE = 200_000
"""The number of blobs that one pass through the database looks up. It bounds the memory of the pass."""

T = TypeVar("T")


# --- single runs ----------------------------------------------------------------------------------


def keep(ctx: Services, run_id: str, *, by: Actor) -> RunView:
    """Mark the run: nothing deletes it from now on. Safe to repeat."""
    with ctx.store.begin() as tx:
        run = _get_with_permission(ctx, tx, run_id, by, Verb.KEEP)
        _check_alone(run, "keep")
        tx.runs.keep(run.id, at=ctx.clock.now(), by=by)
    return get(ctx, run.id)


def unkeep(ctx: Services, run_id: str, *, by: Actor) -> RunView:
    """Remove the mark: the run may be deleted again. Safe to repeat."""
    with ctx.store.begin() as tx:
        run = _get_with_permission(ctx, tx, run_id, by, Verb.KEEP)
        tx.runs.unkeep(run.id, at=ctx.clock.now(), by=by)
    return get(ctx, run.id)


def delete(ctx: Services, run_id: str, *, by: Actor) -> None:
    """Delete the run with its record, for good.

    `collect_blobs` removes its bytes later, unless something else refers to them.
    """
    with ctx.store.begin() as tx:
        run = _get_with_permission(ctx, tx, run_id, by, Verb.DELETE)
        _check_alone(run, "delete")
        if not run.state.is_terminal:
            raise Conflict(
                f"Run {run.id} has not ended; it is {run.state}. Cancel it first.", code="not_finished", state=run.state
            )
        if not tx.runs.delete([run.id], at=ctx.clock.now(), by=by):
            raise Conflict(
                f"Run {run.id} is kept by {run.kept_by}. `jupyter dataops runs unkeep {run.id}` lets it go.",
                code="run_kept",
            )


def _get_with_permission(ctx: Services, tx: Transaction, run_id: str, by: Actor, verb: Verb) -> Run:
    run = tx.runs.get(run_id)
    require(ctx, by, verb, ObjectKind.RUN, owner=run.created_by, what=f"Run {run.id}")
    return run


def _check_alone(run: Run, verb: str) -> None:
    """Refuse to do something with a part that belongs to its whole."""
    if run.parent_id is not None:
        raise Conflict(
            f"Run {run.id} is a step of run {run.parent_id}, and stays and goes with it: "
            f"`jupyter dataops runs {verb} {run.parent_id}`.",
            code="part_of_run",
            parent=run.parent_id,
        )


# --- rules ----------------------------------------------------------------------------------------


def rules(ctx: Services) -> Sequence[RetentionRule]:
    with ctx.store.read() as tx:
        return tx.retention.rules()


def set_rules(ctx: Services, given: Sequence[RetentionRule], *, by: Actor) -> Sequence[RetentionRule]:
    """Replace all rules. Nothing is deleted at once: the engine applies them within the hour."""
    require(ctx, by, Verb.CHANGE, ObjectKind.RETENTION)
    with ctx.store.begin() as tx:
        _check_rules(tx, given)
        tx.retention.put(given, at=ctx.clock.now(), by=by)
        return tx.retention.rules()


def _check_rules(tx: Transaction, given: Sequence[RetentionRule]) -> None:
    resolve_scopes(given)
    for rule in given:
        if rule.environment is not None:
            tx.environments.get(rule.environment)


@dataclass(frozen=True)
class Preview:
    """The runs that would be deleted: their number, the oldest with their jobs, and the bytes that only they need."""

    count: int
    oldest: Sequence[tuple[Run, Job]]
    bytes: int


def preview(ctx: Services, given: Sequence[RetentionRule] | None = None, *, limit: int = 100) -> Preview:
    """Return a preview of the `given` rules, or of the present ones. Change nothing."""
    now = ctx.clock.now()
    with ctx.store.read() as tx:
        wanted = tx.retention.rules() if given is None else given
        _check_rules(tx, wanted)
        due = sorted({run_id for scope in resolve_scopes(wanted) for run_id in tx.retention.list_due(scope, now=now)})
        runs = tx.runs.get_many(due[:limit])
        oldest = [runs[run_id] for run_id in due[:limit]]
        jobs = tx.jobs.get_many([run.job_id for run in oldest])
        parts = tx.pipelines.list_part_ids(due) if due else {}
    gone = [*due, *(part for of_run in parts.values() for part in of_run)]
    freed = _unreferenced_bytes(ctx, without=gone) - _unreferenced_bytes(ctx) if due else 0
    return Preview(len(due), [(run, jobs[run.job_id]) for run in oldest], freed)


def _unreferenced_bytes(ctx: Services, without: Sequence[str] = ()) -> int:
    # A blob that somebody puts meanwhile is new, so it is not one that only old runs need.
    found = _unreferenced(ctx, ctx.clock.now(), frozenset(without))
    return sum(size for _, size in found)


# --- applying them --------------------------------------------------------------------------------


@dataclass
class RemovalCounts:
    """`bytes` is the size of the removed blobs."""

    runs: int = 0
    versions: int = 0
    blobs: int = 0
    bytes: int = 0


def apply(
    ctx: Services, *, by: Actor, fence: int | None = None, stopped: Callable[[], bool] = lambda: False
) -> RemovalCounts:
    """Delete the runs that the rules let go, all that only they needed, and the oldest events.

    It uses short transactions. Runs that are alive or kept stay, and so does the newest version of a job. `stopped`
    ends it between two transactions; the next call does the rest.
    """
    removed = RemovalCounts()
    now = ctx.clock.now()
    with ctx.store.read() as tx:
        scopes = resolve_scopes(tx.retention.rules())
    for scope in scopes:
        with ctx.store.read() as tx:
            due = list(tx.retention.list_due(scope, now=now))
        for batch in _run_batches(ctx, due):
            if stopped():
                return removed
            with ctx.store.begin(fence=fence) as tx:
                removed.runs += len(tx.runs.delete(batch, at=now, by=by))
    removed.versions = _remove_unused_versions(ctx, fence)
    _remove_unused_inputs(ctx, fence)
    _trim_events(ctx, fence, stopped)
    _trim_ticks_and_messages(ctx, fence, stopped)
    if not stopped():
        with ctx.store.begin(fence=fence) as tx:
            tx.retention.record_task_done(_RULES, at=now)
    return removed


def unreferenced(ctx: Services) -> tuple[int, int]:
    """Return how many blobs, and how many bytes, `collect_blobs` would remove."""
    sizes = [size for _, size in _unreferenced(ctx, ctx.clock.now() - GRACE_PERIOD)]
    return len(sizes), sum(sizes)


def collect_blobs(
    ctx: Services, *, fence: int | None = None, stopped: Callable[[], bool] = lambda: False
) -> RemovalCounts:
    """Remove the blobs to which nothing refers, and that nobody has put for a day."""
    removed = RemovalCounts()
    now = ctx.clock.now()
    for digest, size in _unreferenced(ctx, now - GRACE_PERIOD):
        if stopped():
            return removed
        if ctx.blobs.remove(digest, put_before=now - GRACE_PERIOD):
            removed.blobs += 1
            removed.bytes += size
    with ctx.store.begin(fence=fence) as tx:
        tx.retention.record_task_done(_BLOBS, at=now)
    return removed


def apply_now(ctx: Services, *, by: Actor) -> RemovalCounts:
    """Apply the rules and collect the blobs at once, for a person."""
    require(ctx, by, Verb.CHANGE, ObjectKind.RETENTION)
    removed = apply(ctx, by=by)
    collected = collect_blobs(ctx)
    return replace(removed, blobs=collected.blobs, bytes=collected.bytes)


def run_maintenance(ctx: Services, *, fence: int, stopped: Callable[[], bool]) -> RemovalCounts:
    """Apply the rules and collect the blobs where it is time. The engine calls this often."""
    removed = RemovalCounts()
    now = ctx.clock.now()
    with ctx.store.read() as tx:
        apply_now = _is_due(tx, _RULES, now, APPLY_EVERY)
        collect_now = _is_due(tx, _BLOBS, now, COLLECT_EVERY)
    if apply_now:
        removed = apply(ctx, by=RETENTION, fence=fence, stopped=stopped)
    if collect_now and not stopped():
        collected = collect_blobs(ctx, fence=fence, stopped=stopped)
        removed = replace(removed, blobs=collected.blobs, bytes=collected.bytes)
    return removed


def _is_due(tx: Transaction, task: str, now: dt.datetime, interval: dt.timedelta) -> bool:
    done_at = tx.retention.task_done_at(task)
    # A time in the future means that a clock was wrong, then or now.
    return done_at is None or not dt.timedelta(0) <= now - done_at < interval


def _remove_unused_versions(ctx: Services, fence: int | None) -> int:
    with ctx.store.read() as tx:
        unused = tx.retention.unused_versions()
    removed = 0
    for batch in _batches(unused, _RUN_BATCH_SIZE):
        with ctx.store.begin(fence=fence) as tx:
            # A submission to one of these jobs waits for us. Or we wait for it, and then see its run.
            tx.jobs.lock({job_id for job_id, _ in batch})
            removed += sum(tx.versions.remove(job_id, digest) for job_id, digest in batch)
    return removed


def _remove_unused_inputs(ctx: Services, fence: int | None) -> None:
    with ctx.store.read() as tx:
        unused = tx.inputs.list_unused()
    for batch in _batches(unused, _RUN_BATCH_SIZE):
        with ctx.store.begin(fence=fence) as tx:
            for digest in batch:
                tx.inputs.remove(digest)


def _trim_events(ctx: Services, fence: int | None, stopped: Callable[[], bool]) -> None:
    trimmed = True
    while trimmed and not stopped():
        with ctx.store.begin(fence=fence) as tx:
            trimmed = tx.events.delete_old(before=ctx.clock.now() - EVENT_RETENTION) > 0


def _trim_ticks_and_messages(ctx: Services, fence: int | None, stopped: Callable[[], bool]) -> None:
    """Remove old rows of the decision logs, and old messages that are delivered."""
    now = ctx.clock.now()
    trimmed = True
    while trimmed and not stopped():
        with ctx.store.begin(fence=fence) as tx:
            ticks = tx.ticks.delete_old(before=now - TICK_RETENTION)
            deliveries = tx.deliveries.delete_ended(before=now - MESSAGE_RETENTION)
            trimmed = bool(ticks + deliveries + tx.outbox.delete_delivered(before=now - MESSAGE_RETENTION))


def _unreferenced(
    ctx: Services, put_before: dt.datetime, without: frozenset[str] = frozenset()
) -> Iterator[tuple[str, int]]:
    for batch in _batches(ctx.blobs.list_put_before(put_before), _BLOB_BATCH_SIZE):
        unreferenced = dict(batch)
        # Ask after the blobs were listed: this sees all references up to now.
        with ctx.store.read() as tx:
            for digest in tx.blob_digests(without=without):
                unreferenced.pop(digest, None)
        yield from unreferenced.items()


def _run_batches(ctx: Services, run_ids: Sequence[str]) -> Iterator[list[str]]:
    """Yield batches that count the runs of steps too: a pipeline's run may have a thousand of them."""
    batch: list[str] = []
    size = 0
    for some in _batches(run_ids, _RUN_BATCH_SIZE):
        with ctx.store.read() as tx:
            parts = tx.pipelines.list_part_ids(some)
        for run_id in some:
            batch.append(run_id)
            size += 1 + len(parts[run_id])
            if size >= _RUN_BATCH_SIZE:
                yield batch
                batch, size = [], 0
    if batch:
        yield batch


def _batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    rest = iter(items)
    while batch := list(islice(rest, size)):
        yield batch
