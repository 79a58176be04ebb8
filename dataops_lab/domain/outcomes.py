"""The decision which steps of a pipeline run, and how the pipeline ends.

The tables of docs/guide/pipelines.md, "Which steps run", are the contract; no other code decides on it. All of it
follows from the states of the steps alone, so the order in which they came to be changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, StrEnum, auto

from .pipelines import FAILURES, Pipeline, RunIf, Step, StepState, StepStatus
from .runs import Reason, RunState

MAX_NAMED = 3
"""The largest number of steps that a reason names."""

_WAITING = StepStatus()

_HANDLES = frozenset((RunIf.AT_LEAST_ONE_SUCCESS, RunIf.ALL_DONE, RunIf.AT_LEAST_ONE_FAILED, RunIf.ALL_FAILED))
"""The rules of steps that handle the failures before them when they succeed."""

WORDS = {
    StepState.SUCCEEDED: "succeeded",
    StepState.FAILED: "failed",
    StepState.TIMED_OUT: "timed out",
    StepState.CANCELLED: "was cancelled",
    StepState.LOST: "was lost",
    StepState.SKIPPED: "was skipped",
    StepState.EXPIRED: "expired",
    StepState.REJECTED: "was rejected",
    StepState.DISABLED: "is disabled",
}
"""How a step ended, for a sentence about it."""


class Ending(StrEnum):
    """An end that comes from outside of the steps."""

    CANCELLED = "cancelled"
    TIMED_OUT = "timed_out"


@dataclass(frozen=True)
class Outcome:
    """The end of a pipeline run. `reason` is None for a success, and for an ending, whose reason the caller knows."""

    state: RunState
    with_failures: bool = False
    nothing_to_do: bool = False
    reason: Reason | None = None


@dataclass(frozen=True)
class Advance:
    """The moves that follow from the states of all steps. Ids of steps are in the order of the file."""

    starts: tuple[str, ...] = ()
    skips: Mapping[str, Reason] = field(default_factory=dict)
    failures: Mapping[str, Reason] = field(default_factory=dict)
    """The steps that fail without a start, because nobody can tell whether their condition holds."""
    stops: tuple[str, ...] = ()
    """The steps to cancel. They stay here until they have ended, so a caller may cancel them a second time."""
    outcome: Outcome | None = None

    @property
    def is_over(self) -> bool:
        return self.outcome is not None


def first_statuses(pipeline: Pipeline) -> dict[str, StepStatus]:
    """Return the status of each step at the submission: waiting, or disabled for this run."""
    statuses: dict[str, StepStatus] = {}
    for step in pipeline.in_order:
        disabled = [need for need in step.needs if statuses[need].state is StepState.DISABLED]
        if step.disabled:
            reason = Reason("step_disabled", "The pipeline's file disables it.")
        elif disabled and not _can_be_met(step, disabled):
            reason = Reason("needs_disabled", _sentence(disabled, statuses))
        else:
            statuses[step.id] = _WAITING
            continue
        statuses[step.id] = StepStatus(StepState.DISABLED, reason)
    return {step.id: statuses[step.id] for step in pipeline.steps}


def goes_on(step: Step, ending: Ending | None) -> bool:
    """Tell whether `step`, and the items of its fan-out, may start and run in spite of the ending."""
    return ending is None or step.run_if is RunIf.ALWAYS


def advance(
    pipeline: Pipeline,
    statuses: Mapping[str, StepStatus],
    *,
    ending: Ending | None,
    holds: Callable[[Step], bool | Reason],
) -> Advance:
    """Return what happens next in a pipeline without problems. Call it again with the new statuses until it is over.

    `holds` evaluates the condition of a step, and is asked only for steps that have one and whose rule is met. It
    returns a reason when the condition cannot be evaluated. The outcome comes when every step has ended.
    """
    look = _Look(pipeline, statuses)
    starts: list[str] = []
    skips: dict[str, Reason] = {}
    failures: dict[str, Reason] = {}
    stops = [step.id for step in pipeline.steps if look.is_under_way(step) and not goes_on(step, ending)]
    for step in pipeline.steps:
        if look.status(step.id).state is not StepState.WAITING:
            continue
        if ending is not None and not goes_on(step, ending):
            skips[step.id] = _ENDED[ending]
        elif look.needs_ended(step):
            if step.needs and not _is_met(step.run_if, look.needs(step)):
                skips[step.id] = look.reason_unmet(step)
            elif step.condition is None or (answer := holds(step)) is True:
                starts.append(step.id)
            elif isinstance(answer, Reason):
                failures[step.id] = answer
            else:
                skips[step.id] = Reason("condition_not_met", "Its condition does not hold.")
    outcome = look.outcome(ending) if look.all_ended() else None
    return Advance(tuple(starts), skips, failures, tuple(stops), outcome)


def step_state_of(child: RunState) -> StepState:
    """Return the state of a step that has one child run in this state."""
    return StepState(child) if child.is_terminal else StepState.RUNNING


_ENDED = {
    Ending.CANCELLED: Reason("pipeline_cancelled", "The pipeline was cancelled before it started."),
    Ending.TIMED_OUT: Reason("pipeline_timed_out", "The pipeline took longer than its timeout before it started."),
}


class _Need(Enum):
    """How a needed step counts for the rule of the step that needs it."""

    SUCCEEDED = auto()
    FAILED = auto()
    SKIPPED = auto()
    DISABLED = auto()


def _is_met(rule: RunIf, needs: Collection[_Need]) -> bool:
    """Apply the rule to one need or more. A step that needs none starts at once."""
    match rule:
        case RunIf.ALL_SUCCESS:
            return all(need is _Need.SUCCEEDED for need in needs)
        case RunIf.AT_LEAST_ONE_SUCCESS:
            return _Need.SUCCEEDED in needs
        case RunIf.NONE_FAILED:
            return _Need.SUCCEEDED in needs and _Need.FAILED not in needs
        case RunIf.AT_LEAST_ONE_FAILED:
            return _Need.FAILED in needs
        case RunIf.ALL_FAILED:
            return all(need is _Need.FAILED for need in needs)
        case RunIf.ALL_DONE | RunIf.ALWAYS:
            return True


def _can_be_met(step: Step, disabled: Collection[str]) -> bool:
    """Tell whether the rule can be met while these needs are disabled, if the others do what suits it best."""
    return any(
        _is_met(step.run_if, [_Need.DISABLED if need in disabled else best for need in step.needs])
        for best in (_Need.SUCCEEDED, _Need.FAILED)
    )


class _Look:
    """One look at the steps, with what their states mean for one another."""

    def __init__(self, pipeline: Pipeline, statuses: Mapping[str, StepStatus]) -> None:
        self._pipeline = pipeline
        self._statuses = statuses
        # The failed steps whose failure is not handled when the step, and everything before it, has ended.
        self._unhandled: dict[str, frozenset[str]] = {}
        for step in pipeline.in_order:
            self._unhandled[step.id] = self._unhandled_at(step)

    def status(self, step_id: str) -> StepStatus:
        return self._statuses.get(step_id, _WAITING)

    def is_under_way(self, step: Step) -> bool:
        return self.status(step.id).state in (StepState.RUNNING, StepState.AWAITING_APPROVAL)

    def needs_ended(self, step: Step) -> bool:
        return all(self.status(need).state.has_ended for need in step.needs)

    def all_ended(self) -> bool:
        return all(self.status(step.id).state.has_ended for step in self._pipeline.steps)

    def needs(self, step: Step) -> list[_Need]:
        return [self._need(need) for need in step.needs]

    def reason_unmet(self, step: Step) -> Reason:
        failed = [need for need in step.needs if self._need(need) is _Need.FAILED]
        others = [need for need in step.needs if self._need(need) not in (_Need.FAILED, _Need.SUCCEEDED)]
        if step.run_if in (RunIf.AT_LEAST_ONE_FAILED, RunIf.ALL_FAILED):
            unlike = [need for need in step.needs if need not in failed]
            return Reason("no_failure", _sentence(unlike, self._statuses))
        if failed:
            first = self._in_file_order(self._failed_before(step))
            return Reason("need_failed", _sentence(failed, self._statuses), {"steps": first})
        return Reason("need_skipped", _sentence(others, self._statuses))

    def outcome(self, ending: Ending | None) -> Outcome:
        if ending is not None:
            return Outcome(RunState(ending))
        # Each failure that is not handled on the way to one of the last steps has come to one of them.
        unhandled = self._in_file_order(frozenset().union(*(self._unhandled[each] for each in self._last_steps())))
        states = {self.status(step_id).state for step_id in unhandled}
        worst = next((state for state in FAILURES if state in states), None)
        if worst is not None:
            reason = Reason("step_failed", _sentence(unhandled, self._statuses), {"steps": unhandled})
            return Outcome(_OUTCOMES[worst], reason=reason)
        statuses = [self.status(step.id) for step in self._pipeline.steps]
        with_failures = any(status.state.is_failure or status.with_failures for status in statuses)
        return Outcome(
            RunState.SUCCEEDED, with_failures=with_failures, nothing_to_do=not with_failures and not self._any_work()
        )

    def _any_work(self) -> bool:
        return any(
            self.status(step.id).state is StepState.SUCCEEDED and not self.status(step.id).nothing_to_do
            for step in self._pipeline.steps
            if step.run_if is not RunIf.ALWAYS
        )

    def _last_steps(self) -> set[str]:
        return set(self._pipeline.by_id) - {need for step in self._pipeline.steps for need in step.needs}

    def _in_file_order(self, step_ids: Collection[str]) -> list[str]:
        return [step.id for step in self._pipeline.steps if step.id in step_ids]

    def _failed_before(self, step: Step) -> frozenset[str]:
        return frozenset[str]().union(*(self._unhandled[need] for need in step.needs))

    def _unhandled_at(self, step: Step) -> frozenset[str]:
        state = self.status(step.id).state
        if state is StepState.SUCCEEDED and step.run_if in _HANDLES:
            return frozenset()
        before = self._failed_before(step)
        return before | {step.id} if state.is_failure else before

    def _need(self, step_id: str) -> _Need:
        state = self.status(step_id).state
        if state is StepState.SUCCEEDED:
            return _Need.SUCCEEDED
        if state is StepState.DISABLED:
            return _Need.DISABLED
        if state is StepState.SKIPPED and not self._unhandled[step_id]:
            return _Need.SKIPPED
        return _Need.FAILED


_OUTCOMES = {
    StepState.CANCELLED: RunState.CANCELLED,
    StepState.TIMED_OUT: RunState.TIMED_OUT,
    StepState.LOST: RunState.LOST,
    StepState.FAILED: RunState.FAILED,
    StepState.REJECTED: RunState.FAILED,
    StepState.EXPIRED: RunState.FAILED,
}


def _sentence(step_ids: Sequence[str], statuses: Mapping[str, StepStatus]) -> str:
    """Say how these steps ended, the first few by name."""
    said = [f"`{each}` {WORDS[statuses[each].state]}" for each in step_ids[:MAX_NAMED]]
    if more := len(step_ids) - len(said):
        said.append(f"{more} more")
    return f"{', '.join(said[:-1])} and {said[-1]}." if len(said) > 1 else f"{said[0]}."
