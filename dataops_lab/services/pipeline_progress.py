"""Going on with a pipeline run: whatever follows from the states of its steps, in one transaction.

`go_on` reads the states from the store and decides anew, so it may be called at any time and as often as one likes: a
call that has nothing to do changes nothing.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from weakref import WeakKeyDictionary

from ..domain.actors import ENGINE, Actor
from ..domain.fan_outs import ItemCounts, fan_out_end, next_items
from ..domain.jobs import JobKind
from ..domain.outcomes import Advance, Ending, Outcome, advance, goes_on, step_state_of
from ..domain.pipelines import Item, Pipeline, Step, StepKind, StepState, StepStatus, parent_key
from ..domain.plans import PlannedStep
from ..domain.runs import MAX_SUMMARY_MESSAGE, Reason, Run, RunState, Trigger, TriggerKind
from ..domain.step_files import missing_outputs
from ..domain.sweeps import SWEEP_STEP, Sweep
from ..domain.time import Timestamp
from ..domain.versions import Manifest
from ..errors import Damaged, NotFound, Refused
from ..ports import Part, PartCounts, PipelineProgress, Pipelines, Transaction
from .context import Services
from .declared_outputs import find_pipeline_shortfall
from .earlier_results import EarlierResults
from .messages import tell_approval_wanted
from .pipeline_values import StepValues
from .reactions import move_runs
from .slow_expressions import Question, TakesLong, answers
from .step_results import with_ids


def go_on(ctx: Services, tx: Transaction, run: Run, *, at: Timestamp, by: Actor | None = None) -> bool:
    """Move the steps of an active pipeline run as far as they go now, and end the run when all of them have ended.

    The caller has locked the run. `by` is the person whose act this follows, None for nobody. Tell whether a step
    moved.
    """
    progress = tx.pipelines.get_progress(run.id)
    ending = Ending.CANCELLED if run.cancel_requested_at else Ending.TIMED_OUT if progress.timed_out_at else None
    manifest = tx.versions.get(run.job_id, run.version_digest).manifest
    pipeline = pipeline_of(ctx, manifest, progress.sweep)
    if pipeline is None:
        _give_up(ctx, tx, run, progress.statuses, at=at)
        return True
    steps = _Steps(ctx, tx, run, pipeline, progress, ending, at, folder=manifest.folder)
    stops, outcome = steps.move_on()
    moved = steps.write(by=by)
    if questions := steps.questions:
        tx.on_commit(lambda: answers.look_for(ctx, questions, lambda: _go_on_again(ctx, run.id)))
    if stops:
        cancel_parts(ctx, tx, run, stops, at=at)
    owes_outputs = outcome is not None and outcome.state is RunState.SUCCEEDED and not outcome.nothing_to_do
    if owes_outputs and outcome and (shortfall := find_pipeline_shortfall(tx, run, pipeline, manifest)):
        outcome = replace(outcome, state=RunState.FAILED, reason=shortfall)
    if outcome is not None:
        if run.kind is JobKind.SWEEP and outcome.reason is not None:
            # Its only step is the sweep itself, and says more.
            outcome = replace(outcome, reason=steps.reason(SWEEP_STEP) or outcome.reason)
        move_runs(ctx, tx, [(run, _ended(run, outcome, at))], at=at.wall_time)
    return moved


def _go_on_again(ctx: Services, run_id: str) -> None:
    with ctx.store.begin() as tx:
        for run in tx.runs.get_many([run_id]).values():
            if run.state is RunState.ACTIVE:
                go_on(ctx, tx, run, at=ctx.moment())


def pipeline_of(ctx: Services, manifest: Manifest, sweep: Sweep | None = None) -> Pipeline | None:
    """Read the pipeline of a version, or make that of a sweep of it.

    None when its file is damaged, or this program cannot read it any more.
    """
    if sweep is not None:
        return sweep.pipeline(manifest)
    assert manifest.source_digest is not None
    try:
        known = _read.setdefault(ctx.pipelines, {})
        if manifest.source_digest not in known:
            reading = ctx.pipelines.read(ctx.blobs.read(manifest.source_digest))
            if len(known) >= MAX_KNOWN:
                known.clear()
            # It had no problems when it was submitted. Rules that came later are for new files.
            known[manifest.source_digest] = reading.pipeline
        return known[manifest.source_digest]
    except (Damaged, NotFound):
        return None


MAX_KNOWN = 100
_read: WeakKeyDictionary[Pipelines, dict[str, Pipeline | None]] = WeakKeyDictionary()
"""The pipelines that were read, by the digests of their files."""


def cancel_parts(ctx: Services, tx: Transaction, run: Run, step_ids: Collection[str], *, at: Timestamp) -> None:
    """Cancel the runs of these steps: those that wait end here, the engine ends the others. Safe to repeat."""
    reason = Reason("cancelled", "Cancelled before it started, with its pipeline.")
    by = run.cancel_requested_by or ENGINE
    waiting = []
    for part in tx.runs.get_many(tx.pipelines.list_unfinished_parts(run.id, step_ids)).values():
        if part.state is RunState.ACTIVE:
            tx.runs.request_cancel(part.id, at=at.wall_time, by=by)
        else:
            waiting.append((part, part.transition_to(RunState.CANCELLED, finished_at=at.wall_time, reason=reason)))
    if waiting:
        # Its reactions go on with this pipeline run, so this comes last.
        move_runs(ctx, tx, waiting, at=at.wall_time)


def end_steps(
    tx: Transaction,
    run: Run,
    statuses: Mapping[str, StepStatus],
    states: Mapping[StepState, StepState],
    reason: Reason,
    *,
    at: dt.datetime,
) -> None:
    """End each step that is in one of the `states`, in the state that belongs to it, whatever its runs do."""
    ended = {
        step_id: replace(status, state=states[status.state], reason=reason, finished_at=at)
        for step_id, status in statuses.items()
        if status.state in states
    }
    tx.pipelines.transition(run.id, statuses, ended, at=at)


def _give_up(ctx: Services, tx: Transaction, run: Run, statuses: Mapping[str, StepStatus], *, at: Timestamp) -> None:
    """End a pipeline run of which nobody knows any more what follows."""
    reason = Reason("pipeline_unreadable", "The stored file of the pipeline cannot be read any more. Submit it again.")
    under_way = [step_id for step_id, status in statuses.items() if not status.state.has_ended]
    states = {
        StepState.WAITING: StepState.SKIPPED,
        StepState.AWAITING_APPROVAL: StepState.CANCELLED,
        StepState.RUNNING: StepState.CANCELLED,
    }
    end_steps(tx, run, statuses, states, reason, at=at.wall_time)
    move_runs(
        ctx, tx, [(run, run.transition_to(RunState.FAILED, finished_at=at.wall_time, reason=reason))], at=at.wall_time
    )
    cancel_parts(ctx, tx, run, under_way, at=at)


def _ended(run: Run, outcome: Outcome, at: Timestamp) -> Run:
    reason = outcome.reason
    if reason is None and outcome.state is RunState.CANCELLED:
        reason = Reason("cancelled", f"Cancelled by {run.cancel_requested_by}.")
    elif reason is None and outcome.state is RunState.TIMED_OUT:
        limit = f"{run.settings.total_timeout_s:g}"
        reason = Reason("total_timeout", f"It took longer than {limit} seconds in all. Give it a longer `timeout`.")
    return run.transition_to(
        outcome.state,
        finished_at=at.wall_time,
        reason=reason,
        nothing_to_do=outcome.nothing_to_do,
        with_failures=outcome.with_failures,
    )


class _Steps:
    """The steps of one pipeline run while they move on. Runs are added at once, statuses are written at the end."""

    def __init__(
        self,
        ctx: Services,
        tx: Transaction,
        run: Run,
        pipeline: Pipeline,
        progress: PipelineProgress,
        ending: Ending | None,
        at: Timestamp,
        *,
        folder: str,
    ) -> None:
        self._ctx, self._tx, self._run, self._pipeline = ctx, tx, run, pipeline
        self._ending, self._at, self._folder = ending, at, folder
        self._before = progress.statuses
        self._now = dict(progress.statuses)
        self._reuse = EarlierResults(ctx, tx, run, at, folder=folder, wanted=progress.reuse)
        self._values = StepValues(ctx, tx, run, pipeline, self._now, folder=folder)
        self._asked: list[Step] = []
        """The approvals that began to wait."""
        self._undecided: set[str] = set()
        """The steps that wait for the values of expressions. They stay as they are."""

    def move_on(self) -> tuple[Sequence[str], Outcome | None]:
        """Move all steps as far as they go now. Return the steps to cancel, and the outcome once there is one."""
        self._end_running(self._pipeline.steps)
        while True:
            then = self._advance()
            for step_id, reason in then.skips.items():
                self._end(step_id, StepState.SKIPPED, reason)
            for step_id, reason in then.failures.items():
                self._end(step_id, StepState.FAILED, reason)
            for step_id in then.starts:
                self._start(self._pipeline.by_id[step_id])
            asked = [each for each in then.stops if self._now[each].state is StepState.AWAITING_APPROVAL]
            for step_id in asked:
                self._end(step_id, StepState.CANCELLED, _NOBODY_ASKED)
            if not (then.skips or then.failures or then.starts or asked):
                return then.stops, then.outcome

    def _advance(self) -> Advance:
        while True:
            # A step that is not decided yet counts as one that has not ended.
            running = {step_id: StepStatus(StepState.RUNNING) for step_id in self._undecided}
            try:
                return advance(self._pipeline, {**self._now, **running}, ending=self._ending, holds=self._holds)
            except TakesLong:
                continue

    def _holds(self, step: Step) -> bool | Reason:
        try:
            return self._values.holds(step)
        except TakesLong:
            self._undecided.add(step.id)
            raise

    def reason(self, step_id: str) -> Reason | None:
        return self._now[step_id].reason

    @property
    def questions(self) -> Sequence[Question]:
        return tuple(self._values.questions)

    def write(self, *, by: Actor | None) -> bool:
        """Write the steps that moved, and tell whether there are any."""
        moved = {step_id: status for step_id, status in self._now.items() if status != self._before[step_id]}
        self._tx.pipelines.transition(self._run.id, self._before, moved, at=self._at.wall_time, by=by)
        for step in self._asked:
            if self._now[step.id].state is StepState.AWAITING_APPROVAL:
                tell_approval_wanted(self._ctx, self._tx, self._run, step, at=self._at.wall_time)
        return bool(moved)

    # --- running steps ----------------------------------------------------------------------------

    def _end_running(self, steps: Sequence[Step]) -> None:
        """End those of the steps that run no longer, and go on with the items of the others."""
        running = [step for step in steps if self._now[step.id].state is StepState.RUNNING]
        single = [step for step in running if step.for_each is None]
        parts = self._tx.pipelines.list_parts(self._run.id, [step.id for step in single]) if single else {}
        for step in single:
            part = parts[step.id][0]
            if part.state.is_terminal:
                self._end_single(step, part)
        fan_outs = [step for step in running if step.for_each is not None]
        counts = self._tx.pipelines.count_parts(self._run.id) if fan_outs else {}
        for step in fan_outs:
            self._go_on_with_items(step, counts.get(step.id, PartCounts({}, 0)))

    def _end_single(self, step: Step, part: Part) -> None:
        reason = part.reason
        if part.state is RunState.SUCCEEDED:
            reason = self._missing_outputs(step, [part]).get(part.id)
            if reason is not None:
                self._end(step.id, StepState.FAILED, reason)
                return
        elif reason is not None:
            # Its run has the whole: lists and graphs need a sentence.
            reason = Reason(reason.code, reason.message[:MAX_SUMMARY_MESSAGE], {"run": part.id})
        self._end(step.id, step_state_of(part.state), reason, nothing_to_do=part.nothing_to_do)

    def _go_on_with_items(self, step: Step, parts: PartCounts) -> None:
        for_each, items = step.for_each, self._now[step.id].items
        assert for_each is not None and items is not None
        stopped = not goes_on(step, self._ending)
        counts = ItemCounts(len(items), parts.runs, parts.nothing_to_do)
        if step.outputs and not counts.active:
            counts = self._without_outputs(step, counts)
        if end := fan_out_end(for_each, counts, stopped=stopped):
            self._end(step.id, end.state, end.reason, with_failures=end.with_failures, nothing_to_do=end.nothing_to_do)
        elif more := next_items(for_each, counts, stopped=stopped):
            made = counts.total - counts.waiting
            first = None
            if self._now[step.id].taken_from is None:
                # Items start in their order, so those that have no run yet are the last ones.
                first = self._tx.runs.find_part(self._run.id, parent_key(step.id, items[0].key)) if made else None
                waiting: Sequence[Item] = items[made:]
            else:
                waiting = self._without_run(step, items)
            with suppress(TakesLong):
                self._add_parts(step, waiting[:more], inputs_of=first)

    def _without_run(self, step: Step, items: Sequence[Item]) -> list[Item]:
        """Return the items that have no run yet, neither their own nor one that was taken over."""
        known = {part.item_key for part in self._tx.pipelines.list_parts(self._run.id, [step.id]).get(step.id, ())}
        return [item for item in items if item.key not in known]

    def _without_outputs(self, step: Step, counts: ItemCounts) -> ItemCounts:
        """Count items as failed whose runs succeeded, but did not leave what the step promises."""
        parts = self._tx.pipelines.list_parts(self._run.id, [step.id]).get(step.id, ())
        missing = self._missing_outputs(step, [part for part in parts if part.state is RunState.SUCCEEDED])
        runs = {
            **counts.runs,
            RunState.SUCCEEDED: counts.succeeded - len(missing),
            RunState.FAILED: counts.runs.get(RunState.FAILED, 0) + len(missing),
        }
        return replace(counts, runs=runs)

    def _missing_outputs(self, step: Step, parts: Sequence[Part]) -> Mapping[str, Reason]:
        """Return a reason for each of these runs that did not leave all outputs of the step, by the id of the run."""
        if not step.outputs:
            return {}
        records = self._tx.records.find_for_runs([part.id for part in parts])
        missing: dict[str, Reason] = {}
        for part in parts:
            paths = [file.path for file in records[part.id].artifacts] if part.id in records else []
            if patterns := missing_outputs(step, paths, base=self._folder):
                message = f"`{step.id}` left no file that matches {patterns[0]!r}, which its `outputs` name."
                missing[part.id] = Reason("output_missing", message, {"run": part.id})
        return missing

    # --- steps that start -------------------------------------------------------------------------

    def _start(self, step: Step) -> None:
        started = replace(self._now[step.id], started_at=self._at.wall_time)
        if step.kind is StepKind.APPROVAL:
            assert step.approval is not None
            due_at = None
            if step.approval.within_s is not None:
                due_at = self._at.wall_time + dt.timedelta(seconds=step.approval.within_s)
            self._now[step.id] = replace(started, state=StepState.AWAITING_APPROVAL, due_at=due_at)
            self._asked.append(step)
            return
        try:
            # Only a repair knows the items before the start: it took over the results of some.
            items = started.items
            if step.for_each is not None and items is None:
                items = self._values.items(step)
                if not items:
                    self._end(step.id, StepState.SUCCEEDED, None, nothing_to_do=True, items=items)
                    return
            self._now[step.id] = replace(started, state=StepState.RUNNING, items=items)
            if items is not None and started.items is not None:
                self._add_parts(step, self._without_run(step, items))
            else:
                self._start_parts(step, items or [None])
        except TakesLong:
            self._now[step.id] = replace(started, started_at=None)
            self._undecided.add(step.id)
        except Refused as error:
            self._now[step.id] = started
            self._end(step.id, StepState.FAILED, Reason(error.precise_code, error.message[:MAX_SUMMARY_MESSAGE]))

    def _start_parts(self, step: Step, items: Sequence[Item | None]) -> None:
        """Start a step: take over results of earlier runs where a person asked for it, and queue runs of the rest."""
        parts = self._parts(step, items)
        taken = self._reuse.take_over(step, parts)
        waiting = [part for part in parts if part.parent_key not in taken.keys]
        self._queue(waiting[: self._most(step, len(waiting))])
        self._now[step.id] = replace(self._now[step.id], reason=taken.reason, taken_from=taken.origin)
        if not waiting:
            self._end_running([step])
            # It took no time here; clocks and charts look at the start.
            self._now[step.id] = replace(self._now[step.id], reason=taken.reason, started_at=None, finished_at=None)

    def _add_parts(self, step: Step, items: Sequence[Item | None], *, inputs_of: Run | None = None) -> None:
        """Queue the runs of the step: of the first of these `items`, as many as may be active at once."""
        parts = self._parts(step, items, inputs_of=inputs_of)
        self._queue(parts if inputs_of else parts[: self._most(step, len(parts))])

    def _parts(self, step: Step, items: Sequence[Item | None], *, inputs_of: Run | None = None) -> list[Run]:
        """Make the runs of these items, still without ids. All of them are checked before the first one starts."""
        planned = self._tx.pipelines.get_plan(self._run.id, [step.id])[step.id]
        manifest = self._tx.versions.get(planned.job_id, planned.version_digest).manifest
        parameters = self._values.parameters(step, manifest, items)
        variables = self._values.variables(step, items)
        inputs = inputs_of.inputs_digest if inputs_of else self._values.inputs(step, planned, manifest)
        part = replace(part_of(self._run, step, planned, self._at), inputs_digest=inputs)
        return [
            self._reuse.with_fingerprint(
                replace(
                    part,
                    parent_key=parent_key(step.id, item.key if item else None),
                    parameters=values,
                    variables=env,
                )
            )
            for item, values, env in zip(items, parameters, variables, strict=True)
        ]

    def _most(self, step: Step, count: int) -> int:
        concurrency = step.for_each.concurrency if step.for_each else None
        return count if concurrency is None else concurrency

    def _queue(self, parts: Sequence[Run]) -> None:
        if parts:
            self._tx.runs.add(*with_ids(parts, self._at))

    def _end(
        self,
        step_id: str,
        state: StepState,
        reason: Reason | None,
        *,
        with_failures: bool = False,
        nothing_to_do: bool = False,
        items: tuple[Item, ...] | None = None,
    ) -> None:
        status = self._now[step_id]
        self._now[step_id] = replace(
            status,
            state=state,
            # A step that ran although reuse was wanted keeps the reason for it.
            reason=status.reason if reason is None and state is StepState.SUCCEEDED else reason,
            with_failures=with_failures,
            nothing_to_do=nothing_to_do,
            items=status.items if items is None else items,
            finished_at=self._at.wall_time,
        )


_NOBODY_ASKED = Reason("pipeline_ended", "The pipeline ended before somebody decided.")


def part_of(run: Run, step: Step, planned: PlannedStep, at: Timestamp) -> Run:
    """Return the run of a step that starts now, still without what differs from item to item."""
    return Run(
        id="",
        project=run.project,
        job_id=planned.job_id,
        version_digest=planned.version_digest,
        environment=run.environment,
        state=RunState.QUEUED,
        parameters={},
        kernel=planned.kernel,
        created_at=at.wall_time,
        created_by=run.created_by,
        created_boot=at.boot,
        created_tick=at.tick,
        trigger=Trigger(TriggerKind.STEP, run.id),
        kind=JobKind(step.kind),
        parent_id=run.id,
        settings=planned.settings,
        origin=planned.origin,
        findings=planned.findings,
        image=planned.image,
        resources=planned.resources,
        bypassed_promotion=run.bypassed_promotion,
        publish=run.publish and run.kind is JobKind.SWEEP,
    )
