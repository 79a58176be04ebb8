"""The plan of a repair: which steps of an earlier run keep their results, which run again, and why.

All of it follows from the two pipelines, the codes of their steps and the statuses of the earlier run.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from ..errors import InvalidRequest, Refused
from .environments import Resources
from .outcomes import WORDS, first_statuses
from .parameters import Json
from .pipeline_checks import upstream
from .pipelines import Pipeline, Reference, Step, StepState, StepStatus
from .settings import GivenSettings


@dataclass(frozen=True)
class RepairWish:
    """The wish of people for a repair. `parameters` replaces all of the earlier ones; None: they stay.

    `newer`: take the pipeline's files as they are now. The steps of `start_from` run again although they succeeded.
    Nothing runs that comes after `until`, and nothing but `only`.
    """

    newer: bool = False
    start_from: tuple[str, ...] = ()
    until: str | None = None
    only: str | None = None
    parameters: Mapping[str, Json] | None = None


WHAT_FAILED = RepairWish()
"""The wish to run again what did not succeed, in the same version."""


class Fate(StrEnum):
    """The treatment of a step by a repair."""

    TAKEN_OVER = "taken_over"
    RUNS = "runs"
    NOT_WANTED = "not_wanted"
    DISABLED = "disabled"


@dataclass(frozen=True)
class StepRepair:
    """The fate of a step, with a sentence that says why. It is empty for a step that is taken over.

    `items` are the keys of a fan-out's items that are taken over although the step runs again.
    """

    fate: Fate
    why: str = ""
    items: frozenset[str] = frozenset()


@dataclass(frozen=True)
class EarlierStep:
    """A step of the earlier run. `code` is the digest of the version that it ran; None for an approval.

    `damage` is a sentence when its result cannot be taken over. `whole_items` are the keys of the items whose results
    can be.
    """

    step: Step
    status: StepStatus
    code: str | None = None
    damage: str = ""
    whole_items: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Repair:
    """The present pipeline with the codes of its steps, and the earlier run that is repaired."""

    pipeline: Pipeline
    codes: Mapping[str, str]
    earlier: Mapping[str, EarlierStep]
    wish: RepairWish = WHAT_FAILED
    changed_parameters: frozenset[str] = field(default_factory=frozenset)

    def plan(self) -> dict[str, StepRepair]:
        """Return the fate of each step, in the order of the file. Refused when nothing would run."""
        wanted = self._wanted()
        disabled = first_statuses(self.pipeline)
        plan: dict[str, StepRepair] = {}
        for step in self.pipeline.in_order:
            if disabled[step.id].state is StepState.DISABLED:
                plan[step.id] = StepRepair(Fate.DISABLED, _message(disabled[step.id]))
            elif not (why := self._why_again(step, plan)):
                plan[step.id] = StepRepair(Fate.TAKEN_OVER)
            elif step.id in wanted:
                plan[step.id] = StepRepair(Fate.RUNS, why, self._kept_items(step, plan))
            else:
                plan[step.id] = StepRepair(Fate.NOT_WANTED, "This repair does not go so far.")
        self._check(plan)
        return {step.id: plan[step.id] for step in self.pipeline.steps}

    def _wanted(self) -> Collection[str]:
        wish, by_id = self.wish, self.pipeline.by_id
        for step_id in (*wish.start_from, wish.until, wish.only):
            if step_id is not None and step_id not in by_id:
                raise InvalidRequest(
                    f"The pipeline has no step `{step_id}`. It has: {', '.join(by_id)}.", code="step_not_found"
                )
        if wish.only is not None:
            if wish.start_from or wish.until is not None:
                raise InvalidRequest("A repair of one step alone takes no other step to start from or to end with.")
            return {wish.only}
        if wish.until is None:
            return set(by_id)
        wanted = {wish.until, *upstream(self.pipeline)[wish.until]}
        if outside := [step_id for step_id in wish.start_from if step_id not in wanted]:
            raise InvalidRequest(f"`{outside[0]}` does not come before `{wish.until}`, where this repair ends.")
        return wanted

    def _why_again(self, step: Step, plan: Mapping[str, StepRepair]) -> str:
        """Return why the step cannot keep its result; empty when it can."""
        if step.id in self.wish.start_from or step.id == self.wish.only:
            return "You asked for it."
        earlier = self.earlier.get(step.id)
        if earlier is None:
            return "It is new."
        again = [need for need in step.needs if plan[need].fate in (Fate.RUNS, Fate.NOT_WANTED)]
        follows = f"`{again[0]}` {_AGAIN[plan[again[0]].fate]}." if again else ""
        if not _has_result(earlier.status):
            # A skip mostly follows from a failure before it, which says more.
            skipped = earlier.status.state is StepState.SKIPPED
            state = (skipped and follows) or _sentence_of_state(earlier.status)
            return " ".join(filter(None, (state, self._change(step, earlier))))
        return self._change(step, earlier) or follows or earlier.damage

    def _change(self, step: Step, earlier: EarlierStep) -> str:
        if self.codes.get(step.id) != earlier.code:
            return "Its code changed."
        if _definition(step) != _definition(earlier.step):
            return "The pipeline's file says something else about it."
        read = sorted(name for name in self.changed_parameters if _reads(step, name))
        return f"The parameter `{read[0]}` changed." if read else ""

    def _kept_items(self, step: Step, plan: Mapping[str, StepRepair]) -> frozenset[str]:
        """Return the items of a fan-out whose results stay: those that are whole, when nothing else changed."""
        earlier = self.earlier.get(step.id)
        if earlier is None or earlier.status.items is None or step.for_each is None:
            return frozenset()
        asked = step.id in self.wish.start_from or step.id == self.wish.only
        stays = all(plan[need].fate in (Fate.TAKEN_OVER, Fate.DISABLED) for need in step.needs)
        if asked or not stays or self._change(step, earlier):
            return frozenset()
        # A step of which all items are whole did not end because of one of them: all of it runs again.
        kept = earlier.whole_items
        return kept if len(kept) < len(earlier.status.items) else frozenset()

    def _check(self, plan: Mapping[str, StepRepair]) -> None:
        if self.wish.only is not None:
            missing = [
                need
                for need in self.pipeline.by_id[self.wish.only].needs
                if plan[need].fate not in (Fate.TAKEN_OVER, Fate.DISABLED)
            ]
            if missing:
                raise Refused(
                    f"`{self.wish.only}` cannot run alone: the result of `{missing[0]}` cannot be taken over. "
                    f"Repair up to `{self.wish.only}` instead.",
                    code="need_not_taken_over",
                )
        if not any(step.fate is Fate.RUNS for step in plan.values()):
            raise Refused(
                "Every step keeps its result, so there is nothing to repair. Name a step to start from, or change what "
                "should run again and take the newer files.",
                code="nothing_to_repair",
            )


_AGAIN = {Fate.RUNS: "runs again", Fate.NOT_WANTED: "has no result"}

_OWN_SKIPS = ("condition_not_met", "need_skipped", "no_failure")
"""The reasons of skips that follow from the steps before, and so stay as long as these stay."""


def _has_result(status: StepStatus) -> bool:
    if status.state is StepState.SKIPPED:
        return status.reason is not None and status.reason.code in _OWN_SKIPS
    return status.state is StepState.SUCCEEDED


def _sentence_of_state(status: StepStatus) -> str:
    return f"It {WORDS[status.state]}." if status.state in WORDS else "It has not ended."


def _message(status: StepStatus) -> str:
    return status.reason.message if status.reason else ""


def _definition(step: Step) -> Step:
    """Return the step without that which changes nothing about its result: its name for people, place and limits."""
    return replace(
        step,
        title="",
        image=None,
        kernel=None,
        resources=Resources(),
        settings=GivenSettings(),
        disabled=False,
        reuse=True,
    )


def _reads(step: Step, parameter: str) -> bool:
    """Tell whether the step may read the parameter of the pipeline. In doubt it does."""
    if step.for_each is not None and step.for_each.is_grid:
        return True
    return any("params" in each and _has_word(each, parameter) for each in _expressions(step))


def _has_word(expression: str, name: str) -> bool:
    without_name = re.search(r"\bparams\b(?!\s*\.)", expression) is not None
    return without_name or re.search(rf"\b{re.escape(name)}\b", expression) is not None


def _expressions(step: Step) -> list[str]:
    given: list[Any] = [*step.parameters.values(), *step.variables.values()]
    if step.for_each is not None:
        given += [step.for_each.inputs, Reference(step.for_each.key or "")]
    return [step.condition or "", *(each.cel for each in given if isinstance(each, Reference))]
