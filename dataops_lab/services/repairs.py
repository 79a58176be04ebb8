"""Repairs: new runs of pipelines that take over the results of an earlier run, and run only what did not succeed.

A result is taken over as a copy: the run of the step, its attempts and its record are added to the new run, with the
same digests. So values, files, counts and retention need to know nothing of repairs, and the earlier run may go.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace

from ulid import ULID

from ..domain.actors import Actor
from ..domain.jobs import Job
from ..domain.outcomes import first_statuses
from ..domain.pipelines import Pipeline, Step, StepKind, StepState, StepStatus
from ..domain.records import Record
from ..domain.repairs import EarlierStep, Fate, Repair, RepairWish, StepRepair
from ..domain.runs import Reason, Run, RunState, Submission, Trigger, TriggerKind
from ..domain.step_files import missing_outputs
from ..domain.time import Timestamp
from ..domain.versions import Version, canonical_json, digest_of
from ..errors import Conflict, NotFound
from ..ports import Part, Transaction
from .context import Services
from .pipelines import FirstPipelineRun, RepeatedPipelineRun, add_run, prepare, prepare_rerun, stored_pipeline
from .placement import NO_OVERRIDE
from .runs import Submitted, add_once, check_key
from .step_results import copy_records, find_damage, taken_over
from .sweeps import FirstSweepRun
from .sweeps import prepare as prepare_sweep


@dataclass(frozen=True)
class PlannedRepair:
    """The plan of a repair of the run `old`, by step, in the order of the file of `pipeline`.

    `earlier` are the steps of the run that is repaired.
    """

    old: Run
    pipeline: Pipeline
    earlier: Mapping[str, EarlierStep]
    steps: Mapping[str, StepRepair]

    def origin(self, step_id: str) -> str | None:
        """Return the pipeline run in which the taken-over result was made; None for nothing that is taken over."""
        planned = self.steps[step_id]
        if planned.fate is Fate.TAKEN_OVER:
            status = self.earlier[step_id].status
            # A step with a start of its own ran there, as a whole or with some items.
            return (status.taken_from if status.started_at is None else None) or self.old.id
        return self.old.id if planned.items else None


def preview(ctx: Services, run_id: str, wish: RepairWish, *, root: str | None = None, by: Actor) -> PlannedRepair:
    """Plan a repair as `repair` does, and start nothing."""
    return _prepare(ctx, run_id, wish, root=root, by=by).planned


def repair(
    ctx: Services, run_id: str, wish: RepairWish, *, root: str | None = None, by: Actor, key: str | None = None
) -> Submitted:
    """Repair a pipeline run that has ended, as a new run that names it.

    It may be repaired any number of times: each repair is a run of its own, and takes only from what has ended.
    """
    check_key(key)
    request = digest_of(canonical_json({"repair": run_id, **asdict(wish)}))
    return add_once(ctx, key, request, lambda: _prepare(ctx, run_id, wish, root=root, by=by), by=by)


@dataclass(frozen=True)
class _PreparedRepair:
    """A repair that nothing can refuse any more."""

    ctx: Services
    base: FirstPipelineRun | FirstSweepRun | RepeatedPipelineRun
    planned: PlannedRepair

    def add(
        self, tx: Transaction, *, key: str | None, request: str, by: Actor, at: Timestamp
    ) -> tuple[Run, Job, Version]:
        planned = self.planned
        tx.runs.get(planned.old.id)  # Somebody may have deleted it meanwhile, with all its results.
        new = replace(
            self.base.new_run(tx, by=by, at=at),
            trigger=Trigger(TriggerKind.REPAIR, planned.old.id),
            # It goes on with the earlier run, which has published nothing unless it succeeded.
            publish=planned.old.publish,
            tick_id=planned.old.tick_id,
            nominal_at=planned.old.nominal_at,
            statuses=_statuses(planned, at),
            taken_over=lambda tx, run: _take_over(tx, planned, run, by=by, at=at),
        )
        return add_run(self.ctx, tx, new, key=key, request=request, by=by, at=at), new.job, new.version


def _prepare(ctx: Services, run_id: str, wish: RepairWish, *, root: str | None, by: Actor) -> _PreparedRepair:
    with ctx.store.read() as tx:
        old = tx.runs.get(run_id)
        before = stored_pipeline(ctx, tx, old)
        sweep = tx.pipelines.get_progress(old.id).sweep
        job = tx.jobs.get(old.job_id)
    if not old.state.is_terminal:
        raise Conflict(
            f"Run {old.id} has not ended; it is {old.state}. Wait for its end, or cancel it, and then repair it.",
            code="not_finished",
            state=old.state,
        )
    given = None if wish.parameters is None else dict(wish.parameters)
    base: FirstPipelineRun | FirstSweepRun | RepeatedPipelineRun
    if wish.newer:
        submission = Submission(
            job.source,
            root=root,
            environment=old.environment,
            parameters=old.parameters if given is None else given,
            priority=old.settings.priority,
            image=_common_image(ctx, old, before),
            sweep=sweep,
        )
        base = prepare(ctx, submission, by=by) if sweep is None else prepare_sweep(ctx, submission, by=by)
    else:
        base = prepare_rerun(ctx, old, NO_OVERRIDE, parameters=given, by=by)
    earlier = _earlier_steps(ctx, old, before)
    values = before.parameters.complete(old.parameters), base.pipeline.parameters.complete(base.parameters)
    changed = frozenset(name for name in {*values[0], *values[1]} if _differs(name, *values))
    steps = Repair(base.pipeline, base.codes, earlier, wish, changed).plan()
    return _PreparedRepair(ctx, base, PlannedRepair(old, base.pipeline, earlier, steps))


def _common_image(ctx: Services, old: Run, pipeline: Pipeline) -> str | None:
    """Return the image on which all steps ran that name none: that of the submission. None when they differ."""
    with ctx.store.read() as tx:
        plan = tx.pipelines.get_plan(old.id)
    images = {
        planned.image.name if planned.image else None
        for step_id, planned in plan.items()
        if pipeline.by_id[step_id].image is None
    }
    return images.pop() if len(images) == 1 else None


def _differs(name: str, first: Mapping[str, object], second: Mapping[str, object]) -> bool:
    # Compared as JSON: 1 and true are equal for Python.
    return canonical_json({"of": first.get(name)}) != canonical_json({"of": second.get(name)})


# --- what the earlier run left ----------------------------------------------------------------------


def _earlier_steps(ctx: Services, run: Run, pipeline: Pipeline) -> dict[str, EarlierStep]:
    with ctx.store.read() as tx:
        statuses = tx.pipelines.get_progress(run.id).statuses
        plan = tx.pipelines.get_plan(run.id)
        parts = tx.pipelines.list_parts(run.id, [step.id for step in pipeline.steps])
        records = tx.records.find_for_runs([part.id for of_step in parts.values() for part in of_step])
        folder = tx.versions.get(run.job_id, run.version_digest).manifest.folder
    look = _Results(ctx, records, folder)
    return {
        step.id: EarlierStep(
            step=step,
            status=statuses[step.id],
            code=plan[step.id].version_digest if step.id in plan else None,
            damage=look.damage(step, statuses[step.id], parts.get(step.id, ())),
            whole_items=look.whole_items(step, parts.get(step.id, ())),
        )
        for step in pipeline.steps
    }


class _Results:
    """The records of an earlier run, with what is wrong with them. The bytes of artifacts are read and checked."""

    def __init__(self, ctx: Services, records: Mapping[str, Record], folder: str) -> None:
        self._ctx, self._records, self._folder = ctx, records, folder
        self._problems: dict[str, str] = {}

    def damage(self, step: Step, status: StepStatus, parts: Sequence[Part]) -> str:
        """Return why the result of a step that succeeded cannot be taken over; empty when it can."""
        if status.state is not StepState.SUCCEEDED or step.kind is StepKind.APPROVAL:
            return ""
        if not parts and status.items != ():
            return "Its record is gone."
        for part in parts:
            if part.state is RunState.SUCCEEDED and (problem := self._problem(part)):
                return problem if part.item_key is None else f"Item {part.item_key!r}: {problem}"
        return ""

    def whole_items(self, step: Step, parts: Sequence[Part]) -> frozenset[str]:
        return frozenset(
            part.item_key
            for part in parts
            if part.item_key is not None
            and part.state is RunState.SUCCEEDED
            and not self._problem(part)
            and not missing_outputs(step, self._paths(part), base=self._folder)
        )

    def _paths(self, part: Part) -> list[str]:
        return [file.path for file in self._records[part.id].artifacts]

    def _problem(self, part: Part) -> str:
        if part.id not in self._problems:
            record = self._records.get(part.id)
            self._problems[part.id] = find_damage(self._ctx, record, reads_bytes=True)
        return self._problems[part.id]


# --- the new run ------------------------------------------------------------------------------------


def _statuses(planned: PlannedRepair, at: Timestamp) -> dict[str, StepStatus]:
    statuses = first_statuses(planned.pipeline)
    for step_id, step in planned.steps.items():
        origin = planned.origin(step_id)
        if step.fate is Fate.TAKEN_OVER:
            status = planned.earlier[step_id].status
            # It took no time here; clocks and charts look at the start.
            statuses[step_id] = replace(
                status,
                reason=None if status.state is StepState.SUCCEEDED else status.reason,
                taken_from=origin,
                started_at=None,
                finished_at=None,
                due_at=None,
            )
        elif step.fate is Fate.NOT_WANTED:
            statuses[step_id] = StepStatus(StepState.SKIPPED, Reason("not_wanted", step.why), finished_at=at.wall_time)
        elif step.items:
            statuses[step_id] = StepStatus(items=planned.earlier[step_id].status.items, taken_from=origin)
    return statuses


def _take_over(tx: Transaction, planned: PlannedRepair, run: Run, *, by: Actor, at: Timestamp) -> None:
    """Add copies of the runs of steps and items that are taken over, with their attempts and records."""
    parts = list(_taken_parts(tx, planned))
    found = tx.runs.get_many(parts)
    if len(found) < len(parts):
        raise NotFound(f"Run {planned.old.id} has just been deleted. Submit the pipeline again.")
    # Sort the ids: the runs of a step are listed in the order of theirs.
    ids = dict(zip(parts, sorted(str(ULID.from_datetime(at.wall_time)) for _ in parts), strict=True))
    if not ids:
        return
    tx.runs.add(*(_copy(found[old_id], new_id, run, by, at) for old_id, new_id in ids.items()))
    copy_records(tx, list(ids.items()))


def _taken_parts(tx: Transaction, planned: PlannedRepair) -> Iterable[str]:
    taken: Collection[str] = [
        step_id for step_id, step in planned.steps.items() if step.fate is Fate.TAKEN_OVER or step.items
    ]
    parts = tx.pipelines.list_parts(planned.old.id, taken)
    for step_id in taken:
        step = planned.steps[step_id]
        for part in parts.get(step_id, ()):
            if step.fate is Fate.TAKEN_OVER or part.item_key in step.items:
                yield part.id


def _copy(part: Run, run_id: str, run: Run, by: Actor, at: Timestamp) -> Run:
    return replace(
        part,
        id=run_id,
        parent_id=run.id,
        trigger=taken_over(part),
        created_at=at.wall_time,
        created_by=by,
        created_boot=at.boot,
        created_tick=at.tick,
        key=None,
        request_digest=None,
        cancel_requested_at=None,
        cancel_requested_by=None,
        kept_at=None,
        kept_by=None,
        revision=1,
    )
