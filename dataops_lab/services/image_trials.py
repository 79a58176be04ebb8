"""Jobs run again on another image, to see what would change for them."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from ulid import ULID

from ..domain.environments import SANDBOX
from ..domain.images import ImageTrial
from ..domain.jobs import Job
from ..domain.runs import Run, RunState, Submission
from ..domain.settings import bounded
from ..domain.snapshots import kernel_for
from ..errors import InvalidRequest, NotFound, Refused
from ..ports import RunFilter, Transaction
from . import images, runs
from .context import Services
from .permissions import require_administrator
from .placement import place
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
    """`after` is None where the run could not be tried, for the reason `refused`."""

    before: RunView
    after: RunView | None
    changes: Sequence[ValueChange] = ()
    refused: str | None = None


@dataclass(frozen=True)
class TrialView:
    """`complete`: every run has ended."""

    trial: ImageTrial
    results: Sequence[TrialResult]

    @property
    def complete(self) -> bool:
        return all(it.after is None or it.after.run.state.is_terminal for it in self.results)


def start(
    ctx: Services,
    name: str,
    *,
    instead_of: str | None = None,
    jobs: Sequence[str] = (),
    days: int = images.USED_WITHIN_DAYS,
    environment: str = SANDBOX,
    by: str,
) -> TrialView:
    """Submit the last successful run of each job again, on the image `name`.

    Of the given `jobs`, or of those that ran on the image `instead_of` in the last `days`.
    """
    require_administrator(ctx, by)
    if bool(jobs) == (instead_of is not None):
        raise InvalidRequest("Name either the jobs to try, or the image whose users they are.")
    with ctx.store.read() as tx:
        found = [tx.jobs.get(job) for job in jobs]
    if instead_of is not None:
        found = [it.job for it in images.users(ctx, instead_of, days=days).jobs]
    if not found:
        raise Refused(f"No job ran on {instead_of} in the last {days} days, so there is nothing to try.")
    if len(found) > MAX_JOBS:
        raise Refused(f"{len(found)} jobs are more than the {MAX_JOBS} of one trial. Name some of them.")
    pairs, refused = [], []
    moment = ctx.moment()
    with ctx.store.begin() as tx:
        image = tx.images.get(name)
        placed = place(ctx, tx, Submission("", environment=environment, image=name), by=by)
        kernels = placed.where.kernels or ()
        for job in found:
            last = _last(tx, job, RunState.SUCCEEDED)
            if last is None:
                if any_run := _last(tx, job):
                    refused.append((any_run.id, "It never succeeded, so there is nothing to compare with."))
                continue
            kernel = kernel_for(kernels, last.kernel.name, last.kernel.language)
            if kernel is None:
                has = ", ".join(it.name for it in kernels)
                refused.append((last.id, f"The image has no kernel {last.kernel.name}; it has {has or 'none'}."))
                continue
            run = runs.again(
                last,
                at=moment,
                by=by,
                trigger="trial",
                environment=environment,
                image=placed.image,
                kernel=kernel,
                resources=placed.resources,
                settings=bounded(last.settings, placed.environment.limits),
                findings=placed.findings,
                unpromoted=placed.unpromoted,
            )
            tx.runs.add(run)
            pairs.append((last.id, run.id))
        trial_id = str(ULID.from_datetime(moment.at))
        trial = ImageTrial(trial_id, image.for_run, moment.at, by, tuple(pairs), tuple(refused))
        tx.images.add_trial(trial)
    return _view(ctx, trial)


def get(ctx: Services, trial_id: str) -> TrialView:
    with ctx.store.read() as tx:
        trial = tx.images.trial(trial_id)
    return _view(ctx, trial)


def page(ctx: Services, *, limit: int = 20) -> list[TrialView]:
    """Newest first."""
    with ctx.store.read() as tx:
        trials = tx.images.trials(limit)
    return [_view(ctx, trial) for trial in trials]


def _view(ctx: Services, trial: ImageTrial) -> TrialView:
    results = []
    for before, after, why in (
        *((*pair, None) for pair in trial.runs),
        *((it, None, why) for it, why in trial.refused),
    ):
        # Runs may be deleted since; a trial tells of what is left.
        with suppress(NotFound):
            tried = runs.get(ctx, after) if after else None
            results.append(_result(runs.get(ctx, before), tried, why))
    return TrialView(trial, results)


def _result(before: RunView, after: RunView | None, refused: str | None) -> TrialResult:
    changes: list[ValueChange] = []
    if before.record and after and after.record:
        was, now = before.record.values, after.record.values
        changes = [
            ValueChange(name, was.get(name), now.get(name))
            for name in sorted(was.keys() | now.keys())
            if was.get(name) != now.get(name)
        ]
    return TrialResult(before, after, changes, refused)


def _last(tx: Transaction, job: Job, *states: RunState) -> Run | None:
    return next(iter(tx.runs.page(RunFilter(job_id=job.id, states=states), limit=1).items), None)
