"""Reading `NAME.pipeline.yaml`: the pipeline, and everything that is wrong, each with its place in the file."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from graphlib import CycleError
from typing import Any

from pydantic import BaseModel, ValidationError

from .. import yaml12
from ..domain.environments import Resources
from ..domain.expressions import UNSAYABLE, CheckedExpression, Scope, scope_of
from ..domain.fan_outs import check_size
from ..domain.jobs import JobKind
from ..domain.outputs import MADE, Output
from ..domain.outputs import find_problems as find_output_problems
from ..domain.parameters import NOT_FINITE, Json, Parameter, ParameterSchema, ParameterType
from ..domain.pipeline_checks import nearest, problems_of, upstream
from ..domain.pipelines import (
    MAX_STEPS,
    Approval,
    FilesFrom,
    ForEach,
    Given,
    Pipeline,
    Reference,
    Step,
    StepKind,
    Tolerance,
)
from ..domain.settings import GivenSettings
from ..errors import Refused
from ..ports.pipelines import FileProblem, Reading
from .expressions import check
from .model import (
    ApprovePart,
    DefaultsPart,
    FilesPart,
    ForEachPart,
    OutputPart,
    ParameterPart,
    PipelineFile,
    ResourcesPart,
    StepPart,
)

MAX_PROBLEMS = 100
MAX_EXPRESSIONS = 2_000
_LONGEST_NAME = 80  # in messages
_NOT_A_LITERAL = "Write the whole value as one expression, such as {cel: '{\"region\": params.region}'}."


def read(data: bytes) -> Reading:
    """Read a file. Nothing in it makes this raise."""
    try:
        document = yaml12.read(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        return Reading(None, (FileProblem("This is not a text in UTF-8. Save the file with that encoding.", line),))
    except yaml12.YamlError as error:
        at = error.position or yaml12.Position()
        message = f"{error.problem[0].upper()}{error.problem[1:]}."
        return Reading(None, (FileProblem(message, at.line, at.column),))
    found = _Found(document)
    for path, at in document.repeated_keys():
        found.add(f"{_name(path[-1])} is there twice. Take one of them out.", path, at)
    pipeline = _pipeline(document, found)
    problems = sorted(found.problems, key=lambda problem: (problem.line, problem.column))
    return Reading(pipeline, tuple(problems[:MAX_PROBLEMS]), found.places)


class _Found:
    """The problems that were found."""

    def __init__(self, document: yaml12.Document) -> None:
        self._document = document
        self.places = {path: (at.line, at.column) for path, at in document.positions()}
        self.problems: dict[FileProblem, None] = {}

    def add(self, message: str, path: yaml12.Path = (), at: yaml12.Position | None = None) -> None:
        place = at or self._document.position(path)
        step = str(path[1]) if len(path) > 1 and path[0] == "steps" else None
        self.problems[FileProblem(message, place.line, place.column, step)] = None

    def expression(self, checked: CheckedExpression, path: yaml12.Path) -> None:
        for problem in checked.problems:
            self.add(problem.message, path, self._document.inside(path, problem.line, problem.column))


def _pipeline(document: yaml12.Document, found: _Found) -> Pipeline | None:
    try:
        file = PipelineFile.model_validate({} if document.value is None else document.value)
    except ValidationError as error:
        for each in error.errors(include_url=False)[:MAX_PROBLEMS]:
            found.add(_explained(each), each["loc"])
        return None
    if len(file.steps) > MAX_STEPS:  # the graph of many more would take too much memory
        message = f"A pipeline has at most {MAX_STEPS} steps, and this one has {len(file.steps):,}. Make parts of it."
        found.add(message, ["steps"])
        return None
    pipeline = Pipeline(
        steps=tuple(_step(step_id, part, file.defaults, found) for step_id, part in file.steps.items()),
        parameters=ParameterSchema(tuple(_parameters(file.parameters, found))),
        settings=GivenSettings(total_timeout_s=file.timeout),
        concurrency=file.concurrency,
        title=file.title,
        outputs=tuple(
            Output(part.path, part.source, part.optional, part.overwrite, part.step) for part in file.outputs
        ),
    )
    _check_outputs(pipeline, found)
    known = {problem.step for problem in found.problems}
    for problem in problems_of(pipeline):
        if problem.step is None or problem.step not in known:  # it may follow from what is known
            where = ["steps", problem.step] if problem.step else []
            found.add(problem.message, [*where, *([problem.member] if problem.member else [])])
    try:
        before = upstream(pipeline)
    except CycleError:
        return pipeline  # nothing comes before anything
    _check_expressions(pipeline, before, found)
    return pipeline


def _check_outputs(pipeline: Pipeline, found: _Found) -> None:
    for number, output in enumerate(pipeline.outputs):
        step = pipeline.step(output.step or "")
        if step is None:
            message = f"`{output.step}` is not a step.{nearest(output.step or '', list(pipeline.by_id))}"
            found.add(message, ["outputs", number, "step"])
        elif step.kind is StepKind.APPROVAL or (output.source in MADE and step.kind is not StepKind.NOTEBOOK):
            found.add(
                f"`{step.id}` leaves no {output.source or 'file'}. Name another step.", ["outputs", number, "step"]
            )
    where = {id(output): number for number, output in enumerate(pipeline.outputs)}
    problems = find_output_problems(
        pipeline.outputs, pipeline.parameters, kind=JobKind.PIPELINE, folder=None, fans_out=pipeline.fan_outs
    )
    for output, message in problems:
        found.add(message, ["outputs", where[id(output)], "path"])


def _parameters(parts: Mapping[str, ParameterPart], found: _Found) -> Iterator[Parameter]:
    for name, part in parts.items():
        path = ["parameters", name]
        if not name.isascii() or not name.isidentifier() or name in UNSAYABLE:
            found.add(f"{name[:80]!r} is not a name of a parameter. Use letters, digits and underscores.", path)
        if _is_reference(part.default):
            found.add("A default is a value, and takes no expression.", [*path, "default"])
            continue
        given = "default" in part.model_fields_set
        if given and part.required:
            found.add("A parameter that must be given has no default. Take one of both out.", [*path, "required"])
        parameter = Parameter(
            name=name,
            type=part.type,
            default=_json(part.default),
            required=not given if part.required is None else part.required,
            nullable=part.nullable,
            description=part.description,
            choices=tuple(_json(choice) for choice in part.choices),
            items=part.items,
        )
        if given and (problem := parameter.find_problem(parameter.default)):
            found.add(f"The default of `{name}` {problem}.", [*path, "default"])
        if part.items and part.type is not ParameterType.LIST:
            found.add("`items` is the type of the members of a list. Set `type: list`.", [*path, "items"])
        yield parameter


def _step(step_id: str, part: StepPart, defaults: DefaultsPart, found: _Found) -> Step:
    path = ["steps", step_id]
    kinds = {
        StepKind.NOTEBOOK: part.notebook,
        StepKind.SCRIPT: part.script,
        StepKind.COMMAND: part.command,
        StepKind.APPROVAL: part.approve,
    }
    given = [kind for kind, value in kinds.items() if value is not None]
    kind = given[0] if given else StepKind.COMMAND
    if len(given) != 1:
        found.add("A step has exactly one of `notebook`, `script`, `command` and `approve`.", path)
    if step_id in UNSAYABLE:
        found.add(f"`{step_id}` is a word of the language of expressions. Give the step another id.", path)
    return Step(
        id=step_id,
        kind=kind,
        path=part.notebook if part.notebook is not None else part.script,
        command=tuple(part.command or ()),
        include=tuple(part.include),
        approval=_approval(part.approve) if part.approve else None,
        title=part.title,
        needs=tuple(part.needs),
        condition=part.condition,
        run_if=part.run_if,
        for_each=_for_each(part.for_each, [*path, "for_each"], found) if part.for_each else None,
        parameters={
            name: _given(value, [*path, "with", name], found, f"The value of `{name}`")
            for name, value in part.parameters.items()
        },
        files=tuple(FilesFrom(each.giver, tuple(each.paths), each.into) for each in part.files),
        outputs=tuple(part.outputs),
        disabled=part.disabled,
        reuse=part.reuse,
        # People are asked nowhere in particular.
        **_settings(part, defaults if kind is not StepKind.APPROVAL else DefaultsPart(), kind),
    )


def _settings(part: StepPart, defaults: DefaultsPart, kind: StepKind) -> dict[str, Any]:
    """Return the settings of a step: its own, else the defaults. Resources and variables are joined by name."""

    def first(own: Any, default: Any) -> Any:
        return default if own is None else own

    resources = {
        name: first(getattr(part.resources, name), getattr(defaults.resources, name))
        for name in ResourcesPart.model_fields
    }
    memory = resources.pop("memory")
    return {
        "image": first(part.image, defaults.image),
        # Only notebooks have kernels, so the default is for them.
        "kernel": first(part.kernel, defaults.kernel if kind is StepKind.NOTEBOOK else None),
        "resources": Resources(memory_bytes=memory, **resources),
        "settings": GivenSettings(
            max_retries=first(part.retries, defaults.retries), timeout_s=first(part.timeout, defaults.timeout)
        ),
        "variables": {
            name: Reference(value["cel"]) if _is_reference(value) else value
            for name, value in {**defaults.env, **part.env}.items()
        },
    }


def _approval(part: ApprovePart) -> Approval:
    return Approval(part.ask, tuple(part.who), part.within)


def _for_each(part: ForEachPart, path: yaml12.Path, found: _Found) -> ForEach:
    return ForEach(
        inputs=_given(part.inputs, [*path, "inputs"], found, "The list"),
        item=part.item,
        key=part.key,
        concurrency=part.concurrency,
        max_failures=part.max_failures or Tolerance(),
    )


def _given(value: Any, path: yaml12.Path, found: _Found, subject: str) -> Given:
    """Read a value: a mapping with `cel` alone is a reference, everything else is itself."""
    if _is_reference(value):
        if isinstance(value["cel"], str):
            return Reference(value["cel"])
        found.add("An expression is a text. Put it in quotes.", [*path, "cel"])
    elif inner := next(_references(value, path), None):
        found.add(f"An expression stands for a whole value, not for a part of one. {_NOT_A_LITERAL}", inner)
    else:
        try:
            check_size(value, subject)
        except Refused as error:
            found.add(error.message, path)
    return _json(value)


def _is_reference(value: Any) -> bool:
    return isinstance(value, dict) and value.keys() == {"cel"}


def _references(value: Any, path: yaml12.Path) -> Iterator[yaml12.Path]:
    """Yield the path of each reference within a value."""
    members: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, member in members:
        if _is_reference(member):
            yield [*path, step]
        yield from _references(member, [*path, step])


def _json(value: Any) -> Json:
    """Return the value as JSON, in which numbers that are not finite travel as texts."""
    if isinstance(value, dict):
        return {name: _json(member) for name, member in value.items()}
    if isinstance(value, list):
        return [_json(member) for member in value]
    if isinstance(value, float) and not math.isfinite(value):
        return next(text for text in NOT_FINITE if text == str(value))
    return value


# --- expressions ----------------------------------------------------------------------------------


def _check_expressions(pipeline: Pipeline, before: Mapping[str, frozenset[str]], found: _Found) -> None:
    count = sum(
        isinstance(given, Reference)
        for step in pipeline.steps
        for given in (*step.parameters.values(), *step.variables.values())
    )
    if count > MAX_EXPRESSIONS:
        found.add(f"A pipeline has at most {MAX_EXPRESSIONS:,} expressions, and this one has {count:,}.", ["steps"])
        return
    for step in pipeline.steps:
        path = ["steps", step.id]
        plain = scope_of(pipeline, step, before=before[step.id], with_item=False)
        of_item = scope_of(pipeline, step, before=before[step.id], with_item=True)
        if step.condition is not None:
            # A condition is asked once, before there are items.
            _check_one(step.condition, plain, [*path, "if"], found, ParameterType.BOOLEAN)
        if step.for_each:
            if isinstance(step.for_each.inputs, Reference):
                _check_one(
                    step.for_each.inputs.cel, plain, [*path, "for_each", "inputs", "cel"], found, ParameterType.LIST
                )
            if step.for_each.key is not None:
                _check_one(step.for_each.key, of_item, [*path, "for_each", "key"], found, *_KEYS)
        for name, given in step.parameters.items():
            if isinstance(given, Reference):
                _check_one(given.cel, of_item, [*path, "with", name, "cel"], found, ParameterType.ANY)
        for name, variable in step.variables.items():
            if isinstance(variable, Reference):
                own = ("env", name, "cel")
                place = [*path, *own] if (*path, *own) in found.places else ["defaults", *own]
                _check_one(variable.cel, of_item, place, found, ParameterType.STRING, needed=_NEEDED_OF_VARIABLE)


_KEYS = (ParameterType.STRING, ParameterType.NUMBER, ParameterType.BOOLEAN)
_NEEDED = {
    ParameterType.BOOLEAN: "A condition gives true or false",
    ParameterType.LIST: "A fan-out needs a list",
    ParameterType.STRING: "A key is a text or a number",
}
_NEEDED_OF_VARIABLE = "A variable is a text"


def _check_one(
    expression: str,
    scope: Scope,
    path: yaml12.Path,
    found: _Found,
    *types: ParameterType,
    needed: str | None = None,
) -> None:
    checked = check(expression, scope)
    found.expression(checked, path)
    if not checked.problems and not checked.can_be(*types):
        found.add(f"{needed or _NEEDED[types[0]]}, and this expression gives {_GIVES[checked.type]}.", path)


_GIVES = {
    ParameterType.STRING: "a text",
    ParameterType.INTEGER: "a number",
    ParameterType.NUMBER: "a number",
    ParameterType.BOOLEAN: "true or false",
    ParameterType.DATETIME: "a point in time",
    ParameterType.LIST: "a list",
    ParameterType.MAPPING: "a mapping",
}

# --- messages -------------------------------------------------------------------------------------

_PARTS: dict[str, type[BaseModel]] = {
    "defaults": DefaultsPart,
    "resources": ResourcesPart,
    "for_each": ForEachPart,
    "approve": ApprovePart,
    "files": FilesPart,
    "outputs": OutputPart,
}
_WANTED = {
    "string_type": "needs a text. Put it in quotes",
    "list_type": "needs a list, such as [{}]",
    "dict_type": "needs a mapping of names to values",
    "model_type": "needs a mapping of names to values",
    "bool_type": "needs true or false",
    "int_type": "needs a whole number",
    "int_from_float": "needs a whole number",
    "float_type": "needs a number",
    "float_parsing": "needs a number",
}


def _explained(error: Any) -> str:
    """Return what pydantic found in the words of the file."""
    path, kind = error["loc"], error["type"]
    last = path[-1] if path else ""
    if kind == "extra_forbidden":
        return f"{_name(last)} is not known here.{nearest(str(last), _known(path))}"
    if kind == "missing":
        return f"{_name(last)} is missing{_MISSING.get(str(last), '')}."
    if kind in ("enum", "literal_error"):
        expected = str(error["ctx"]["expected"]).replace("'", "`")
        return f"{_name(last)} is one of {expected}, not {repr(error['input'])[:_LONGEST_NAME]}."
    if kind == "value_error":
        return f"{error['ctx']['error']}."
    subject = _name(last) if path else "The file"
    if isinstance(last, int):
        subject = f"Number {last + 1} of {_name(path[-2])}"
    wanted = _WANTED.get(kind, f"is not taken: {error['msg'][0].lower()}{error['msg'][1:]}")
    return f"{subject} {wanted.format(_example(error['input']))}."


def _name(step: int | str) -> str:
    return f"`{str(step)[:_LONGEST_NAME]}`"


_MISSING = {"version": ". Write `version: 1` at the top", "steps": ". A pipeline needs one step or more"}


def _example(value: Any) -> str:
    return value[:40] if isinstance(value, str) else "…"


def _known(path: yaml12.Path) -> list[str]:
    """Return the keys that are known beside the last one of the path."""
    match [step for step in path[:-1] if isinstance(step, str)]:
        case []:
            part: type[BaseModel] = PipelineFile
        case ["parameters", _]:
            part = ParameterPart
        case ["steps", _]:
            part = StepPart
        case [*_, above]:
            part = _PARTS[above]
    return [field.alias or name for name, field in part.model_fields.items()]
