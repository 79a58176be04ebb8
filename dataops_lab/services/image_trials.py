"""Jobs run again on another image, to see what would change for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ulid import ULID

from ..domain.environments import SANDBOX, ExecutorKind
from ..domain.images import Image, ImageTrial
from ..domain.jobs import Job
from ..domain.runs import Run, RunState
from ..domain.snapshots import KernelChoice
from ..errors import InvalidRequest, Refused
from ..ports import RunFilter, Runs
from . import images, runs
from .context import Services
from .permissions import require_administrator
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
        image, place = tx.images.get(name), tx.environments.get(environment)
        found = [tx.jobs.get(job) for job in jobs]
    if place.executor is not ExecutorKind.DOCKER or place.docker.host != image.host:
        raise Refused(
            f"{environment} does not run containers where {name} is. Name an environment that does.",
            code="no_images_here",
        )
    if image.probe is None or image.probe.problems:
        said = " ".join(image.probe.problems) if image.probe else f"`jupyter dataops image probe {name}` looks into it."
        raise Refused(f"Nothing can run on {name}: {said}", code="image_unusable")
    if instead_of is not None:
        found = [it.job for it in images.users(ctx, instead_of, days=days).jobs]
    if not found:
        raise Refused(f"No job ran on {instead_of} in the last {days} days, so there is nothing to try.")
    if len(found) > MAX_JOBS:
        raise Refused(f"{len(found)} jobs are more than the {MAX_JOBS} of one trial. Name some of them.")
    pairs, refused = [], []
    moment = ctx.moment()
    now = moment.at
    with ctx.store.begin() as tx:
        for job in found:
            last = _last_success(tx.runs, job)
            if last is None:
                newest = tx.runs.page(RunFilter(job_id=job.id), limit=1).items
                refused += [(run.id, "It never succeeded, so there is nothing to compare with.") for run in newest]
                continue
            kernel = _kernel_in(image, last.kernel)
            if kernel is None:
                has = ", ".join(it.name for it in image.probe.kernels)
                refused.append((last.id, f"The image has no kernel {last.kernel.name}; it has {has or 'none'}."))
                continue
            run = runs.again(
                last, at=moment, by=by, trigger="trial", image=image.for_run, kernel=kernel, environment=environment
            )
            tx.runs.add(run)
            pairs.append((last.id, run.id))
        trial = ImageTrial(str(ULID.from_datetime(now)), image.for_run, now, by, tuple(pairs), tuple(refused))
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
    results = [_result(runs.get(ctx, before), runs.get(ctx, after)) for before, after in trial.runs]
    results += [TrialResult(runs.get(ctx, before), None, refused=why) for before, why in trial.refused]
    return TrialView(trial, results)


def _result(before: RunView, after: RunView) -> TrialResult:
    changes: list[ValueChange] = []
    if before.record and after.record:
        was, now = before.record.values, after.record.values
        changes = [
            ValueChange(name, was.get(name), now.get(name))
            for name in sorted(was.keys() | now.keys())
            if was.get(name) != now.get(name)
        ]
    return TrialResult(before, after, changes)


def _last_success(stored: Runs, job: Job) -> Run | None:
    where = RunFilter(job_id=job.id, states=(RunState.SUCCEEDED,))
    return next(iter(stored.page(where, limit=1).items), None)


def _kernel_in(image: Image, wanted: KernelChoice) -> KernelChoice | None:
    """The one of the same name, else the only one of its language."""
    assert image.probe is not None
    for kernel in image.probe.kernels:
        if kernel.name == wanted.name:
            return kernel
    alike = [it for it in image.probe.kernels if it.language.lower() == wanted.language.lower()]
    return alike[0] if len(alike) == 1 else None
