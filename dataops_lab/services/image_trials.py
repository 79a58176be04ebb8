"""Jobs that run again on another image, to show what would change for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from ulid import ULID

from ..domain.actors import Actor
from ..domain.environments import SANDBOX
from ..domain.images import ImageTrial
from ..domain.policy import ObjectKind, Verb
from ..domain.runs import RunState, Submission, TriggerKind
from ..errors import InvalidRequest, Refused
from . import images, runs
from .context import Services
from .permissions import require
from .placement import kernel_in_image, resolve_placement
from .runs import RunView

MAX_JOBS = 200


@dataclass(frozen=True)
class ValueChange:
    """A value that the job records, on both images; None also where it recorded none."""

    name: str
    before: Any
    after: Any


@dataclass(frozen=True)
class TrialResult:
    """`after` is None where the run could not be tried; `refused` is the reason."""

    before: RunView
    after: RunView | None
    changes: Sequence[ValueChange] = ()
    refused: str | None = None


@dataclass(frozen=True)
class TrialView:
    """`complete` is true when every run has ended."""

    trial: ImageTrial
    results: Sequence[TrialResult]

    @property
    def complete(self) -> bool:
        return all(result.after is None or result.after.run.state.is_terminal for result in self.results)


def start(
    ctx: Services,
    name: str,
    *,
    instead_of: str | None = None,
    jobs: Sequence[str] = (),
    days: int = images.USED_WITHIN_DAYS,
    environment: str = SANDBOX,
    by: Actor,
) -> TrialView:
    """Submit the last successful run of each job again, on the image `name`.

    The jobs are the given `jobs`, or those that ran on the image `instead_of` in the last `days`.
    """
    require(ctx, by, Verb.RUN, ObjectKind.IMAGE)
    if bool(jobs) == (instead_of is not None):
        raise InvalidRequest("Name either the jobs to try, or the image whose users they are.")
    with ctx.store.read() as tx:
        known = tx.jobs.get_many(jobs)
        found = [known.get(job) or tx.jobs.get(job) for job in jobs]
    if instead_of is not None:
        found = [user.job for user in images.users(ctx, instead_of, days=days).jobs]
    if not found:
        raise Refused(f"No job ran on {instead_of} in the last {days} days, so there is nothing to try.")
    if len(found) > MAX_JOBS:
        raise Refused(f"{len(found)} jobs are more than the {MAX_JOBS} of one trial. Name some of them.")
    orders, refused = [], []
    moment = ctx.moment()
    with ctx.store.begin() as tx:
        image = tx.images.get(name)
        placed = resolve_placement(ctx, tx, Submission("", environment=environment, image=name), by=by)
        kernels = placed.runtime.kernels or ()
        ids = [job.id for job in found]
        succeeded, newest = (
            {run.job_id: run for run in tx.runs.newest_per_job(ids, *states)} for states in ([RunState.SUCCEEDED], [])
        )
        versions = tx.versions.get_many((run.job_id, run.version_digest) for run in succeeded.values())
        for job_id in ids:
            last = succeeded.get(job_id)
            if last is None:
                if any_run := newest.get(job_id):
                    refused.append((any_run.id, "It never succeeded, so there is nothing to compare with."))
                continue
            kernel = kernel_in_image(kernels, last)
            if kernel is None:
                wanted = last.kernel.name if last.kernel else ""
                kernel_names = ", ".join(kernel.name for kernel in kernels)
                refused.append((last.id, f"The image has no kernel {wanted}; it has {kernel_names or 'none'}."))
                continue
            version = versions[job_id, last.version_digest]
            orders.append((last.id, runs.order_rerun(last, version, placed, kernel, TriggerKind.TRIAL)))
        queued = runs.queue_runs(tx, [order for _, order in orders], by=by, at=moment)
        pairs = tuple((before, run.id) for (before, _), run in zip(orders, queued, strict=True))
        trial_id = str(ULID.from_datetime(moment.wall_time))
        trial = ImageTrial(trial_id, image.as_run_image, moment.wall_time, by, pairs, tuple(refused))
        tx.images.add_trial(trial)
    return _views(ctx, [trial])[0]


def get(ctx: Services, trial_id: str) -> TrialView:
    with ctx.store.read() as tx:
        trial = tx.images.get_trial(trial_id)
    return _views(ctx, [trial])[0]


def page(ctx: Services, *, limit: int = 20) -> list[TrialView]:
    """List them, newest first."""
    with ctx.store.read() as tx:
        trials = tx.images.list_trials(limit)
    return _views(ctx, trials)


def _views(ctx: Services, trials: Sequence[ImageTrial]) -> list[TrialView]:
    """Read all trials in a constant number of queries, for any number of runs."""
    ids = {run_id for trial in trials for run_id in (*chain(*trial.runs), *(before for before, _ in trial.refused))}
    views = runs.get_many(ctx, ids)
    return [
        TrialView(
            trial,
            [
                # Somebody may have deleted runs since then; a trial shows the rest.
                *(
                    _result(views[old_id], views[new_id])
                    for old_id, new_id in trial.runs
                    if old_id in views and new_id in views
                ),
                *(TrialResult(views[old_id], None, refused=why) for old_id, why in trial.refused if old_id in views),
            ],
        )
        for trial in trials
    ]


def _result(before: RunView, after: RunView) -> TrialResult:
    changes: list[ValueChange] = []
    if before.record and after.record:
        old_values, new_values = before.record.values, after.record.values
        changes = [
            ValueChange(name, old_values.get(name), new_values.get(name))
            for name in sorted(old_values.keys() | new_values.keys())
            if old_values.get(name) != new_values.get(name)
        ]
    return TrialResult(before, after, changes)
