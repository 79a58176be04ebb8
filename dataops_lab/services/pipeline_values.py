"""The values of a step's expressions, and the files that other steps left for it."""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from ..domain.expressions import Context, StepResult, scope_of
from ..domain.fan_outs import check_size, checked_items, keyed
from ..domain.inputs import Inputs
from ..domain.parameters import Json
from ..domain.pipeline_checks import upstream
from ..domain.pipelines import Given, Item, Pipeline, Reference, Step, StepKind, StepState, StepStatus
from ..domain.plans import PlannedStep
from ..domain.records import RecordFile
from ..domain.runs import Reason, Run
from ..domain.step_files import LeftFile, arrivals
from ..domain.sweeps import points
from ..domain.variables import check_value
from ..domain.versions import IncludedFile, Manifest
from ..errors import Refused
from ..ports import Part, Transaction
from .context import Services
from .slow_expressions import Question, TakesLong, answers


class StepValues:
    """The values and files of one pipeline run. Each is read once, and only where somebody asks for it.

    `statuses` are those of now: steps that have ended stay as they are. Methods raise Refused, with a sentence for the
    step that then fails.
    """

    def __init__(
        self,
        ctx: Services,
        tx: Transaction,
        run: Run,
        pipeline: Pipeline,
        statuses: Mapping[str, StepStatus],
        *,
        folder: str,
    ) -> None:
        self._ctx, self._tx, self._run = ctx, tx, run
        self._pipeline, self._statuses, self._folder = pipeline, statuses, folder
        self._before = upstream(pipeline)
        self._parts: dict[str, Sequence[Part]] = {}
        self._values: dict[str, dict[str, Json]] = {}
        self.questions: list[Question] = []
        """The expressions whose values nobody knows yet. A method that needs one raises TakesLong."""

    def holds(self, step: Step) -> bool | Reason:
        """Evaluate the condition of a step that has one. Return the reason when it cannot be evaluated."""
        assert step.condition is not None
        try:
            answer = self._evaluated(step, step.condition)
        except Refused as error:
            return Reason(error.precise_code, f"Its condition cannot be evaluated. {error.message}")
        if not isinstance(answer, bool):
            return Reason("expression_failed", "Its condition gives neither true nor false. Write a comparison.")
        return answer

    def items(self, step: Step) -> tuple[Item, ...]:
        """Return the items of a fan-out, each with its key."""
        assert step.for_each is not None
        inputs = step.for_each.inputs
        if step.for_each.is_grid:
            assert isinstance(inputs, dict)
            return points(inputs)
        values = checked_items(self._evaluated(step, inputs.cel) if isinstance(inputs, Reference) else inputs)
        if step.for_each.key is None:
            return keyed(values)
        numbered = [Item(str(place), value) for place, value in enumerate(values, 1)]
        return keyed(values, self._evaluated_for_each(step, step.for_each.key, numbered))

    def parameters(self, step: Step, manifest: Manifest, items: Sequence[Item | None]) -> list[dict[str, Any]]:
        """Return the parameters of the step's runs, checked, in the order of `items`; [None] without a fan-out."""
        columns = {name: self._column(step, given, items) for name, given in step.parameters.items()}
        found = []
        for position, item in enumerate(items):
            try:
                given = {name: columns[name][position] for name in step.parameters}
                if item is not None and step.for_each is not None and step.for_each.is_grid:
                    given = {**self._run.parameters, **item.value}
                found.append(manifest.parameters.validate(given))
            except Refused as error:
                if item is None:
                    raise
                raise Refused(f"Item {item.key!r}: {error.message}", code=error.precise_code) from error
        return found

    def variables(self, step: Step, items: Sequence[Item | None]) -> list[dict[str, str]]:
        """Return the environment variables of the step's runs, in the order of `items`; [None] without a fan-out."""
        columns = {name: self._column(step, given, items) for name, given in step.variables.items()}
        return [_texts({name: column[position] for name, column in columns.items()}) for position in range(len(items))]

    def inputs(self, step: Step, planned: PlannedStep, manifest: Manifest) -> str | None:
        """Store the inputs of the step's runs, and return their digest."""
        if not step.files:
            return planned.inputs_digest
        return self._tx.inputs.put(self.find_inputs(step, planned, manifest))

    def find_inputs(self, step: Step, planned: PlannedStep, manifest: Manifest) -> Inputs:
        """Return the inputs of the step's runs: those of the plan, and files of other steps.

        A file of another step replaces the one of the workspace at its path.
        """
        left = {found: file for giver in {files.step for files in step.files} for found, file in self._left_by(giver)}
        owing = [
            step_id
            for step_id, status in self._statuses.items()
            if status.state is StepState.SUCCEEDED and not _had_no_items(status)
        ]
        arrived = arrivals(step, list(left), succeeded=owing, base=self._folder)
        if step.kind is not StepKind.COMMAND and manifest.source_path in arrived:
            giver = arrived[manifest.source_path].giver
            raise Refused(
                f"A file of {giver} would replace {manifest.source_path!r}, which `{step.id}` runs. Give it another "
                "folder with `into`.",
                code="step_files_collide",
            )
        planned_inputs = self._tx.inputs.get(planned.inputs_digest)
        files = {file.path: file for file in planned_inputs.files}
        for path, found in arrived.items():
            files[path] = IncludedFile(path, left[found].digest, left[found].size)
        folders = tuple(folder for folder in planned_inputs.folders if not _holds_any(folder, files))
        return Inputs(tuple(files[path] for path in sorted(files)), folders)

    def _column(self, step: Step, given: Given, items: Sequence[Item | None]) -> list[Json]:
        """Return the value of one parameter for each item."""
        if not isinstance(given, Reference):
            return [given] * len(items)
        if step.for_each is None or step.for_each.item not in given.cel:
            return [self._evaluated(step, given.cel)] * len(items)
        return self._evaluated_for_each(step, given.cel, [item for item in items if item])

    def _evaluated_for_each(self, step: Step, expression: str, items: Sequence[Item]) -> list[Json]:
        """Return the value for each item. All questions are asked before TakesLong is raised."""
        found = []
        for item in items:
            try:
                found.append(self._evaluated(step, expression, item=item.value))
            except TakesLong:
                continue
            except Refused as error:
                raise Refused(f"Item {item.key!r}: {error.message}", code=error.precise_code) from error
        if len(found) < len(items):
            raise TakesLong
        return found

    def _evaluated(self, step: Step, expression: str, *, item: Json = None) -> Json:
        """Return the value of an expression. TakesLong when it is not known yet: then it is a question."""
        question = Question(step.id, expression, self._context(step, expression, item))
        if not self._ctx.pipelines.takes_long(expression):
            return self._ctx.pipelines.evaluate(expression, question.context)
        try:
            return answers.find(question)
        except TakesLong:
            self.questions.append(question)
            raise

    def _context(self, step: Step, expression: str, item: Json) -> Context:
        with_item = step.for_each is not None and step.for_each.item in expression
        scope = scope_of(self._pipeline, step, before=self._before[step.id], with_item=with_item)
        assert self._run.started_at is not None
        return Context(
            scope=scope,
            run_id=self._run.id,
            run_started=self._run.started_at,
            parameters=self._run.parameters,
            steps={step_id: self._result(step_id, expression) for step_id in scope.steps},
            item=item,
        )

    def _result(self, step_id: str, expression: str) -> StepResult:
        status = self._statuses[step_id]
        values: Mapping[str, Json] = {}
        if _had_no_items(status):
            # Nobody knows what items would have recorded, but a list of it has no members.
            values = {name: [] for name in re.findall(rf"\bsteps\.{step_id}\.values\.(\w+)", expression)}
        elif step_id in expression and "values" in expression:
            values = self._values_of(step_id)
            for name, value in values.items():
                if name in expression:
                    check_size(value, f"The value `{name}` of `{step_id}`")
        return StepResult(status.state, values, status.nothing_to_do, status.with_failures)

    def _values_of(self, step_id: str) -> Mapping[str, Json]:
        if step_id not in self._values:
            parts = self._parts_of(step_id)
            values = self._tx.records.find_values_for_runs([part.id for part in parts])
            if self._pipeline.by_id[step_id].for_each is None:
                self._values[step_id] = dict(values[parts[0].id]) if parts and parts[0].id in values else {}
            else:
                self._values[step_id] = self._gathered(step_id, parts, values)
        return self._values[step_id]

    def _gathered(
        self, step_id: str, parts: Sequence[Part], values: Mapping[str, Mapping[str, Json]]
    ) -> dict[str, Json]:
        """Return each value as a list with a place for each item: null where the item did not leave it."""
        of_item = {part.item_key: values.get(part.id, {}) for part in parts}
        keys = [item.key for item in self._statuses[step_id].items or ()]
        names = dict.fromkeys(name for left in of_item.values() for name in left)
        return {name: [of_item.get(key, {}).get(name) for key in keys] for name in names}

    def _left_by(self, step_id: str) -> Iterable[tuple[LeftFile, RecordFile]]:
        parts = self._parts_of(step_id)
        records = self._tx.records.find_for_runs([part.id for part in parts])
        for part in parts:
            if part.id in records:
                for file in records[part.id].artifacts:
                    yield LeftFile(step_id, file.path, part.item_key), file

    def _parts_of(self, step_id: str) -> Sequence[Part]:
        if step_id not in self._parts:
            self._parts[step_id] = self._tx.pipelines.list_parts(self._run.id, [step_id]).get(step_id, ())
        return self._parts[step_id]


def _texts(variables: Mapping[str, Json]) -> dict[str, str]:
    """Return the variables that have a value. Refused for one that is not a text, or too long."""
    found = {}
    for name, value in variables.items():
        if value is None:
            continue
        if not isinstance(value, str):
            raise Refused(
                f"The variable {name} needs a text, and its expression gives {json.dumps(value)[:40]}. Write "
                "`string(…)` around it.",
                code="variable_not_text",
            )
        check_value(name, value)
        found[name] = value
    return found


def _had_no_items(status: StepStatus) -> bool:
    """Tell whether the step is a fan-out over an empty list."""
    return status.items is not None and not status.items


def _holds_any(folder: str, paths: Collection[str]) -> bool:
    return any(posixpath.commonpath([folder, path]) == folder for path in paths) if folder else bool(paths)
