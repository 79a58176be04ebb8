"""Fan-outs whose items are known before any step has run: what is wrong with them is refused at the submission."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace

from ..domain.outcomes import first_statuses
from ..domain.pipeline_checks import upstream
from ..domain.pipelines import Pipeline, Reference, RunIf, Step
from ..domain.plans import PlannedStep
from ..domain.runs import Run
from ..errors import Refused
from ..ports import Transaction
from .context import Services
from .pipeline_values import StepValues
from .slow_expressions import TakesLong

_KNOWN_LATER = re.compile(r"\b(?:steps|run)\b")


def check_known_items(
    ctx: Services, tx: Transaction, run: Run, pipeline: Pipeline, plan: Mapping[str, PlannedStep]
) -> None:
    """Refuse the run when a fan-out that is sure to start cannot start with these parameters of the pipeline."""
    # A run that waits for others has not started yet. No expression that is evaluated here asks when.
    run = replace(run, started_at=run.created_at)
    values = StepValues(ctx, tx, run, pipeline, first_statuses(pipeline), folder="")
    for step in pipeline.steps:
        if step.id in plan and step.for_each is not None and _is_sure_to_start(pipeline, step) and _is_known(step):
            _check(tx, step, plan[step.id], values)


def _check(tx: Transaction, step: Step, planned: PlannedStep, values: StepValues) -> None:
    manifest = tx.versions.get(planned.job_id, planned.version_digest).manifest
    try:
        # An expression with a loop is evaluated later, outside of transactions.
        with suppress(TakesLong):
            values.parameters(step, manifest, values.items(step))
    except Refused as error:
        raise Refused(f"Step `{step.id}`: {error.message}", code=error.precise_code, step=step.id) from error


def _is_sure_to_start(pipeline: Pipeline, step: Step) -> bool:
    """Tell whether the step starts unless another one fails: a branch that is not taken may have wrong items."""
    chain = [step, *(pipeline.by_id[step_id] for step_id in upstream(pipeline)[step.id])]
    return all(each.condition is None and each.run_if is RunIf.ALL_SUCCESS for each in chain)


def _is_known(step: Step) -> bool:
    return not any(map(_KNOWN_LATER.search, _expressions(step)))


def _expressions(step: Step) -> Iterator[str]:
    assert step.for_each is not None
    yield step.for_each.key or ""
    for given in (step.for_each.inputs, *step.parameters.values()):
        if isinstance(given, Reference):
            yield given.cel
